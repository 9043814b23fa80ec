"""For tests of your own: virtual time, and the spans that were written."""

from ..virtual_time import VirtualTimeLoop
from ..virtual_time import run as run_in_virtual_time
from ._spans import SpanRecorder, record_spans

__all__ = ["SpanRecorder", "VirtualTimeLoop", "record_spans", "run_in_virtual_time"]
