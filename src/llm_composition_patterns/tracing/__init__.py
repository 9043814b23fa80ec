"""Spans of this package: what they are called, who writes them, and where they go."""

from . import _names as names
from ._spans import SpanHandle, Spans, install, listening, span

__all__ = ["SpanHandle", "Spans", "install", "listening", "names", "span"]
