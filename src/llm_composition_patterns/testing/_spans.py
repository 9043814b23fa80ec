"""Recording the spans that this package writes, for tests."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - before any provider is made, or a fork hangs: see tracing/_provider.py
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from ..tracing import Spans, install

if TYPE_CHECKING:
    from opentelemetry.context import Context

Tree: TypeAlias = "tuple[str, list[Tree]]"
"""A span's name, and the trees of its children."""


class SpanRecorder(SpanProcessor):
    """The spans that ended so far. Made by `record_spans`.

    Attributes:
        spans: Finished spans, in the order of their ends.
    """

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self._started: list[int] = []

    @property
    def names(self) -> list[str]:
        """The names of the finished spans, in the order of their ends."""
        return [span.name for span in self.spans]

    @property
    def unfinished(self) -> int:
        """How many spans were started and have not ended."""
        return len(self._started) - len(self.spans)

    def named(self, name: str) -> list[ReadableSpan]:
        """The finished spans of that name, in the order of their ends."""
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only finished span of that name.

        Raises:
            LookupError: There is none, or several.
        """
        match self.named(name):
            case [span]:
                return span
            case found:
                raise LookupError(f"{len(found)} spans are named {name!r}; recorded were {self.names}")

    def tree(self) -> list[Tree]:
        """The finished spans as nested `(name, [children])`, each level in the order of starts."""
        order = {span_id: place for place, span_id in enumerate(self._started)}
        spans = sorted(self.spans, key=lambda span: order[_id(span)])
        known = {_id(span) for span in spans}
        roots = [span for span in spans if span.parent is None or span.parent.span_id not in known]
        return [_tree(root, spans) for root in roots]

    def clear(self) -> None:
        """Forget what was recorded."""
        self.spans.clear()
        self._started.clear()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's own
        """Note the order of starts."""
        self._started.append(span.get_span_context().span_id)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a finished span."""
        self.spans.append(span)


@contextmanager
def record_spans(config: TraceConfig | None = None) -> Iterator[SpanRecorder]:
    """Record the spans that this package writes inside the `with` block, and send them nowhere.

    Ids are counted, so they are the same in every run.

    Args:
        config: What is masked; default as the environment says.
    """
    recorder = SpanRecorder()
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.get_empty(), shutdown_on_exit=False, id_generator=_CountedIds()
    )
    provider.add_span_processor(recorder)
    before = install(Spans(provider.get_tracer(__name__), config or TraceConfig()))
    try:
        yield recorder
    finally:
        install(before)


def _id(span: ReadableSpan) -> int:
    return span.context.span_id if span.context else 0


def _tree(span: ReadableSpan, spans: Sequence[ReadableSpan]) -> Tree:
    children = (child for child in spans if child.parent is not None and child.parent.span_id == _id(span))
    return span.name, [_tree(child, spans) for child in children]


class _CountedIds(IdGenerator):
    def __init__(self) -> None:
        self._spans, self._traces = count(1), count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)
