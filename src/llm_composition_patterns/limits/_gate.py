"""The gate: after a refusal by a rate limit nobody calls until the provider wants to be called again. Pure.

Jitter only ever adds, so that nobody comes before the time that the provider named. A refusal that names no time, but
does speak of a rate, closes the gate for a moment, which doubles when the next refusal follows at once.
"""

from __future__ import annotations

import math
from typing import Final

from ._readings import Refusal

LONGEST: Final = 7 * 24 * 3600.0
"""Seconds beyond which a wish is a mistake."""

JITTER: Final = 0.05
"""The most that jitter adds, as a share of the closed time."""

MOMENT: Final = 0.25
LONGEST_MOMENT: Final = 16.0
"""Seconds that a refusal without a time closes the gate: the first, and the most."""


class Gate:
    """Holds everybody back after a refusal.

    Attributes:
        closed_until: When it opens; in the past where it is open.
        episodes: How often it was closed.
    """

    __slots__ = ("_moment", "closed_until", "episodes")

    def __init__(self) -> None:
        self.closed_until: float = -math.inf
        self.episodes: int = 0
        self._moment = MOMENT

    def wait(self, now: float) -> float:
        """Seconds until it opens; 0 while it is open."""
        return self.closed_until - now if now < self.closed_until else 0.0

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
        self.closed_until = max(self.closed_until, now + seconds * (1 + JITTER * jitter))

    def _closed_for(self, refusal: Refusal, now: float) -> float:
        wish = refusal.retry_after
        if wish is not None and 0 <= wish <= LONGEST:
            return wish
        if not refusal.tells_rate or refusal.too_large or now < self.closed_until:
            return 0.0
        follows = now - self.closed_until < 4 * self._moment
        self._moment = min(LONGEST_MOMENT, 2 * self._moment) if follows else MOMENT
        return self._moment
