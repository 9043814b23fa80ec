"""Whether somebody was told of an outage."""

from __future__ import annotations

import threading
from math import inf
from typing import Final

QUIET: Final = 60.0
"""Seconds after a notice in which there is no other: a server that refuses what is too much fails again and again."""


class Notice:
    """Tells of an outage once, through whichever of the models that share a limiter. Usable from several threads.

    Attributes:
        told: Somebody was told of the outage.
    """

    __slots__ = ("_lock", "_told_at", "told")

    def __init__(self) -> None:
        self.told: bool = False
        self._lock = threading.Lock()
        self._told_at = -inf

    def tell(self, now: float) -> bool:
        """Whether to tell of the outage: True once, until it is over, and not soon after another one."""
        with self._lock:
            if self.told or now < self._told_at + QUIET:
                return False
            self.told, self._told_at = True, now
        return True

    def over(self) -> bool:
        """Whether to tell that the outage is over: True once, where it was told."""
        with self._lock:
            told, self.told = self.told, False
        return told
