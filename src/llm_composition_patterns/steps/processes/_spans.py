"""Spans across processes: what goes along with a call, and what comes back with its answer.

Spans that end in a worker are written again here, with their own ids and times, by the tracer that wrote the caller's:
so they go where all others go, however that was set up, and nothing in a worker has to know it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...tracing import Spans

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Ids = tuple[int, int]
"""Of a trace, and of a span in it."""


class Trace(NamedTuple):
    """What a call takes along.

    Attributes:
        carrier: The headers of W3C that name the current span and the baggage.
        masking: What is masked.
    """

    carrier: dict[str, str]
    masking: dict[str, Any]


class EndedSpan(NamedTuple):
    """A span that ended in a worker, as plain data."""

    name: str
    ids: Ids
    parent: Ids | None
    kind: int
    started: int | None
    ended: int | None
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any], int]]
    links: list[tuple[Ids, dict[str, Any]]]
    status: tuple[int, str | None]


def trace_of(spans: Spans) -> tuple[Any, ...]:
    """What a call takes along, as plain data."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    W3CBaggagePropagator().inject(carrier)
    return carrier, dict(vars(spans.config))


def deliver(spans: Spans, ended: list[tuple[Any, ...]]) -> None:
    """Write spans that ended in a worker, the first to start first, as if they had ended here."""
    ambient = spans.ambient()
    known: dict[Ids, SpanContext] = {}
    for span in map(EndedSpan._make, ended):
        parent = span.parent and (known.get(span.parent) or _context(span.parent))
        known[span.ids] = _write(_naming(spans.tracer, span.ids), span, parent or trace.INVALID_SPAN_CONTEXT, ambient)


def _write(tracer: Tracer, span: EndedSpan, parent: SpanContext, ambient: dict[str, Any]) -> SpanContext:
    written = tracer.start_span(
        span.name,
        trace.set_span_in_context(NonRecordingSpan(parent), Context()),
        SpanKind(span.kind),
        {**ambient, **span.attributes},
        [Link(_context(ids), attributes) for ids, attributes in span.links],
        span.started,
    )
    for name, attributes, when in span.events:
        written.add_event(name, attributes, when)
    code, description = span.status
    if code != StatusCode.UNSET.value:
        written.set_status(Status(StatusCode(code), description))
    written.end(span.ended)
    return written.get_span_context()


def _context(ids: Ids) -> SpanContext:
    current = trace.get_current_span().get_span_context()
    if (current.trace_id, current.span_id) == ids:
        return current
    return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _naming(tracer: Tracer, ids: Ids) -> Tracer:
    """The same tracer, but that the next span gets these ids, where it is one of the SDK; others give new ids."""
    from opentelemetry.sdk.trace import Tracer as SdkTracer  # noqa: PLC0415 - only where spans come back
    from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

    class Given(IdGenerator):
        def generate_trace_id(self) -> int:
            return ids[0]

        def generate_span_id(self) -> int:
            return ids[1]

    if not isinstance(tracer, SdkTracer):
        return tracer
    naming = copy.copy(tracer)
    naming.id_generator = Given()
    return naming
