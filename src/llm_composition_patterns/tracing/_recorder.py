"""A processor that puts finished spans into lists."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor


class Recorder(SpanProcessor):
    """Appends each span that ends to its lists.

    Attributes:
        sinks: The lists, which may be others at any time.
    """

    def __init__(self, *sinks: list[ReadableSpan]) -> None:
        self.sinks = sinks

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a finished span."""
        for sink in self.sinks:
            sink.append(span)
