"""Spans of this package: what they are called, who writes them, and where they go."""

from . import _names as names
from ._setup import Tracing, setup_tracing
from ._spans import SpanHandle, Spans, add_event, install, listening, span, without_keys
from ._statistics import TracingStatistics
from ._target import LOCAL_PHOENIX, endpoint_variable

__all__ = [
    "LOCAL_PHOENIX",
    "SpanHandle",
    "Spans",
    "Tracing",
    "TracingStatistics",
    "add_event",
    "endpoint_variable",
    "install",
    "listening",
    "names",
    "setup_tracing",
    "span",
    "without_keys",
]
