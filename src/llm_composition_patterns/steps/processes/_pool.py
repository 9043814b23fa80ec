"""Which worker computes which call: the state of a pool, without a process in it.

A call waits until a worker is free. Workers are started while calls wait and there is room; the first that is free
takes the call that waits longest, whether it is the one that was started for it or not. So a worker that dies while it
starts has no call of its own, and another one is started. Only when several have died so in a row, and no worker lives
that could compute what waits, each further one fails the call that waits longest: what can never start is not started
for ever. While a worker lives, it is tried again after each answer.

A worker computes one call at a time, and is sent the next one before, so that it never waits for this process. That
call is still nobody's: the worker must take its ticket before it begins, and as long as it has not, this side can take
the ticket back. Only one of them gets it. So a call that has not begun can be given to another worker that is free
sooner, or be withdrawn, and what becomes of a worker concerns the one call alone that it has begun.

A worker is had like a permit: as long as a call waits for one, the clock of its branch stands still, or a limit of a
second would end calls that were never begun because there were many before them. The call that was sent first to a
worker counts as begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final, Protocol

from ...errors import WorkerLost
from ...runs import current_account
from .._pooled import outstanding
from ._child import COMPLAINED, READY
from ._wire import Body

_log = logging.getLogger("llm_composition_patterns")
_FAILED_STARTS: Final = (
    1  # tolerated in a row, and one more for each worker: what kills all of them at once is one mishap
)
_MOST_IN_ADVANCE: Final = 2**16  # what a socket holds: a longer call is sent when the worker is free

Answer = tuple[int, Body, str]
"""Whether it is a value or an error, its pickle, and who gave it."""


class Call:
    """One call.

    Attributes:
        number: Unlike all others of its pool.
        pieces: Its pickle.
        answer: What its caller waits for.
        worker: The worker that it was sent to.
    """

    __slots__ = ("_account", "_counted", "answer", "number", "pieces", "worker")

    def __init__(self, number: int, pieces: list[bytes], answer: asyncio.Future[Answer]) -> None:
        self.number = number
        self.pieces = pieces
        self.answer = answer
        self.worker: Worker | None = None
        self._account = current_account.get()
        self._counted = (0, 0)
        self._count(waiting=1)

    def begin(self) -> None:
        """Count as working: the clocks around it run."""
        self._count(working=1)

    def wait(self) -> None:
        """Count as waiting again: the clocks around it stand still where nothing else works."""
        self.worker = None
        self._count(waiting=1)

    def end(self) -> None:
        """Count as nothing from now on."""
        self._count()
        self._account = None

    def _count(self, *, waiting: int = 0, working: int = 0) -> None:
        before, self._counted = self._counted, (waiting, working)
        if self._account is not None and before != self._counted:
            self._account.shift(waiting=waiting - before[0], working=working - before[1])


class Worker(Protocol):
    """A process that computes calls; it tells its pool what it hears of it."""

    @property
    def calls(self) -> dict[int, Call]:
        """What was sent to it and is not answered, by number: the one it computes, and the one after that."""
        ...

    def send(self, call: Call) -> None:
        """Send a call and its ticket."""
        ...

    def take_back(self) -> list[int]:
        """Take back the tickets of the calls that it has not begun; their numbers."""
        ...

    def listen(self) -> None:
        """Tell the pool now what it has said and nobody has heard yet."""
        ...

    def finish(self) -> None:
        """Let it close its resource and end."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class Pool:
    """The calls and the workers of one step, on one event loop.

    Attributes:
        loop: The event loop.
    """

    def __init__(self, name: str, most: int, hire: Callable[[Pool], Worker]) -> None:
        self.loop = asyncio.get_running_loop()
        self._name, self._most, self._hire = name, most, hire
        self._numbers = count()
        self._waiting: OrderedDict[int, Call] = OrderedDict()
        self._starting: set[Worker] = set()
        self._failed_starts = 0
        self._free: list[Worker] = []
        self._busy: dict[Worker, None] = {}
        self._leaving: set[Worker] = set()
        self._expected = 0
        self._closed = False
        self._changed = asyncio.Event()

    @contextmanager
    def expecting_a_call(self) -> Iterator[None]:
        """Stay open in the body: a call is being made, which `run` is given right after it."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            self._changed.set()

    async def run(self, pieces: list[bytes]) -> Answer:
        """Have a call computed; a caller that is cancelled is free at once, and the worker that computes it killed."""
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError(
                f"{self._name} was opened on another event loop; wrap it again with in_processes on this one"
            )
        call = Call(next(self._numbers), pieces, self.loop.create_future())
        self._waiting[call.number] = call
        self._dispatch()
        try:
            with outstanding(self.loop):
                return await call.answer
        except asyncio.CancelledError:
            self._give_up(call)
            raise
        finally:
            call.end()

    async def aclose(self) -> None:
        """Let the workers end after the calls that wait; if that is cancelled, end them and fail the calls at once."""
        try:
            with outstanding(self.loop):
                while self._expected or self._waiting or self._busy:
                    await self._change()
                self._dismiss()
                while self._leaving:
                    await self._change()
        finally:
            self._closed = True
            self._refuse_what_waits()
            for worker in (*self._starting, *self._free, *self._busy, *self._leaving):
                worker.kill()

    def _refuse_what_waits(self) -> None:
        while self._waiting:
            _, call = self._waiting.popitem(last=False)
            if not call.answer.done():
                call.answer.set_exception(RuntimeError(f"{self._name} was closed before it could compute this call"))

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _dismiss(self) -> None:
        for worker in self._free:
            worker.finish()
        for worker in self._starting:  # they have built nothing yet
            worker.kill()
        self._leaving.update(self._free, self._starting)
        self._free.clear()
        self._starting.clear()

    # What a worker tells

    def heard(self, worker: Worker, kind: int, number: int, body: Body) -> None:
        """Take a message of a worker."""
        if kind == COMPLAINED:
            _log.error("a worker process of %s could not %s", self._name, body.decode())
        elif kind == READY:
            if worker in self._starting:
                self._starting.remove(worker)
                self._free.append(worker)
                self._failed_starts = 0
                self._dispatch()
        elif number in worker.calls:
            call = worker.calls.pop(number)
            for following in worker.calls.values():
                following.begin()
            self._failed_starts = min(self._failed_starts, self._tolerated)
            if worker in self._busy and not worker.calls:
                self._release(worker)
            # First the next call: the worker should not wait for what this answer sets off.
            self._dispatch()
            if not call.answer.done():
                call.answer.set_result((kind, body, f"in {worker} of {self._name}"))

    def ended(self, worker: Worker, how: str, exit_code: int | None) -> None:
        """Take note of the end of a worker; the call that it computed fails."""
        doing = "computed the call"
        self._return_to_queue(worker)
        lost = [*worker.calls.values()]
        if worker in self._starting:
            self._starting.remove(worker)
            doing = "started"
            lost = self._lost_to_failed_starts()
        if worker in self._free:
            self._free.remove(worker)
        self._busy.pop(worker, None)
        self._leaving.discard(worker)
        for call in lost:
            if not call.answer.done():
                message = f"{worker} of {self._name} was lost while it {doing}: {how}"
                call.answer.set_exception(WorkerLost(message, step=self._name, exit_code=exit_code))
        self._changed.set()
        self._dispatch()

    def _lost_to_failed_starts(self) -> list[Call]:
        """The call that fails because one more worker has died while it started, if one does."""
        self._failed_starts += 1
        hopeless = self._failed_starts > self._tolerated and not self._one_lives
        return [self._waiting.popitem(last=False)[1]] if self._waiting and hopeless else []

    @property
    def _tolerated(self) -> int:
        return _FAILED_STARTS + self._most

    @property
    def _one_lives(self) -> bool:
        return bool(self._free or self._busy)

    def _release(self, worker: Worker) -> None:
        del self._busy[worker]
        self._free.append(worker)
        self._changed.set()

    # What follows

    def _dispatch(self) -> None:
        if self._closed:
            self._refuse_what_waits()
        while self._free and (self._waiting or self._take_from_the_busy()):
            worker = self._free.pop()
            self._busy[worker] = None
            self._send(worker)
        while len(self._starting) < len(self._waiting) and self._may_hire:
            self._starting.add(self._hire(self))
        for worker in self._busy:
            if self._may_be_sent_more(worker) and self._next_is_short():
                self._send(worker)

    def _send(self, worker: Worker) -> None:
        _, call = self._waiting.popitem(last=False)
        call.worker = worker
        worker.calls[call.number] = call
        if len(worker.calls) == 1:
            call.begin()
        worker.send(call)

    def _may_be_sent_more(self, worker: Worker) -> bool:
        """Whether it computes its only call, and is not about to be killed for it."""
        return len(worker.calls) == 1 and not next(iter(worker.calls.values())).answer.cancelled()

    def _next_is_short(self) -> bool:
        call = next(iter(self._waiting.values()), None)
        return call is not None and sum(map(len, call.pieces)) <= _MOST_IN_ADVANCE

    def _take_from_the_busy(self) -> bool:
        """Let a call wait again that was sent to a worker which still computes another one; False if there is none."""
        return any(self._return_to_queue(worker) for worker in [*self._busy] if len(worker.calls) > 1)

    def _return_to_queue(self, worker: Worker) -> bool:
        """Let the calls wait again, before all others, that a worker has not begun; False if there are none."""
        numbers = worker.take_back()
        for number in reversed(numbers):
            call = self._waiting[number] = worker.calls.pop(number)
            self._waiting.move_to_end(number, last=False)
            call.wait()
        if numbers and not worker.calls and worker in self._busy:
            self._release(worker)
        return bool(numbers)

    @property
    def _may_hire(self) -> bool:
        worth_it = self._failed_starts <= self._tolerated or not self._one_lives
        return self._count < self._most and worth_it

    @property
    def _count(self) -> int:
        return len(self._starting) + len(self._free) + len(self._busy)

    def _give_up(self, call: Call) -> None:
        worker = call.worker
        if worker is not None and worker in self._busy and call.number in worker.calls:
            self._return_to_queue(worker)
            # Only now: what it has begun after a call, it has begun after it answered that one.
            worker.listen()
            if call.number in worker.calls:
                del self._busy[worker]
                self._leaving.add(worker)
                worker.kill()
        self._waiting.pop(call.number, None)
        self._changed.set()
        self._dispatch()
