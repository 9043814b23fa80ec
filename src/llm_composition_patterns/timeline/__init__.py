"""Timelines: which branch ran when, as bars over time.

Bars are made of outcomes (`bars`) or of spans, and drawn as a picture (`Timeline`) or on a terminal
(`console.print_timeline`).
"""

from ._bars import MAX_ROWS, OK_STATE, Bar, Kind, Part, Segment, bars, branches, left_out, segments, shown, sums
from ._density import density
from ._finished_span import FinishedSpan
from ._layout import LEGEND, LONGEST_STRIP
from ._one_trace import one_trace
from ._phoenix import read_phoenix
from ._span_bars import span_bars
from ._timeline import Outcomes, Timeline
from ._times import duration, round_times
from ._trace_file import read_trace_file

__all__ = [
    "LEGEND",
    "LONGEST_STRIP",
    "MAX_ROWS",
    "OK_STATE",
    "Bar",
    "FinishedSpan",
    "Kind",
    "Outcomes",
    "Part",
    "Segment",
    "Timeline",
    "bars",
    "branches",
    "density",
    "duration",
    "left_out",
    "one_trace",
    "read_phoenix",
    "read_trace_file",
    "round_times",
    "segments",
    "shown",
    "span_bars",
    "sums",
]
