"""Spans of this package: what they are called, who writes them, and where they go."""

from . import _names as names
from ._backpressure import Backpressure
from ._keys import know_key, without_keys, without_known_keys
from ._phoenix import (
    DEFAULT_PROJECT,
    LOCAL_PHOENIX,
    PHOENIX_GRPC_PORT,
    PHOENIX_PORT,
    PHOENIX_VARIABLE,
    PHOENIX_VERSION_HEADER,
    named_project,
)
from ._phoenix_server import PhoenixError, PhoenixServer, phoenix_server
from ._recording import recording
from ._replay import Replay
from ._setup import Tracing, setup_tracing
from ._shown import spelled
from ._spans import SpanHandle, Spans, add_event, install, listening, show_key, span
from ._statistics import TracingStatistics
from ._target import AUTO, OFF, endpoint_variable, resolve

__all__ = [
    "AUTO",
    "DEFAULT_PROJECT",
    "LOCAL_PHOENIX",
    "OFF",
    "PHOENIX_GRPC_PORT",
    "PHOENIX_PORT",
    "PHOENIX_VARIABLE",
    "PHOENIX_VERSION_HEADER",
    "Backpressure",
    "PhoenixError",
    "PhoenixServer",
    "Replay",
    "SpanHandle",
    "Spans",
    "Tracing",
    "TracingStatistics",
    "add_event",
    "endpoint_variable",
    "install",
    "know_key",
    "listening",
    "named_project",
    "names",
    "phoenix_server",
    "recording",
    "resolve",
    "setup_tracing",
    "show_key",
    "span",
    "spelled",
    "without_keys",
    "without_known_keys",
]
