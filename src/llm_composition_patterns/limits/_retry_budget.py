"""The retry budget: how many retries an endpoint bears, so that an outage is not multiplied. Pure.

Each success earns half a retry. A provider that fails a third of its attempts needs just that many, so up to there
nobody waits; and whatever happens, retries add at most half again to what is sent for a success. When more fails, the
reserve is used up and retries come at a trickle, which keeps every call moving.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.5
"""Retries that a success earns."""

RESERVE: Final = 50.0
"""The most retries that can be saved, and how many there are at first: bursts of failures are shorter than that."""

TRICKLE: Final = 2.0
"""Retries a second that come by themselves."""


class RetryBudget:
    """Says when the next retry may be made."""

    __slots__ = ("_at", "_saved")

    def __init__(self) -> None:
        self._saved = RESERVE
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until a retry may be made."""
        self._earn(now)
        return max(0.0, (1.0 - self._saved) / TRICKLE)

    def spend(self, now: float) -> None:
        """A retry is made; where several come at once, what they overdraw is paid back before the next."""
        self._earn(now)
        self._saved -= 1.0

    def succeeded(self, now: float) -> None:
        """A call succeeded."""
        self._earn(now)
        self._saved = min(RESERVE, self._saved + SHARE)

    def _earn(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._saved = min(RESERVE, self._saved + (now - self._at) * TRICKLE)
        self._at = now if self._at is None else max(self._at, now)
