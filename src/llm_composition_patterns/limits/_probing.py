"""The steady state: keep a limit that does well, and notice when another would do better.

A probe changes the limit, measures one round, and stands if throughput says so: a higher limit must bring more, a
lower one must cost nothing. A probe that is taken back is made again after a pause that doubles; one that stands is
followed by another at once. Higher limits are tried from time to time; lower ones while calls seem to queue, that is
while latency is well above the flattest measured. When latency rises at the same limit, capacity has fallen: lower
limits are tried, at once when many answers in a row are late, and when latency is back, the limit of before. When
latency falls, there is more capacity than there was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from ._rounds import Point

_UP: Final = 1.15
_DOWN: Final = 0.8
"""What a probe makes of the limit: a step that can be told from noise, and costs little if it was wrong. The one up is
smaller: a server that thrashes loses more by it than others gain, and one that stands leads to another one."""
_GAIN_UP: Final = 0.15
"""Elasticity of throughput from which a higher limit is worth its latency."""
_GAIN_DOWN: Final = 0.05
"""Elasticity of throughput up to which a lower limit costs nothing."""
_CLEAR_LOSS: Final = 0.3
"""Elasticity at which a step down that failed says that the limit is too low rather than too high."""
_QUEUEING: Final = 0.4
"""Log latency over the flattest (a factor of 1.5) from which calls seem to queue."""
_SAME_LOAD: Final = 1.1
"""Loads within this factor are the same."""
_FELL: Final = math.log(0.9)
"""Log latency against the usual at which capacity has come back: more than noise, less than what a limit a little
above the knee costs."""
_ROSE: Final = math.log(1.3)
"""Log latency against the usual at which capacity may have fallen."""
_ALARMS: Final = 2
"""Rounds in a row that must say so: the first one saw the change happen, and cannot be compared with."""
_DISTURBED: Final = 0.3
"""Log latency by which it rose more than with the square of the load, as in the worst thrashing: capacity has fallen
just then, and the probe says nothing."""
_LATE: Final = math.log(2)
_LATE_ANSWERS: Final = 8
"""So many answers in a row, each later than usual by that much, are an emergency: a round of slow calls is long."""
_BACK: Final = 0.1
"""Log latency over that of before the alarm at which all is well again."""
_PAUSE: Final = 4
_LONGEST_PAUSE: Final = 64
"""Rounds between probes."""


class Step(NamedTuple):
    """A change of the limit.

    Attributes:
        level: What it becomes.
        why: In a few words.
        drain: Whether calls in flight must adapt to it before a round tells something.
    """

    level: float
    why: str
    drain: bool = True


@dataclass(frozen=True, slots=True)
class _Probe:
    back: float
    base: Point
    up: bool

    def elasticity(self, point: Point) -> float:
        """Throughput gained for calls in flight gained."""
        gained = point.log_throughput - self.base.log_throughput
        return gained / (math.log(point.load / self.base.load) or math.inf)

    def stands(self, point: Point) -> bool:
        if point.load == self.base.load:
            return False
        elasticity = self.elasticity(point)
        return elasticity >= _GAIN_UP if self.up else elasticity <= _GAIN_DOWN

    def disturbed(self, point: Point) -> bool:
        """Whether latency rose by more than the load can have done."""
        rise = point.log_latency - self.base.log_latency
        return rise > _DISTURBED + 2 * math.log(point.load / self.base.load)


class Probing:
    """Judges rounds at the limit, one after the other.

    Args:
        flattest: The smallest log latency measured so far.
        lowest: The smallest load measured so far.
        above_flat: In place of both: log latency at the limit over the flattest.
    """

    __slots__ = (
        "_above_flat", "_alarms", "_before", "_descending", "_draining", "_falling", "_flattest", "_late_answers",
        "_lateness", "_lowest", "_pause", "_pauses", "_probe", "_up", "_usual",
    )  # fmt: skip

    def __init__(
        self, *, flattest: float | None = None, lowest: float = math.inf, above_flat: float | None = None
    ) -> None:
        self._flattest = flattest
        self._lowest = lowest
        self._above_flat = above_flat
        self._usual: Point | None = None
        self._probe: _Probe | None = None
        self._before: tuple[float, Point] | None = None
        # Whether latency was still falling with the load at the smallest one that was measured, as far as is known.
        self._falling = flattest is None and above_flat is None
        self._alarms = 0
        self._late_answers = 0
        self._lateness = 0.0
        self._pause = 0
        self._pauses = {True: _PAUSE, False: _PAUSE}
        self._up = self._descending = self._draining = False

    @property
    def above_flat(self) -> float | None:
        """Log latency at the limit over the flattest; None where that is not known."""
        if self._usual is None or self._flattest is None:
            return self._above_flat
        return max(0.0, self._usual.log_latency - self._flattest)

    @property
    def back(self) -> float | None:
        """The level to which a step that is on trial goes back; None while none is."""
        return None if self._probe is None else self._probe.back

    def answered(self, log_latency: float, level: float) -> Step | None:
        """What a single answer changes: nothing, unless it is one of many late ones."""
        if self._usual is None or self._probe is not None or self._draining:
            return None
        late = log_latency - self._usual.log_latency
        if late < _LATE:
            self._late_answers = 0
            self._lateness = 0.0
            return None
        self._late_answers += 1
        self._lateness += late
        if self._late_answers < _LATE_ANSWERS or level <= _LATE_ANSWERS:
            return None
        lateness = self._lateness / self._late_answers
        self._alarm(level, self._usual)
        self._usual = None
        self._late_answers = 0
        self._lateness = 0.0
        return Step(_below(level, lateness), "answers are late")

    def overdue(self) -> float | None:
        """Calls ran out of time: where a step up goes back to that was on trial; None where none was."""
        probe = self._probe
        if probe is None or not probe.up:
            return None
        self._probe = None
        self._usual = probe.base
        self._draining, self._descending = True, False
        self._wait(up=True)
        return probe.back

    def judge(self, point: Point, level: float, highest: float) -> Step | None:
        """What a round changes.

        Args:
            point: What it measured.
            level: The limit.
            highest: The most that the limit may be.
        """
        self._note(point)
        self._draining = False
        probe, self._probe = self._probe, None
        if probe is not None and not probe.stands(point):
            self._take_back(probe, point)
            self._draining = True  # answers to calls of the probe say nothing of the limit that is back
            return Step(probe.back, f"probe {_name(up=probe.up)} rejected")
        if probe is not None:
            self._usual = point
            self._go_on(up=probe.up)
        usual = self._usual = self._usual or point
        return self._look(point, usual, level, highest)

    def _note(self, point: Point) -> None:
        if self._flattest is None:
            self._flattest = point.log_latency - (self._above_flat or 0.0)
        elif point.load * _SAME_LOAD < self._lowest:
            self._falling = point.log_latency < self._flattest - _BACK
        self._lowest = min(self._lowest, point.load)
        self._flattest = min(self._flattest, point.log_latency)

    def _go_on(self, *, up: bool) -> None:
        self._pauses[up] = _PAUSE
        self._pause = 0
        self._up = up
        self._descending = not up

    def _take_back(self, probe: _Probe, point: Point) -> None:
        up = probe.up
        self._usual = probe.base
        self._descending = False
        if up and probe.disturbed(point):
            self._pause = _ALARMS
            return
        self._wait(up=up)
        if not up and probe.elasticity(point) > _CLEAR_LOSS:
            self._pause = 0

    def _wait(self, *, up: bool) -> None:
        """Leave the limit alone for a while, longer than the last time."""
        self._pauses[up] = min(_LONGEST_PAUSE, 2 * self._pauses[up])
        self._pause = self._pauses[up]
        self._up = not up

    def _look(self, point: Point, usual: Point, level: float, highest: float) -> Step | None:
        """What latency says at the limit itself."""
        if self._before is not None and point.log_latency < self._before[1].log_latency + _BACK:
            (before, _), self._before = self._before, None
            if before > _SAME_LOAD * level:
                return self._try(point, level, min(before, highest), "latency is back")
        change = point.log_latency - usual.log_latency
        if change < _FELL:
            return self._try(point, level, _above(level, highest), "latency fell")
        if change < _ROSE:
            self._alarms = 0
            return self._explore(point, level, highest)
        self._alarms += 1
        if self._alarms < _ALARMS:
            return None
        self._alarm(level, usual)
        return self._try(point, level, _below(level), "latency rose")

    def _alarm(self, level: float, usual: Point) -> None:
        self._before = self._before or (level, usual)
        self._pauses = {True: _PAUSE, False: _PAUSE}  # times are changing
        self._pause = 0

    def _explore(self, point: Point, level: float, highest: float) -> Step | None:
        """Probe, if it is time to."""
        if self._pause > 0:
            self._pause -= 1
            return None
        if not self._up and not (self._queueing(point) and level < highest):
            self._up = True
            if self._descending:  # down to where calls no longer queue: well done
                self._descending = False
                self._pause = self._pauses[True]
                return None
        self._descending = False
        to = _above(level, highest) if self._up else _below(level)
        return self._try(point, level, to, f"probe {_name(up=self._up)}")

    def _queueing(self, point: Point) -> bool:
        """Whether a lower limit might do as well."""
        if self._falling and point.load > 1:
            return True
        return self._flattest is not None and point.log_latency - self._flattest >= _QUEUEING

    def _try(self, point: Point, level: float, to: float, why: str) -> Step | None:
        self._alarms = 0
        up = to > level
        if int(to) == int(level):
            self._up = not up
            self._pause = self._pauses[up]
            return None
        self._probe = _Probe(level, point, up)
        return Step(to, why)


def _name(*, up: bool) -> str:
    return "up" if up else "down"


def _above(level: float, highest: float) -> float:
    return min(highest, max(level * _UP, math.floor(level) + 1))


def _below(level: float, late: float = 0.0) -> float:
    """A step down; a wider one where latency rose by much, but not further than a thrashing server would need it."""
    return max(1.0, min(level * _DOWN, level * math.exp(-late / 2), math.floor(level) - 1))
