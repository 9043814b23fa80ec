"""What calls that were refused without a word on rates tell: how many the provider takes at once."""

from __future__ import annotations

import math
from typing import Final

_AGAIN: Final = 0.9
_SURE: Final = 2
"""Lowered so often again, each time within one latency of the last: the calls in flight say less than this factor. The
first time it may only be what the refusal before overlooked, an answer that was on its way."""
_SAME: Final = 0.05
"""A ceiling found again where it was, within this share."""
_REST: Final = 2
_LONGEST_REST: Final = 8
"""Rounds at the ceiling before it is tried whether it has risen."""
_AT_ONCE: Final = 1.0
"""Seconds within which refusals belong together, whatever the latency is."""


class Ceiling:
    """The most calls in flight that are not refused.

    It rises slowly, by 1, 3, 9, ... a round after a pause, for capacity may come back; a ceiling that is found where
    it was is left alone twice as long.

    A provider that refuses even the only call in flight does not refuse it for being one too many: so a lone refusal
    lowers nothing, and casts doubt on those before it that had lowered the ceiling to 1. The next answer then shows
    that the provider is back, and the ceiling goes to where the first of them had found it.

    Attributes:
        height: The ceiling; infinite while no call was refused.
        doubted_at: When a lone call was refused at a ceiling of 1; infinite where it was not.
    """

    __slots__ = ("_first", "_found", "_refused_at", "_rest", "_rests", "_row", "_step", "doubted_at", "height")

    def __init__(self, height: float = math.inf) -> None:
        self.height = height
        self.doubted_at = math.inf
        self._first = height
        self._found = height
        self._refused_at = -math.inf
        self._row = 0
        self._step = 1.0
        self._rest = self._rests = _REST

    def refused(self, now: float, *, in_flight: int, limit: int, latency: float) -> bool:
        """Lower it because the last of `in_flight` calls was refused; False if that tells nothing new."""
        room = in_flight - 1.0
        if room < 1:
            self.doubted_at = now if self.height <= 1 else math.inf
            return False
        if room >= limit and self.height <= limit:
            return False
        since = now - self._refused_at
        self._row = self._row + 1 if since < latency else 0
        if room < limit and self._row >= _SURE:
            room = min(room, _AGAIN * limit)
        self._refused_at = now
        self.height = max(1.0, room)
        if since >= max(latency, _AT_ONCE):
            self._first = self.height
        found_again = abs(self.height - self._found) <= _SAME * self.height
        self._rests = min(_LONGEST_REST, 2 * self._rests) if found_again else _REST
        self._found = self.height
        self._step = 1.0
        self._rest = self._rests
        self.doubted_at = math.inf
        return True

    def restored(self) -> float:
        """The height, after an answer to a call that was sent since it was doubted."""
        self.doubted_at = math.inf
        self.height = max(self.height, self._first)
        self._rest = 0
        return self.height

    def held(self) -> bool:
        """A round went well at the ceiling; True if it rises now."""
        if self._rest > 0:
            self._rest -= 1
            return False
        self.height += self._step
        self._step = min(3 * self._step, self.height / 2)
        return True
