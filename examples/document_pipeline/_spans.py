"""Spans that are opened in worker processes, by OpenTelemetry's own API: they hang under the branch that called."""

from __future__ import annotations

from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.trace import Span


def spanned(name: str) -> AbstractContextManager[Span]:
    """A span around the body of a `with` block, of the kind that Phoenix calls a chain."""
    tracer = trace.get_tracer("document_pipeline")
    return tracer.start_as_current_span(name, attributes={"openinference.span.kind": "CHAIN"})
