"""Taking over spans of the OpenTelemetry SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._finished_span import KEPT, FinishedSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def finished(span: ReadableSpan | FinishedSpan) -> FinishedSpan:
    """Make a `FinishedSpan` of one that the SDK gives when it has ended.

    Raises:
        TypeError: It is no span, or has not ended.
    """
    if isinstance(span, FinishedSpan):
        return span
    context, end = getattr(span, "context", None), getattr(span, "end_time", None)
    if context is None or end is None:
        raise TypeError(f"a timeline is drawn of finished spans, not of {type(span).__name__}")
    return FinishedSpan(
        name=span.name,
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent is not None else None,
        start=span.start_time or end,
        end=end,
        error="" if span.status.is_ok or span.status.is_unset else span.status.description or "error",
        attributes={key: value for key, value in (span.attributes or {}).items() if key in KEPT},
        links=tuple(f"{link.context.span_id:016x}" for link in span.links),
    )
