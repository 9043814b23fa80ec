"""The arithmetic of rate limits: buckets that refill steadily.

A bucket is one number, the time at which it is full again: it holds its capacity minus what refills until then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ._scenario import RateLimit

_TOLERANCE = 1e-9
MINUTE = 60.0
DAY = 86400.0

Unit = Literal["requests", "tokens"]


@dataclass(slots=True)
class Bucket:
    """One limit.

    Attributes:
        unit: What it counts.
        limit: How much in a window.
        window: Seconds of the window.
        capacity: How much it holds when full.
    """

    unit: Unit
    limit: float
    window: float
    capacity: float
    _full_at: float = 0.0

    @property
    def rate(self) -> float:
        """How much refills a second."""
        return self.limit / self.window

    def used(self, now: float) -> float:
        """How much is missing to the full."""
        return self.full_in(now) * self.rate

    def remaining(self, now: float) -> int:
        """How much of the limit is left, as providers count it."""
        return max(0, math.floor(self.limit - self.used(now) + _TOLERANCE))

    def full_in(self, now: float) -> float:
        """Seconds until it is full."""
        return max(0.0, self._full_at - now)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` can be taken; `inf` when the bucket never holds that much."""
        if amount > self.capacity + _TOLERANCE:
            return math.inf
        seconds = self._full_at - (self.capacity - amount) / self.rate - now
        return seconds if seconds > _TOLERANCE else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take `amount`."""
        self._full_at = max(self._full_at, now) + amount / self.rate


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A bucket that a request found too empty.

    Attributes:
        bucket: The one for which it would have to wait longest.
        amount: What the request wanted of it.
        wait: Seconds after which the request would pass; `inf` when no waiting would help.
        now: When it came.
    """

    bucket: Bucket
    amount: float
    wait: float
    now: float

    @property
    def is_too_large(self) -> bool:
        """Whether no waiting would help."""
        return math.isinf(self.wait)


class RateGate:
    """The buckets of one rate limit."""

    def __init__(self, limit: RateLimit) -> None:
        minute, day = limit.burst / MINUTE, 1.0
        rows: list[tuple[Unit, float | None, float, float]] = [
            ("requests", limit.requests_per_minute, MINUTE, minute),
            ("tokens", limit.tokens_per_minute, MINUTE, minute),
            ("requests", limit.requests_per_day, DAY, day),
            ("tokens", limit.tokens_per_day, DAY, day),
        ]
        self.buckets = [
            Bucket(unit, amount, window, max(1.0, amount * share))
            for unit, amount, window, share in rows
            if amount is not None
        ]

    def admit(self, tokens: int, now: float) -> Exceeded | None:
        """Let one request of so many tokens through, or say why not; what is refused takes nothing."""
        asked = [(bucket, tokens if bucket.unit == "tokens" else 1) for bucket in self.buckets]
        waits = [(bucket.wait(amount, now), index) for index, (bucket, amount) in enumerate(asked)]
        longest, index = max(waits)
        if longest:
            return Exceeded(*asked[index], longest, now)
        for bucket, amount in asked:
            bucket.take(amount, now)
        return None
