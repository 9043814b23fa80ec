"""Whether calls are refused by a rate limit, or by chance. Pure.

Who keeps to a rate that was measured is not refused, unless it has fallen: then that is measured once, and holds. But
where calls are refused by chance, whatever the pace, they are refused again and again, and each time the rate that is
measured is lower, because it is our own. So what is refused again and again though it kept to the rate is refused by
chance, and no pace helps. Where only few are accepted between two refusals, nothing is measured; that speaks for chance
too, though less, because a small window does the same: it accepts a few, then none, and then a few again.

A rate limit that is taken for chance soon shows itself: it refuses most of what is sent after the first refusal. The
next time it takes twice as much to be taken for chance.
"""

from __future__ import annotations

from typing import Final

OFTEN: Final = 3.0
FORGIVEN: Final = 0.5
"""So many measurements of a rate that was kept to and refused nevertheless are no rate limit's, where each of one that
was exceeded counts as so much of one less."""

MOST: Final = 0.8
FEW: Final = 6.0
"""The share of what was sent since the first refusal of an episode that a rate limit refuses at least, and how many."""


class Chance:
    """Tells refusals by chance from a rate limit's.

    Attributes:
        refuses: Whether it is chance that refuses.
    """

    __slots__ = ("_kept", "_needed", "_refused", "_sent_before", "refuses")

    def __init__(self) -> None:
        self.refuses: bool = False
        self._kept = 0.0
        self._needed = OFTEN  # more with each time that it was wrong
        self._refused = self._sent_before = 0.0

    def begins(self, sent_before: float) -> None:
        """The first refusal of an episode; so much was sent before the refused call."""
        self._refused, self._sent_before = 0.0, sent_before

    def refused(self, cost: float, sent: float) -> None:
        """A call was refused; so much was sent so far."""
        self._refused += cost
        if self.refuses and self._refused >= max(FEW * cost, MOST * (sent - self._sent_before)):
            self.refuses, self._kept, self._needed = False, 0.0, 2 * self._needed

    def kept(self, weight: float = 1.0) -> None:
        """A measurement ended with a refusal though the rate that was known had been kept to."""
        self._kept += weight
        self.refuses = self.refuses or self._kept >= self._needed

    def exceeded(self) -> None:
        """A measurement ended with a refusal, but the pace had risen above the rate that was known."""
        self._kept = max(0.0, self._kept - FORGIVEN)
