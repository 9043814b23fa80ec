"""Whether somebody was told of an outage."""

from __future__ import annotations

import threading


class Notice:
    """Tells of each outage once, through whichever of the models that share a limiter. Usable from several threads.

    Attributes:
        told: Somebody was told of the outage.
    """

    __slots__ = ("_lock", "told")

    def __init__(self) -> None:
        self.told: bool = False
        self._lock = threading.Lock()

    def tell(self) -> bool:
        """Whether to tell of the outage: True once, until it is over."""
        with self._lock:
            untold, self.told = not self.told, True
        return untold

    def over(self) -> bool:
        """Whether to tell that the outage is over: True once, where it was told."""
        with self._lock:
            told, self.told = self.told, False
        return told
