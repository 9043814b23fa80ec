"""What is believed of how a provider's latency depends on the calls in flight.

Every backend seen so far is near one of a family of curves with a smooth knee::

    latency(n) = base * (1 + (n / knee) ** sharpness) ** (1 / sharpness)

Sharpness 1 is a server that slows down from the first call on and still gains throughput from every further one; a
great sharpness is one that is flat up to the knee and gains nothing beyond (slots, a full batch). What a further call
gains is the elasticity of throughput, ``1 / (1 + (n / knee) ** sharpness)``: 1 far below the knee, 0 far beyond. The
limit should be where it has fallen to `_ELASTICITY`.

Measured points (load, latency) make some curves of the family likely and others not. With points that are all flat,
the knee may be anywhere above; with a single step, it may be a sharp knee just passed or a soft one far ahead. So no
curve is chosen: the goal is the mean, over all of them by likelihood, of the logarithm of where each would have the
limit. `base` is integrated out, which takes two sums.

A server that thrashes loses throughput beyond the knee. No curve of the family does; points that show it are left out
and bound the goal instead.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Final, NamedTuple

from ._rounds import Point

_ELASTICITY: Final = 0.08
"""Throughput that one more per cent of calls in flight must bring, in per cent."""
_SHARPNESS: Final = (1.0, 4.0, 16.0)
_STEPS: Final = 6
"""Knees tried, for each factor of e."""
_BELOW: Final = 1.0
"""How far below the smallest load the knee is looked for, as a power of e: what is below it all looks the same."""
_ABOVE: Final = 2.1
"""How far above the largest load (8 times): from it follows the first goal of a server that was flat so far."""
_MODEL: Final = 0.04
"""How far a real server may be off its curve."""
_FALLEN: Final = 0.08
"""Throughput has fallen, and not by chance, when it is so much below the best."""
_BEST: Final = 0.03
"""As good as the best throughput."""
_UNSEEN: Final = 0.6
"""Where to go when throughput was best at the smallest load that was measured: below it."""
_POINTS: Final = 12
"""Points that are kept."""
_FAR: Final = 30.0
"""An exponent from which `log(1 + exp(x))` is `x`."""
_UNLIKELY: Final = 12.0
"""Log likelihood below the best from which a curve counts for nothing."""


class Goal(NamedTuple):
    """Where the limit should be.

    Attributes:
        load: Calls in flight.
        softness: 1 for a knee that is certainly soft, near 0 for a sharp one.
    """

    load: float
    softness: float


class Knee:
    """A belief about one server.

    Args:
        sharp: How much more likely a sharp knee is than a soft one beforehand.
    """

    __slots__ = ("_points", "_prior")

    def __init__(self, *, sharp: float = 1.0) -> None:
        self._prior = [math.log(sharp) if sharpness == _SHARPNESS[-1] else 0.0 for sharpness in _SHARPNESS]
        self._points: list[Point] = []

    @property
    def highest(self) -> float:
        """The largest load measured."""
        return max(point.load for point in self._points)

    @property
    def lowest(self) -> float:
        """The smallest load measured."""
        return min(point.load for point in self._points)

    @property
    def flattest(self) -> float:
        """The smallest log latency measured."""
        return min(point.log_latency for point in self._points)

    def add(self, point: Point) -> None:
        """Take a measured point in."""
        self._points.append(point)
        del self._points[:-_POINTS]

    def goal(self) -> Goal:
        """Where the limit should be by all that was measured."""
        best = max(self._points, key=lambda point: point.log_throughput)
        floor = best.log_throughput - _FALLEN
        rising = [point for point in self._points if point.load <= best.load or point.log_throughput >= floor]
        goal = _expected(rising, self._prior)
        if len(rising) == len(self._points):
            return goal
        bound = min(point.load for point in rising if point.log_throughput >= best.log_throughput - _BEST)
        if all(best.load <= point.load for point in rising):
            bound *= _UNSEEN
        return Goal(min(goal.load, bound), goal.softness)


def _expected(points: list[Point], prior: list[float]) -> Goal:
    """The mean over all curves by likelihood."""
    measured = [(math.log(point.load), point.log_latency, 1 / (point.variance + _MODEL**2)) for point in points]
    loads = [load for load, _, _ in measured]
    first = math.floor((min(loads) - _BELOW) * _STEPS)
    last = math.ceil((max(loads) + _ABOVE) * _STEPS)
    curves = [
        (_likelihood(measured, knee / _STEPS, sharpness) + known, knee / _STEPS, sharpness)
        for (sharpness, known), knee in product(zip(_SHARPNESS, prior, strict=True), range(first, last + 1))
    ]
    best = max(likelihood for likelihood, _, _ in curves)
    odds = math.log(1 / _ELASTICITY - 1)
    total = load = softness = 0.0
    for likelihood, knee, sharpness in curves:
        if likelihood > best - _UNLIKELY:
            weight = math.exp(likelihood - best)
            total += weight
            load += weight * (knee + odds / sharpness)
            softness += weight / sharpness
    return Goal(math.exp(load / total), softness / total)


def _likelihood(measured: list[tuple[float, float, float]], knee: float, sharpness: float) -> float:
    """The log likelihood of a curve, whatever its base."""
    total = off = off_squared = 0.0
    for load, log_latency, weight in measured:
        beyond = sharpness * (load - knee)
        rise = beyond if beyond > _FAR else math.log1p(math.exp(beyond))
        distance = log_latency - rise / sharpness
        total += weight
        off += weight * distance
        off_squared += weight * distance * distance
    return -0.5 * (off_squared - off * off / total)
