"""The arithmetic of rate limits: buckets that refill steadily, and how providers write about them.

A bucket is one number, the time at which it is full again: it holds its capacity minus what refills until then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ._scenario import Dialect, RateLimit

_TOLERANCE = 1e-9
_MINUTE = 60.0
_DAY = 86400.0

Unit = Literal["requests", "tokens"]


@dataclass(slots=True)
class Bucket:
    """One limit.

    Attributes:
        name: As messages call it.
        unit: What it counts.
        limit: How much in a window.
        window: Seconds of the window.
        capacity: How much it holds when full.
    """

    name: str
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
        return max(0.0, self._full_at - now) * self.rate

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
    """A refusal by a rate limit.

    Attributes:
        message: What the error says.
        unit: What was counted.
        retry_after: Seconds until the request would pass, or None where the provider does not say.
        is_too_large: Whether no waiting would help.
    """

    message: str
    unit: Unit
    retry_after: float | None
    is_too_large: bool = False


class RateGate:
    """The buckets of one rate limit."""

    def __init__(self, limit: RateLimit) -> None:
        self._dialect: Dialect = limit.dialect
        self._gives_retry_after = limit.retry_after
        minute, day = limit.burst / _MINUTE, 1.0
        rows: list[tuple[str, Unit, float | None, float, float]] = [
            ("requests per minute (RPM)", "requests", limit.requests_per_minute, _MINUTE, minute),
            ("tokens per minute (TPM)", "tokens", limit.tokens_per_minute, _MINUTE, minute),
            ("requests per day (RPD)", "requests", limit.requests_per_day, _DAY, day),
        ]
        self._buckets = [
            Bucket(name, unit, amount, window, max(1.0, amount * share))
            for name, unit, amount, window, share in rows
            if amount is not None
        ]

    def admit(self, tokens: int, now: float, *, model: str) -> Exceeded | None:
        """Let one request of so many tokens through, or say why not; what is refused takes nothing."""
        asked = [(bucket, tokens if bucket.unit == "tokens" else 1) for bucket in self._buckets]
        waits = [(bucket.wait(amount, now), index) for index, (bucket, amount) in enumerate(asked)]
        longest, index = max(waits)
        if longest:
            return self._exceeded(*asked[index], longest, now, model)
        for bucket, amount in asked:
            bucket.take(amount, now)
        return None

    def _exceeded(self, bucket: Bucket, amount: float, wait: float, now: float, model: str) -> Exceeded:
        too_large = math.isinf(wait)
        retry_after = float(math.ceil(wait)) if self._gives_retry_after and not too_large else None
        if self._dialect == "none":
            return Exceeded("Too many requests. (simulated)", bucket.unit, retry_after, too_large)
        what = "Request too large" if too_large else "Rate limit reached"
        advice = "Reduce the size of the request" if too_large else f"Please try again in {duration(wait)}"
        numbers = f"Limit {bucket.limit:.0f}, Used {math.ceil(bucket.used(now) - _TOLERANCE)}, Requested {amount:.0f}"
        message = f"{what} for model `{model}` on {bucket.name}: {numbers}. {advice}. (simulated)"
        return Exceeded(message, bucket.unit, retry_after, too_large)

    def headers(self, now: float) -> dict[str, str]:
        """The `x-ratelimit-*` headers of the dialect."""
        headers = {}
        for bucket in self._shown():
            used = bucket.used(now)
            headers[f"x-ratelimit-limit-{bucket.unit}"] = f"{bucket.limit:.0f}"
            remaining = max(0, math.floor(bucket.limit - used + _TOLERANCE))
            headers[f"x-ratelimit-remaining-{bucket.unit}"] = str(remaining)
            headers[f"x-ratelimit-reset-{bucket.unit}"] = duration(used / bucket.rate)
        return headers

    def _shown(self) -> list[Bucket]:
        if self._dialect == "none":
            return []
        hidden = _MINUTE if self._dialect == "groq" else _DAY
        return [bucket for bucket in self._buckets if bucket.unit == "tokens" or bucket.window != hidden]


def duration(seconds: float) -> str:
    """Seconds as providers write them: `120ms`, `7.66s`, `6m0s`, `1h0m0s`; rounded up to a millisecond."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:  # noqa: PLR2004
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
