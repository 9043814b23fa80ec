"""What was sent when, as a running total. Pure.

A reply describes the moment in which its call was sent; what was sent after that is not in it yet.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

KEPT: Final = 4096
"""Sends that are remembered at least; more than that are never in flight."""


class SendLog:
    """A running total of costs over time.

    Attributes:
        total: Cost of everything that was sent.
        last: When the last call was sent.
    """

    __slots__ = ("_before", "_times", "last", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.last: float | None = None
        self._times: list[float] = []
        self._before: list[float] = []

    def add(self, now: float, cost: float) -> None:
        """A call was sent."""
        if len(self._times) >= 2 * KEPT:
            del self._times[:KEPT], self._before[:KEPT]
        self._times.append(now)
        self._before.append(self.total)
        self.total += cost
        self.last = now

    def after(self, when: float) -> tuple[float, int]:
        """Cost and count of what was sent later than `when`."""
        index = bisect_right(self._times, when)
        count = len(self._times) - index
        return (self.total - self._before[index], count) if count else (0.0, 0)

    def since(self, when: float) -> float:
        """Cost of what was sent at `when` or later."""
        index = bisect_left(self._times, when)
        return self.total - self._before[index] if index < len(self._times) else 0.0
