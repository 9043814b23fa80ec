"""Spans across the connection: what goes along with an item, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...steps.processes import _spans as process_spans
from ...tracing import listening


def trace_here() -> list[Any] | None:
    """What an item takes along, where somebody listens."""
    spans = listening()
    return None if spans is None else list(process_spans.trace_of(spans))


def deliver(ended: list[Any]) -> None:
    """Write spans that ended in a worker as if they had ended here."""
    spans = listening()
    if ended and spans is not None:
        process_spans.deliver(spans, [_record(span) for span in ended])


def parent_here() -> str | None:
    """The current span, for what is shown on the other side."""
    if listening() is None:
        return None
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def under(parent: str | None) -> Iterator[None]:
    """Hang what is shown in the body under a span of the other side."""
    if parent is None:
        yield
        return
    carrier = {"traceparent": parent}
    token = otel_context.attach(TraceContextTextMapPropagator().extract(carrier, otel_context.get_current()))
    try:
        yield
    finally:
        otel_context.detach(token)


class WorkerSpans:
    """The spans of a worker, which go back with the items' results."""

    def __init__(self) -> None:
        self._kept: Any = None

    def continuing(self, trace: list[Any] | None) -> AbstractContextManager[None]:
        """Hang the spans that are opened in the body under an item's; do nothing where nobody listens."""
        if trace is None:
            return nullcontext()
        if self._kept is None:
            from ...steps.processes._child_spans import ChildSpans  # noqa: PLC0415 - brings the SDK along

            self._kept = ChildSpans()
        continuing: AbstractContextManager[None] = self._kept.continuing(trace)
        return continuing

    def take(self) -> list[Any]:
        """Those that ended since the last time, as plain data."""
        return [] if self._kept is None else list(self._kept.take())


def _record(span: list[Any]) -> tuple[Any, ...]:
    """A span as it was before JSON made lists of its tuples."""
    record = process_spans.EndedSpan._make(span)
    return record._replace(
        ids=_ids(record.ids),
        parent=None if record.parent is None else _ids(record.parent),
        links=[(_ids(ids), attributes) for ids, attributes in record.links],
    )


def _ids(ids: Any) -> process_spans.Ids:
    trace, span = ids
    return trace, span
