"""The pause: after a refusal by a rate limit nobody calls until the provider wants to be called again. Pure.

Jitter only ever adds, so that nobody comes before the time that the provider named. A refusal that names no time, but
does speak of a rate, begins a short pause, which doubles when the next refusal follows at once.

Where such a refusal tells nothing else either, nobody knows how many calls would be refused next. So behind the pause
single calls go: one, and if that is not refused soon, the next ones ever faster. The first that is accepted ends it.

A wish may be as long as a week, and wrong. So one call may pass every ten minutes; when it is accepted, the pause ends.
"""

from __future__ import annotations

import math
from typing import Final

from ._moments import LONGEST
from ._readings import Refusal

JITTER: Final = 0.05
"""The most that jitter adds, as a share of the pause."""

MOMENT: Final = 0.25
LONGEST_MOMENT: Final = 16.0
LONGEST_FELT: Final = 4.0
"""Seconds of the pause after a refusal without a time: the first, and the most; less where single calls follow it."""

SHORTEST_GAP: Final = 0.05
"""Seconds between single calls, at least."""

PROBED_AFTER: Final = 600.0
"""Seconds after which one call may pass, to see."""


class Pause:
    """Holds everybody back after a refusal.

    Attributes:
        until: When it ends; in the past where there is none.
        asked_until: The same without jitter: what the provider asked for.
        feels: Whether single calls find out when the provider takes calls again, because it named no time.
    """

    __slots__ = ("_gap", "_moment", "_next_at", "_probe_at", "_refused_at", "asked_until", "feels", "until")

    def __init__(self) -> None:
        self.until: float = -math.inf
        self.asked_until: float = -math.inf
        self._moment = MOMENT
        self._probe_at = self._refused_at = -math.inf
        self.feels: bool = False
        self._next_at = -math.inf
        self._gap = MOMENT

    def wait(self, now: float) -> float:
        """Seconds until a call may pass; 0 while there is no pause."""
        if now >= self.until:
            return max(0.0, self._next_at - now) if self.feels else 0.0
        return max(0.0, min(self.until, self._probe_at) - now)

    def lasts_for(self, now: float) -> float:
        """Seconds until it ends by itself; 0 while there is none."""
        return max(0.0, self.until - now)

    def passable_at(self) -> float:
        """When a call may pass, jitter aside; in the past while there is no pause."""
        passable_at = min(self.asked_until, self._probe_at)
        return max(passable_at, self._next_at) if self.feels else passable_at

    def sent(self, now: float) -> None:
        """A call passed; during a pause that is one to see."""
        if now < self.until:
            self._probe_at = now + PROBED_AFTER
        elif self.feels:
            self._next_at = now + self._gap
            self._gap = max(SHORTEST_GAP, self._gap / 2)

    def accepted(self, sent_at: float, now: float) -> bool:
        """A call was accepted; True where it was sent after the last refusal, so that the wish was wrong."""
        if sent_at <= self._refused_at:
            return False
        self._moment = 0.0
        self.feels = False
        if now >= self.until:
            return False
        self.asked_until = self.until = now
        return True

    def refused(self, refusal: Refusal, now: float, jitter: float) -> None:
        """A call was refused.

        Args:
            refusal: What the provider said.
            now: The loop's time.
            jitter: A random number from 0 to 1.
        """
        seconds = self._seconds(refusal, now)
        if seconds <= 0:
            return
        self.asked_until = max(self.asked_until, now + seconds)
        self.until = max(self.until, now + seconds * (1 + JITTER * jitter))
        self._refused_at, self._probe_at = now, now + PROBED_AFTER
        self.feels = refusal.retry_after is None and not refusal.readings
        self._gap = self._moment

    def _seconds(self, refusal: Refusal, now: float) -> float:
        if refusal.too_large:
            return 0.0  # a smaller one may be welcome
        wish = refusal.retry_after
        if wish is not None and 0 <= wish <= LONGEST:
            return wish
        if not refusal.tells_rate or now < self.until:
            return 0.0
        follows = self.feels or now - self.until < 4 * self._moment
        most = LONGEST_MOMENT if refusal.readings else LONGEST_FELT
        self._moment = min(most, 2 * self._moment) if follows else MOMENT
        return self._moment
