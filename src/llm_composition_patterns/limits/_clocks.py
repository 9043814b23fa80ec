"""The event loops on which calls wait: their time, and one alarm on each.

All loops in real time read the same clock. Loops in virtual time each have one of their own, which begins at 0: a
limiter that is used on one after the other must not see its time run backwards, so a later loop's is shifted.

What is held until some time is let go by an alarm. Each loop on which somebody waits has one, so that those who wait
on another loop do not sleep on when one loop is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._permit import Ticket


class Clock:
    """One event loop, as a limiter sees it.

    Attributes:
        loop: The loop.
        waiting: Calls that wait on it.
        flights: Calls that hold a permit on it.
        rings_at: When its alarm rings, in the limiter's time; None while it is not set.
    """

    __slots__ = ("_handle", "_offset", "_ring", "flights", "loop", "rings_at", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, after: float, ring: Callable[[Clock], None]) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.waiting: int = 0
        self.flights: set[Ticket] = set()
        self.rings_at: float | None = None
        self._ring = ring
        self._offset = max(0.0, after - loop.time())
        self._handle: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The limiter's time."""
        return self.loop.time() + self._offset

    def should_ring(self, at: float | None) -> bool:
        """Note that those who wait here are to be woken by then; True if the alarm has to be set or taken off."""
        if not self.waiting:
            needless, self.rings_at = self.rings_at is not None, None
            return needless
        if at is None or (self.rings_at is not None and self.rings_at <= at):
            return False
        self.rings_at = at
        return True

    def tell(self) -> None:
        """Set the alarm as noted; on this loop."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self.rings_at is not None:
            self._handle = self.loop.call_at(self.rings_at - self._offset, self._ring, self)
