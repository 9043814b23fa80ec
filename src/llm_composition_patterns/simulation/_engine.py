"""A machine driven by the clock of an event loop: one timer, set to when next something is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ._capacity import Capacity
from ._machine import Machine, Place, Refusal

_UNLIMITED = Capacity(slots=10**9)


class NotTaken(Exception):
    """The server does not take a request.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class Work:
    """A request at work, or waiting for it."""

    def __init__(self, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        self.place = place
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None

    async def until(self, stage: int) -> None:
        """Wait until so many stages are reached."""
        while self.place.reached < stage:
            self._waiter = self._loop.create_future()
            await self._waiter

    def wake(self) -> None:
        """Let who waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Engine:
    """Works on requests as a capacity allows, in the time of the loop that it was made on.

    Args:
        capacity: None for no limit at all.
    """

    def __init__(self, capacity: Capacity | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._machine = Machine(capacity or _UNLIMITED, first=self._started)
        self._works: dict[Place, Work] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return self._loop.time() - self._started

    def check(self) -> None:
        """See whether it would take a request now.

        Raises:
            NotTaken: It would not.
        """
        reason = self._machine.refusal(self._loop.time())
        if reason is not None:
            raise NotTaken(reason)

    def begin(self, seconds: float, stages: Iterable[float] = ()) -> Work:
        """Take a request that needs so many seconds at full speed; it goes on until it ends or is dropped.

        Raises:
            NotTaken: There are too many.
        """
        place = self._machine.arrive(self._loop.time(), seconds, stages=stages)
        if not isinstance(place, Place):
            raise NotTaken(place)
        work = self._works[place] = Work(place, self._loop)
        self._set_timer()
        return work

    @contextmanager
    def dropping(self, work: Work) -> Iterator[None]:
        """Drop the request if it has not ended by the end of the block."""
        try:
            yield
        finally:
            self.drop(work)

    def drop(self, work: Work) -> None:
        """Drop the request if it has not ended yet."""
        if self._works.pop(work.place, None) is not None:
            self._machine.leave(work.place, self._loop.time())
            self._set_timer()

    def _set_timer(self) -> None:
        when = self._machine.next_end(self._loop.time())
        if self._timer is not None:
            if self._timer.when() == when:
                return
            self._timer.cancel()
        self._timer = None if when is None else self._loop.call_at(when, self._go_on, when)

    def _go_on(self, when: float) -> None:
        self._timer = None
        for place in self._machine.advance(max(when, self._loop.time())):
            work = self._works.get(place)
            if work is not None:
                work.wake()
                if place.state == "gone":
                    del self._works[place]
        self._set_timer()
