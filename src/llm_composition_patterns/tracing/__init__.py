"""Spans of this package: what they are called, who writes them, and where they go."""

from . import _names as names
from ._phoenix import LOCAL_PHOENIX, PHOENIX_GRPC_PORT, PHOENIX_PORT, PHOENIX_VARIABLE, PHOENIX_VERSION_HEADER
from ._setup import Tracing, setup_tracing
from ._shown import spelled
from ._spans import SpanHandle, Spans, add_event, install, listening, set_attributes, span, without_keys
from ._statistics import TracingStatistics
from ._target import endpoint_variable

__all__ = [
    "LOCAL_PHOENIX",
    "PHOENIX_GRPC_PORT",
    "PHOENIX_PORT",
    "PHOENIX_VARIABLE",
    "PHOENIX_VERSION_HEADER",
    "SpanHandle",
    "Spans",
    "Tracing",
    "TracingStatistics",
    "add_event",
    "endpoint_variable",
    "install",
    "listening",
    "names",
    "set_attributes",
    "setup_tracing",
    "span",
    "spelled",
    "without_keys",
]
