"""Timelines: which branch ran when, as bars over time.

Bars are made of outcomes (`bars`), and drawn as a picture (`Timeline`) or on a terminal (`console.print_timeline`).
"""

from ._bars import MAX_ROWS, OK_STATE, Bar, bars, leaves, left_out, shown, sums
from ._timeline import Outcomes, Timeline
from ._times import duration, round_times

__all__ = [
    "MAX_ROWS",
    "OK_STATE",
    "Bar",
    "Outcomes",
    "Timeline",
    "bars",
    "duration",
    "leaves",
    "left_out",
    "round_times",
    "shown",
    "sums",
]
