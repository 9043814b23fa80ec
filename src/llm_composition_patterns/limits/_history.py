"""The values that a number had over time. Pure.

A reply describes the moment in which its call was sent, so what we believed of that moment has to be kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

KEPT: Final = 4096
"""Changes that are kept at least; calls that were sent before that many others are not in flight any more."""


class History:
    """A number and what it was."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[float] = []

    def add(self, value: float, now: float) -> None:
        """It is `value` from now on."""
        if len(self._times) >= 2 * KEPT:
            del self._times[:KEPT], self._values[:KEPT]
        self._times.append(now)
        self._values.append(value)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """The changes that are kept, each with its time."""
        return zip(self._times, self._values, strict=True)

    def at(self, when: float) -> float | None:
        """What it was at the end of `when`; None where that is not known."""
        index = bisect_right(self._times, when)
        return self._values[index - 1] if index else None

    def first_from(self, when: float) -> float | None:
        """What it became with its first change at `when` or later; None where there was none."""
        index = bisect_left(self._times, when)
        return self._values[index] if index < len(self._times) else None
