"""Timelines: which branch ran when, as bars over time.

Bars are made of outcomes (`bars`) or of spans, and drawn as a picture (`Timeline`) or on a terminal
(`console.print_timeline`).
"""

from ._bars import MAX_ROWS, OK_STATE, Bar, Kind, Part, Segment, bars, branches, left_out, segments, shown, sums
from ._density import density
from ._timeline import Outcomes, Timeline
from ._times import duration, round_times

__all__ = [
    "MAX_ROWS",
    "OK_STATE",
    "Bar",
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
    "round_times",
    "segments",
    "shown",
    "sums",
]
