"""A bucket that refills steadily, as we believe the provider's to be. Pure."""

from __future__ import annotations

from typing import Final

TOLERANCE: Final = 1e-6
"""What may be missing of a call's cost, as a share: adding up waits never comes out exactly."""


class Bucket:
    """How much may be sent.

    Attributes:
        rate: How much refills a second; above 0.
        capacity: How much it holds; above 0.
        level: How much it held at `at`; below 0 where more was sent than it held.
        at: The time of `level`.
    """

    __slots__ = ("at", "capacity", "level", "rate")

    def __init__(self, rate: float, capacity: float, level: float, at: float) -> None:
        self.rate = rate
        self.capacity = capacity
        self.level = level
        self.at = at

    def holds(self, now: float) -> float:
        """How much is in it."""
        level = self.level
        if now > self.at:
            level += self.rate * (now - self.at)
        if level > self.capacity:
            return self.capacity
        return level

    def set(self, level: float, now: float) -> None:
        """It holds so much now."""
        self.level, self.at = level, now
        if level > self.capacity:
            self.level = self.capacity

    def take(self, cost: float, now: float) -> None:
        """Something is sent, or given back where `cost` is below 0."""
        self.set(self.holds(now) - cost, now)

    def wait(self, cost: float, now: float, reserve: float = 0.0) -> float:
        """Seconds until `cost` may be sent and `reserve` is left; what never fits may go when it is full."""
        wanted = cost + reserve
        if wanted > self.capacity:
            wanted = self.capacity
        missing = wanted - self.holds(now)
        return missing / self.rate if missing > TOLERANCE * wanted else 0.0
