"""Back-pressure: a gate before new branches, shut while the queue of spans is nearly full.

Whoever queues spans and whoever sends them shuts and opens the gate, on any thread; branches of any event loop wait at
it. The queue drains by a thread that needs no branch to end, so branches that wait inside other branches wait for
nothing that waits for them. A collector that takes nothing for `PATIENCE` seconds is waited for no longer: the gate
stays open, and what does not fit into the queue is lost and counted, until the collector takes spans again.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from time import monotonic

from ..virtual_time import VirtualTimeLoop

PATIENCE = 60.0


class Backpressure:
    """The gate.

    Attributes:
        shut: Whether new branches wait now; true only for moments where the collector keeps up.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew: after a fork, whoever waits does so in the parent."""
        # The lock can be taken twice by one thread: a garbage collection inside it may end a span.
        self._lock = threading.RLock()
        self._waiting: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}
        self._given_up = False
        self._progressed = 0.0
        self.shut: bool = False

    # The side of the queue

    def nearly_full(self) -> None:
        """Shut the gate, unless the collector was given up."""
        with self._lock:
            if not (self.shut or self._given_up):
                self.shut, self._progressed = True, monotonic()

    def has_room(self) -> None:
        """Open the gate."""
        with self._lock:
            self.shut = False
            waiting, self._waiting = self._waiting, {}
        for waiter, loop in tuple(waiting.items()):  # a branch that is cancelled just now takes itself out of it
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(_wake, waiter)

    def progress(self) -> None:
        """Take note that the collector has taken spans."""
        self._given_up, self._progressed = False, monotonic()

    def give_up(self) -> None:
        """Wait for the collector no longer, until there is progress."""
        self._given_up = True
        self.has_room()

    def give_up_in_time(self) -> None:
        """Give the collector up if it has taken nothing for too long."""
        if self.shut and self._left() <= 0:
            self.give_up()

    # The side of the branches

    async def opened(self) -> None:
        """Wait until the gate is open."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        with self._lock:
            if not self.shut:
                return
            self._waiting[waiter] = loop
        try:
            with _outstanding(loop):
                while not waiter.done():
                    await asyncio.wait((waiter,), timeout=max(self._left(), 0.0))
                    self.give_up_in_time()  # the thread that sends may hang in a request
        finally:
            self._waiting.pop(waiter, None)

    def _left(self) -> float:
        return self._progressed + PATIENCE - monotonic()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _outstanding(loop: asyncio.AbstractEventLoop) -> AbstractContextManager[None]:
    """Room comes in real time: where time is virtual, it does not pass meanwhile."""
    return loop.outstanding() if isinstance(loop, VirtualTimeLoop) else nullcontext()
