"""Whom a provider failed: what tells an outage from requests that it cannot digest."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Final

MANY: Final = 3
"""Calls whose failures, without an answer between them, can have no other reason than the provider's."""


class Victims:
    """The calls that failed, and none was answered that was sent since; of all models that share a limiter.

    Usable from several threads at once.

    Attributes:
        told: Somebody was told of the outage that they show.
    """

    __slots__ = ("_failed", "_lock", "told")

    def __init__(self) -> None:
        self.told: bool = False
        self._lock = threading.Lock()
        self._failed: dict[Hashable, int] = {}  # the last attempt of each that failed, by when it was sent

    @property
    def many(self) -> bool:
        """Whether they are so many that it is not for what is in one."""
        return len(self._failed) >= MANY

    def failed(self, call: Hashable, number: int) -> None:
        """The provider failed the attempt of a call that was the `number`th to be sent."""
        with self._lock:
            self._failed[call] = number
            if len(self._failed) > MANY:
                del self._failed[min(self._failed, key=self._failed.__getitem__)]

    def answered(self, number: int) -> None:
        """The attempt was answered that was the `number`th to be sent."""
        if not self._failed:
            return
        with self._lock:  # an answer to a call from before says nothing of theirs
            self._failed = {call: sent for call, sent in self._failed.items() if sent > number}

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
