"""Spans in a worker process: kept until the answer of their call takes them along. Imported with the first trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from openinference.instrumentation import TraceConfig
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import ProxyTracerProvider, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...tracing import Spans, install
from ...tracing._provider import make_provider  # not offered by its package: it brings the SDK along
from ._spans import EndedSpan, Ids, Trace


class ChildSpans:
    """Listens to this package, and to the application unless that has its own provider in this process."""

    def __init__(self) -> None:
        self._ended = _Ended()
        self._provider = make_provider(None)
        self._provider.add_span_processor(self._ended)
        self._masking: dict[str, Any] | None = None
        if isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
            trace.set_tracer_provider(self._provider)

    @contextmanager
    def continuing(self, given: tuple[Any, ...]) -> Iterator[None]:
        """Hang the spans that are opened in the body under the caller's."""
        carrier, masking = Trace._make(given)
        if masking != self._masking:
            self._masking = masking
            install(Spans(self._provider.get_tracer(__name__), TraceConfig(**masking)))
        context = TraceContextTextMapPropagator().extract(carrier, otel_context.get_current())
        token = otel_context.attach(W3CBaggagePropagator().extract(carrier, context))
        try:
            yield
        finally:
            otel_context.detach(token)

    def take(self) -> list[tuple[Any, ...]]:
        """The spans that ended since the last time, in the order of their starts, as plain data."""
        return self._ended.take()


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []
        self._order: dict[int, int] = {}
        self._count = count()

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:  # noqa: ARG002 - the SDK's own
        self._order[span.get_span_context().span_id] = next(self._count)

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[tuple[Any, ...]]:
        ended, self._spans = self._spans, []
        records = [_record(span) for span in ended]
        records.sort(key=lambda record: self._order.get(record.ids[1], 0))
        for record in records:
            self._order.pop(record.ids[1], None)
        return [tuple(record) for record in records]


def _record(span: ReadableSpan) -> EndedSpan:
    return EndedSpan(
        name=span.name,
        ids=_ids(span.get_span_context()),
        parent=None if span.parent is None else _ids(span.parent),
        kind=span.kind.value,
        started=span.start_time,
        ended=span.end_time,
        attributes=dict(span.attributes or {}),
        events=[(event.name, dict(event.attributes or {}), event.timestamp) for event in span.events],
        links=[(_ids(link.context), dict(link.attributes or {})) for link in span.links],
        status=(span.status.status_code.value, span.status.description),
    )


def _ids(context: SpanContext | None) -> Ids:
    return (context.trace_id, context.span_id) if context is not None else (0, 0)
