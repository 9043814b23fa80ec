"""What a limiter does and knows: a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterStatistics:
    """What a limiter does and knows now.

    Attributes:
        limit: Calls that may be in flight at once.
        limit_changed_because: Why that last changed, in a few words.
        in_flight: Calls in flight now.
        waiting: Calls that wait for a permit now.
        waiting_by_reason: The same by what they wait for: "concurrency" (others in flight), "requests" or "tokens" (a
            rate limit), "retry_after" (the provider asked to wait), "outage" (the provider fails).
        held_for: Seconds after which the next of them may be sent, as far as is known; None where nobody waits, or only
            the end of another call makes room.
        accepted: Calls that the provider accepted so far.
        refused: Calls that it refused so far because there were too many.
        requests_per_minute: What it allows, as far as is known.
        tokens_per_minute: What it allows, as far as is known.
        learned_from: Where these are known from: "user", "headers", "message", "retry_after", "memory".
        paused_for: Seconds for which the provider asked not to be called.
        outage_for: Seconds since it began to fail; None while it does not.
    """

    limit: int
    limit_changed_because: str
    in_flight: int
    waiting: int
    waiting_by_reason: Mapping[str, int]
    held_for: float | None
    accepted: int
    refused: int
    requests_per_minute: float | None
    tokens_per_minute: float | None
    learned_from: str | None
    paused_for: float
    outage_for: float | None
