"""For tests of your own: virtual time, the spans that were written, and a model that plays a script."""

from ..virtual_time import VirtualTimeLoop
from ..virtual_time import run as run_in_virtual_time
from ._scripted import ScriptedModel
from ._spans import SpanRecorder, record_spans

__all__ = ["ScriptedModel", "SpanRecorder", "VirtualTimeLoop", "record_spans", "run_in_virtual_time"]
