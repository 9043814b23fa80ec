"""The pause: after a refusal by a rate limit nobody calls until the provider wants to be called again. Pure.

Jitter only ever adds, so that nobody comes before the time that the provider named. A refusal that names no time, but
does speak of a rate, begins a short pause, which doubles when the next refusal follows at once.

Where such a refusal tells nothing else either, nobody knows how many calls would be refused next. So behind the pause
single calls go: one, and if that is not refused soon, the next ones ever faster. The first that is accepted ends it.

A time that was named may be too short, too: the very next call is refused again. Then the wish is the least that is
waited, beside the pause that a refusal without a time would bring, and single calls go behind it, likewise.

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
        asked_until: The same without jitter.
        named_until: The latest time that the provider named; in the past where it named none.
        feels: Whether single calls find out when the provider takes calls again, because it named no time, or one that
            was too short.
    """

    __slots__ = (
        "_asks",
        "_gap",
        "_moment",
        "_next_at",
        "_probe_at",
        "_refused_at",
        "_too_short",
        "asked_until",
        "feels",
        "named_until",
        "until",
    )

    def __init__(self) -> None:
        self.until: float = -math.inf
        self.asked_until: float = -math.inf
        self.named_until: float = -math.inf
        self._moment = MOMENT
        self._probe_at = self._refused_at = -math.inf
        self.feels: bool = False
        self._next_at = -math.inf
        self._gap = MOMENT
        self._asks = False  # the next call that passes is the first since a refusal
        self._too_short = False  # so was the time that was named, and nobody was accepted since

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

    def sent(self, now: float) -> bool:
        """A call passed; during a pause that is one to see. True for the first after a pause."""
        if now < self.until:
            self._probe_at = now + PROBED_AFTER
            return False
        if self.feels:
            self._next_at = now + self._gap
            self._gap = max(SHORTEST_GAP, self._gap / 2)
        asks, self._asks = self._asks, False
        return asks

    def accepted(self, sent_at: float, now: float) -> bool:
        """A call was accepted; True where it was sent after the last refusal, so that the wish was wrong."""
        if sent_at <= self._refused_at:
            return False
        self._moment = 0.0
        self.feels = self._asks = self._too_short = False
        if now >= self.until:
            return False
        self.asked_until = self.named_until = self.until = now
        return True

    def refused(self, refusal: Refusal, now: float, jitter: float, *, asked: bool = False) -> None:
        """A call was refused.

        Args:
            refusal: What the provider said.
            now: The loop's time.
            jitter: A random number from 0 to 1.
            asked: It was the first that was sent after the last pause.
        """
        wish = _wish(refusal)
        self._too_short = self._too_short or (asked and wish is not None)
        seconds = self._unnamed(refusal, now) if wish is None else self._at_least(wish, asked=asked)
        if seconds <= 0 and wish is None:
            return
        if wish is not None:
            self.named_until = max(self.named_until, now + wish)
        self.asked_until = max(self.asked_until, now + seconds)
        self.until = max(self.until, now + seconds * (1 + JITTER * jitter))
        self._refused_at, self._probe_at, self._asks = now, now + PROBED_AFTER, True
        self.feels = self._too_short or (refusal.retry_after is None and not refusal.readings)
        self._gap = self._moment

    def _at_least(self, wish: float, *, asked: bool) -> float:
        """Seconds of the pause where a time was named."""
        if not asked:
            return wish
        self._moment = min(LONGEST_FELT, max(MOMENT, 2 * self._moment))
        return max(wish, self._moment)

    def _unnamed(self, refusal: Refusal, now: float) -> float:
        """Seconds of the pause where none was named; 0 for no new one."""
        if refusal.too_large:
            return 0.0  # a smaller one may be welcome
        if not refusal.tells_rate or now < self.until:
            return 0.0
        follows = self.feels or now - self.until < 4 * self._moment
        most = LONGEST_MOMENT if refusal.readings else LONGEST_FELT
        self._moment = min(most, 2 * self._moment) if follows else MOMENT
        return self._moment


def _wish(refusal: Refusal) -> float | None:
    """The seconds that a refusal names, as far as they can be believed."""
    wish = refusal.retry_after
    return wish if wish is not None and 0 <= wish <= LONGEST and not refusal.too_large else None
