"""The beginning: from a guessed limit to about the right one, within a few latencies."""

from __future__ import annotations

import math
from typing import Final

from ._knee import Knee
from ._probing import Probing, Step
from ._rounds import Point

_FIRST_GOAL: Final = 3.0
"""Until the first round is judged the limit grows to so many times what it was."""
_SMALL: Final = 8.0
"""Below this an answer raises the limit by 1 only: a server with few slots is overwhelmed at once."""
_SLOWED: Final = math.log(1.5)
"""An answer that took so much longer than the flattest round, or before there is one than the quickest answer, does not
raise the limit."""
_FLAT: Final = 0.15
"""Log latency up to which a round counts as flat."""
_CAREFUL: Final = 1.4
"""How far beyond what was measured a round may raise the limit when latency has risen already."""
_BOLD: Final = 3.0
"""The same when it is clear that the knee is soft."""
_CLEARLY_SOFT: Final = 0.8
_WITHIN: Final = 1.2
"""A goal up to so much above what was measured is taken without measuring more."""


class SlowStart:
    """Grows with every answer while latency is flat, then as the belief about the knee says.

    Args:
        level: The limit at the beginning.
        growth: How much one answer raises the limit while latency is flat.
        sharp: How much more likely than a soft knee a sharp one is.

    Attributes:
        over: The goal is within what was measured.
    """

    __slots__ = ("_flat", "_goal", "_growth", "_judged", "_knee", "over")

    def __init__(self, level: float, *, growth: float, sharp: float = 1.0) -> None:
        self._goal = _FIRST_GOAL * level
        self._growth = growth
        self._knee = Knee(sharp=sharp)
        self._flat = math.inf
        self._judged = False
        self.over = False

    def probing(self) -> Probing:
        """What goes on when it is over."""
        return Probing(flattest=self._knee.flattest, lowest=self._knee.lowest)

    def grown(self, level: float, log_latency: float) -> float:
        """The limit after an answer."""
        if not self._judged and log_latency < self._flat:
            self._flat = log_latency
        if level >= self._goal or log_latency > self._flat + _SLOWED:
            return level
        return min(self._goal, level + (self._growth if level >= _SMALL else 1.0))

    def judge(self, point: Point, level: float) -> Step | None:
        """What a round changes."""
        self._knee.add(point)
        self._flat = self._knee.flattest
        self._judged = True
        goal, softness = self._knee.goal()
        if goal <= _WITHIN * self._knee.highest:
            self.over = True
            return Step(goal, "slow start over")
        if point.log_latency < self._flat + _FLAT:
            self._goal = goal
            return None
        boldness = _BOLD if softness >= _CLEARLY_SOFT else _CAREFUL
        self._goal = min(goal, boldness * self._knee.highest)
        if self._goal == level:
            return None
        why = "throughput still rises" if self._goal > level else "beyond the knee"
        return Step(self._goal, why, drain=False)
