"""The limiter: how many calls may be in flight at a model at once.

The core is synchronous and holds one lock for a few instructions, so that one limiter serves several threads and
several event loops. A call that finds no room waits in one queue, first come first served. Room that becomes free is
*handed* to the next in the queue under the lock (it never becomes free in between, so nobody overtakes), and the
waiter is told on its own loop. A waiter that is cancelled after it was handed room, but before it could use it, gives
it back.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final, Self

from .. import runs
from ..tracing import names, span

AUTOMATIC_LIMIT: Final = 32
"""Calls in flight where nobody says anything."""

_CONCURRENCY: Final = {names.WAIT_REASON: "concurrency"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterStatistics:
    """What a limiter does now.

    Attributes:
        limit: Calls that may be in flight at once.
        in_flight: Calls in flight now.
        waiting: Calls that wait for a permit now.
        accepted: Calls that the provider accepted so far.
    """

    limit: int
    in_flight: int
    waiting: int
    accepted: int


class Limiter:
    """Bounds the calls in flight at a model. Give one to several models to make them share it.

    Usable from several threads and event loops at once.

    Args:
        max: A cap: never more calls in flight than this.
        fixed: Exactly this many calls may be in flight, always.
    """

    def __init__(self, *, max: int | None = None, fixed: int | None = None) -> None:  # noqa: A002 - the caller's word
        if max is not None and fixed is not None:
            raise ValueError("a Limiter takes `max` or `fixed`, not both: with `fixed` there is nothing left to cap")
        for name, value in (("max", max), ("fixed", fixed)):
            if value is not None:
                check_limit(value, f"Limiter({name}={value!r})")
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        self._limit = fixed or max or AUTOMATIC_LIMIT
        self._in_flight = 0
        self._accepted = 0

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<Limiter {now.in_flight} of {now.limit} in flight, {now.waiting} waiting>"

    @property
    def accepted(self) -> int:
        """Calls that the provider accepted so far."""
        return self._accepted

    def statistics(self) -> LimiterStatistics:
        """What the limiter does now."""
        with self._lock:
            return LimiterStatistics(
                limit=self._limit, in_flight=self._in_flight, waiting=len(self._waiters), accepted=self._accepted
            )

    def permit(self) -> Permit:
        """The right to make one call: `async with limiter.permit() as permit:`."""
        return Permit(self)

    def set_limit(self, limit: int) -> None:
        """Let `limit` calls be in flight from now on; what is in flight already goes on."""
        check_limit(limit, f"set_limit({limit!r})")
        with self._lock:
            self._limit = limit
            granted = self._hand_over()
        self._tell(granted)

    def _enter(self) -> _Waiter | None:
        """Take a permit at once, or stand in the queue."""
        with self._lock:
            if self._in_flight < self._limit and not self._waiters:
                self._in_flight += 1
                return None
            waiter = _Waiter(asyncio.get_running_loop())
            self._waiters.append(waiter)
            return waiter

    def _leave(self, *, accepted: bool = False) -> None:
        with self._lock:
            self._in_flight -= 1
            self._accepted += accepted
            granted = self._hand_over() if self._waiters else None
        if granted:
            self._tell(granted)

    def _hand_over(self) -> list[_Waiter]:
        granted = []
        while self._waiters and self._in_flight < self._limit:
            waiter = self._waiters.popleft()
            waiter.granted = True
            self._in_flight += 1
            granted.append(waiter)
        return granted

    def _tell(self, granted: list[_Waiter]) -> None:
        while granted:
            lost = [waiter for waiter in granted if not waiter.wake()]
            with self._lock:
                self._in_flight -= len(lost)
                granted = self._hand_over() if lost else []

    def _give_up(self, waiter: _Waiter) -> None:
        """The waiter was cancelled: out of the queue, or back with what it was handed in the meantime."""
        with self._lock:
            if not waiter.granted:
                self._waiters.remove(waiter)
                return
        self._leave()

    async def _wait(self, waiter: _Waiter) -> float:
        started = waiter.loop.time()
        try:
            with runs.waiting_for_permit(), span(names.WAIT_FOR_PERMIT, attributes=_CONCURRENCY):
                await waiter.woken
        except BaseException:
            self._give_up(waiter)
            raise
        return waiter.loop.time() - started


class Permit:
    """The right to make one call, from entering to leaving `async with`.

    Attributes:
        waited: Seconds that the call had to wait for it.
    """

    __slots__ = ("_accepted", "_holding", "_limiter", "waited")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._holding: AbstractContextManager[None] | None = None
        self._accepted = False
        self.waited: float = 0.0

    def accepted(self) -> None:
        """The provider took the call: it was not refused by a rate limit."""
        self._accepted = True

    async def __aenter__(self) -> Self:
        if self._holding is not None:
            raise RuntimeError("this permit is held already: call `limiter.permit()` for every call")
        waiter = self._limiter._enter()  # noqa: SLF001 - two halves of one mechanism
        if waiter is not None:
            self.waited = await self._limiter._wait(waiter)  # noqa: SLF001
        self._holding = runs.holding_permit()
        self._holding.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._holding is not None:
            self._holding.__exit__(None, None, None)
            self._holding = None
        self._limiter._leave(accepted=self._accepted)  # noqa: SLF001


class _Waiter:
    """One call in the queue."""

    __slots__ = ("granted", "loop", "woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.woken: asyncio.Future[None] = loop.create_future()
        self.granted = False

    def wake(self) -> bool:
        """Tell the waiter that it holds a permit; False if its loop is gone, and the waiter with it."""
        with suppress(RuntimeError):
            if asyncio.get_running_loop() is self.loop:
                self._set()
                return True
        try:
            self.loop.call_soon_threadsafe(self._set)
        except RuntimeError:
            return False
        return True

    def _set(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


def check_limit(value: object, where: str) -> None:
    """Refuse what is not a count of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{where}: the number of calls in flight is an int of at least 1")
    if value < 1:
        raise ValueError(f"{where}: at least 1 call must be allowed in flight")
