"""So much in any time of a certain length, as we believe the provider's limit to be. Pure."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

KEPT: Final = 8192
"""Calls that are remembered; what is older counts for nothing."""

TOLERANCE: Final = 1e-6
"""What may be missing of a call's cost, as a share."""


class Window:
    """How much was sent lately.

    Attributes:
        limit: How much may be sent in a window; infinite while that is not known.
        length: Seconds that one lasts.
    """

    __slots__ = ("_sent", "_used", "length", "limit")

    def __init__(self) -> None:
        self.limit: float = inf
        self.length: float = inf
        self._sent: deque[tuple[float, float]] = deque()  # when, and at what cost
        self._used = 0.0

    def used(self, now: float) -> float:
        """How much was sent in the window that ends now."""
        while self._sent and self._sent[0][0] <= now - self.length:
            self._used -= self._sent.popleft()[1]
        return self._used

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be sent; what never fits may go when nothing else is in the window."""
        over = self.used(now) + cost * (1 - TOLERANCE) - self.limit
        if over <= 0:
            return 0.0
        leaves = now
        for when, one in self._sent:
            leaves = when + self.length
            over -= one
            if over <= 0:
                break
        return leaves - now

    def take(self, cost: float, now: float) -> None:
        """Something is sent."""
        self._sent.append((now, cost))
        self._used += cost
        if len(self._sent) > KEPT:
            self._used -= self._sent.popleft()[1]

    def give_back(self, sent_at: float) -> None:
        """What was sent then was refused, or not sent after all."""
        for place in range(len(self._sent) - 1, -1, -1):
            when, cost = self._sent[place]
            if when <= sent_at:
                if when == sent_at:
                    self._used -= cost
                    del self._sent[place]
                return
