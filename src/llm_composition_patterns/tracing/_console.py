"""Printing spans on stderr, a line each, as they end."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode, format_trace_id

from ._batches import Delivered, Delivery

_SHOWN_OF_MESSAGE = 120


class ConsoleExporter:
    """Prints spans on stderr."""

    def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
        """Print a line for each span."""
        print(*map(line, spans), sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - what it is for
        return Delivered()

    def after_fork(self) -> None:
        """Go on with the same stderr."""

    def close(self) -> None:
        """Leave stderr open."""


def line(span: ReadableSpan) -> str:
    """One span in one line: its trace, how long it took, how it ended, what it is called, what it used."""
    context, attributes = span.get_span_context(), span.attributes or {}
    trace = format_trace_id(context.trace_id)[:8] if context else ""
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    failed = span.status.status_code is StatusCode.ERROR
    kind = str(attributes.get("openinference.span.kind", ""))
    told = [f"{trace}  {seconds:8.3f} s  {'ERROR' if failed else 'ok':5}  {kind:9}  {span.name}", _tokens(attributes)]
    if failed:
        told.append(" ".join((span.status.description or "").split())[:_SHOWN_OF_MESSAGE])
    return "  ".join(filter(None, told))


def _tokens(attributes: Mapping[str, Any]) -> str:
    taken, given = (attributes.get(f"llm.token_count.{side}") for side in ("prompt", "completion"))
    return "" if taken is None and given is None else f"{taken or 0} + {given or 0} tokens"
