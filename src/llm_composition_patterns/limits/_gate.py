"""The gate: after a refusal by a rate limit nobody calls until the provider wants to be called again. Pure.

Jitter only ever adds, so that nobody comes before the time that the provider named. A refusal that names no time, but
does speak of a rate, closes the gate for a moment, which doubles when the next refusal follows at once.

A wish may be as long as a week, and wrong. So one call may pass every ten minutes; when it is accepted, the gate opens.
"""

from __future__ import annotations

import math
from typing import Final

from ._moments import LONGEST
from ._readings import Refusal

JITTER: Final = 0.05
"""The most that jitter adds, as a share of the closed time."""

MOMENT: Final = 0.25
LONGEST_MOMENT: Final = 16.0
"""Seconds that a refusal without a time closes the gate: the first, and the most."""

PROBED_AFTER: Final = 600.0
"""Seconds after which one call may pass a closed gate, to see."""


class Gate:
    """Holds everybody back after a refusal.

    Attributes:
        closed_until: When it opens; in the past where it is open.
        asked_until: The same without jitter: what the provider asked for.
        episodes: How often it was closed.
    """

    __slots__ = ("_moment", "_probe_at", "_refused_at", "asked_until", "closed_until", "episodes")

    def __init__(self) -> None:
        self.closed_until: float = -math.inf
        self.asked_until: float = -math.inf
        self.episodes: int = 0
        self._moment = MOMENT
        self._probe_at = self._refused_at = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until a call may pass; 0 while it is open."""
        if now >= self.closed_until:
            return 0.0
        return max(0.0, min(self.closed_until, self._probe_at) - now)

    def closed_for(self, now: float) -> float:
        """Seconds until it opens by itself; 0 while it is open."""
        return max(0.0, self.closed_until - now)

    def passable_at(self) -> float:
        """When a call may pass, jitter aside; in the past while it is open."""
        return min(self.asked_until, self._probe_at)

    def sent(self, now: float) -> None:
        """A call passed; through a closed gate that is one to see."""
        if now < self.closed_until:
            self._probe_at = now + PROBED_AFTER

    def accepted(self, sent_at: float, now: float) -> bool:
        """A call was accepted; True where it was sent after the last refusal, so that the wish was wrong."""
        if now >= self.closed_until or sent_at <= self._refused_at:
            return False
        self.closed_until = now
        return True

    def refused(self, refusal: Refusal, now: float, jitter: float) -> None:
        """A call was refused.

        Args:
            refusal: What the provider said.
            now: The loop's time.
            jitter: A random number from 0 to 1.
        """
        seconds = self._closed_for(refusal, now)
        if seconds <= 0:
            return
        if now >= self.closed_until:
            self.episodes += 1
        self.asked_until = max(self.asked_until, now + seconds)
        self.closed_until = max(self.closed_until, now + seconds * (1 + JITTER * jitter))
        self._refused_at, self._probe_at = now, now + PROBED_AFTER

    def _closed_for(self, refusal: Refusal, now: float) -> float:
        if refusal.too_large:
            return 0.0  # a smaller one may be welcome
        wish = refusal.retry_after
        if wish is not None and 0 <= wish <= LONGEST:
            return wish
        if not refusal.tells_rate or now < self.closed_until:
            return 0.0
        follows = now - self.closed_until < 4 * self._moment
        self._moment = min(LONGEST_MOMENT, 2 * self._moment) if follows else MOMENT
        return self._moment
