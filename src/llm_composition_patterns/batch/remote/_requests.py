"""What a worker asks its dispatcher for: permits, reservations, records; and what it tells of what it used.

Each request is answered in the context of the item that it was made inside of: so the dispatcher's account, budgets and
fairness are those of the item's branch. What is not settled when the worker is gone is paid as it was reserved.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from ...limits import Failed, HeldUp, Limiter, Overdue, Permit, impatient_permit
from ...runs import Amount, Budget, Purse, Reservation, purses, settle
from ...usage import NO_USAGE, Usage
from .._execution import Execution
from .._usage_text import read_usage
from ._endings import read_ending, write_state
from ._errors import write_error
from ._limiters import Limiters
from ._line import Line, Message
from ._traces import under


@dataclass(slots=True, eq=False)
class ItemHere:
    """An item that a worker runs, as its dispatcher has it.

    Attributes:
        execution: What its steps are recorded by.
        context: Of its branch.
        answer: What the worker tells in the end.
        inner: The budgets that its step has opened.
    """

    execution: Execution
    context: contextvars.Context
    answer: asyncio.Future[Message]
    inner: dict[int, Purse] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Lease:
    """A permit, or a reservation, that a worker waits for or holds.

    Attributes:
        over: Done with what was used of it, when it is given back.
        task: What holds it here.
        held: Whether it was granted.
        limiter: What gives the permit.
        permit: The permit, once it was granted.
    """

    over: asyncio.Future[Amount | None]
    task: asyncio.Task[None] | None = None
    held: bool = False
    limiter: Limiter | None = None
    permit: Permit | None = None


class Requests:
    """Answers the requests of one worker.

    Args:
        line: To it.
        items: What it runs, by number.
        limiters: What it shares with the others.
    """

    def __init__(self, line: Line, items: dict[int, ItemHere], limiters: Limiters) -> None:
        self._line = line
        self._items = items
        self._limiters = limiters
        self._outside = contextvars.copy_context()
        self._numbers = count()
        self._opened: dict[int, tuple[Limiter, ExitStack]] = {}
        self._leases: dict[int, _Lease] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._takes: Final[dict[str, Callable[[Message], object]]] = {
            "limiter": lambda message: self._start(message, self._open(message)),
            "permit": lambda message: self._lease(message, self._permit),
            "end": self._end,
            "leave": lambda message: self._finish(message["permit"], None),
            "hedged": lambda message: self._opened[message["limiter"]][0].hedged(),
            "close": lambda message: self._opened.pop(message["limiter"])[1].close(),
            "reserve": lambda message: self._lease(message, self._reserve),
            "settle": lambda message: self._finish(message["reservation"], Amount(*message["used"])),
            "used": lambda message: self._context_of(message).run(settle, read_usage(message["usage"])),
            "recall": lambda message: self._start(message, self._recall(message)),
            "keep": lambda message: self._start(message, self._keep(message)),
        }

    def take(self, message: Message) -> None:
        """Take what a worker says: do it, or begin with it."""
        self._takes[message["is"]](message)

    async def aclose(self) -> None:
        """The worker is gone: take everything back."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for _, stack in self._opened.values():
            stack.close()
        self._opened.clear()

    # --- how they are answered

    def _context_of(self, message: Message) -> contextvars.Context:
        item = self._items.get(message.get("item", -1))
        return self._outside if item is None else item.context

    def _start(self, message: Message, answering: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._answering(message, answering), context=self._context_of(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answering(self, message: Message, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except Exception as error:  # noqa: BLE001 - it is the worker's
            self._answer(message, error=write_error(error))

    def _answer(self, message: Message, **answer: Any) -> None:
        self._line.say(**{"is": "answer"}, number=message["number"], **answer)

    def _lease(self, message: Message, holding: Callable[[Message, _Lease], Coroutine[Any, Any, None]]) -> None:
        number = message["number"]
        lease = self._leases[number] = _Lease(asyncio.get_running_loop().create_future())
        lease.task = self._start(message, holding(message, lease))
        lease.task.add_done_callback(lambda _: self._leases.pop(number, None))

    def _finish(self, number: int, used: Amount | None) -> None:
        """The worker gives back what it holds, or waits for it no longer."""
        lease = self._leases.get(number)
        if lease is None or lease.task is None:
            return
        if not lease.held:
            lease.task.cancel()
        elif not lease.over.done():
            lease.over.set_result(used)

    # --- limiters

    async def _open(self, message: Message) -> None:
        stack = ExitStack()
        limiter = await self._limiters.open(message, stack)
        number = next(self._numbers)
        self._opened[number] = limiter, stack
        self._answer(
            message,
            limiter=number,
            learns=limiter.learns,
            allows_tokens=limiter.allows_tokens,
            state=write_state(limiter),
        )

    async def _permit(self, message: Message, lease: _Lease) -> None:
        limiter = lease.limiter = self._opened[message["limiter"]][0]
        asked = {name: message[name] for name in ("tokens", "retry", "patience", "outage_patience", "stuck_for")}
        permit = impatient_permit(limiter, **asked)
        async with AsyncExitStack() as stack:
            try:
                with under(message["parent"]):
                    await stack.enter_async_context(permit)
            except HeldUp as held:
                told = {"reason": held.reason, "seconds": held.seconds, "ahead": held.ahead, "own": held.own}
                self._answer(message, held_up=told)
                return
            lease.held, lease.permit = True, permit
            self._answer(
                message,
                place=permit.number,
                probe=permit.probe,
                reason=permit.reason,
                waited=permit.waited,
                state=write_state(limiter),
            )
            await lease.over

    def _end(self, message: Message) -> None:
        """How a call ended that holds a permit."""
        lease = self._leases[message["permit"]]
        permit, limiter = lease.permit, lease.limiter
        assert permit is not None  # noqa: S101 - what has ended had begun
        assert limiter is not None  # noqa: S101 - as above
        ending = read_ending(message["ending"])
        if isinstance(ending, Failed) and message["late"] and permit.behind_others:
            ending = Overdue()
        self._context_of(message).run(permit.end, ending)
        if "number" in message:
            self._answer(message, state=write_state(limiter))

    # --- budgets

    async def _reserve(self, message: Message, lease: _Lease) -> None:
        needs = [Amount(*need) for need in message["needs"]]
        reservation = Reservation(self._chain(message), lambda: needs, message["caller"])
        async with AsyncExitStack() as stack:
            with under(message["parent"]):
                held = await stack.enter_async_context(reservation)
            lease.held = True
            self._answer(message, need=needs.index(held.need), waited=held.waited)
            try:
                used = await lease.over
            except asyncio.CancelledError:
                settle(_all_of(held.need, message["caller"]))
                held.settle(held.need)
                raise
            held.settle(used or Amount())

    def _chain(self, message: Message) -> tuple[Purse, ...]:
        """The budgets around a call: those that its step has opened, and those around its item."""
        inner, around = self._items[message["item"]].inner, purses()
        for shown in reversed(message["inner"]):
            number, usd = shown["number"], shown["usd"]
            if number not in inner:
                budget = Budget(usd=None if usd is None else Decimal(usd), tokens=shown["tokens"])
                inner[number] = Purse(shown["scope"], budget, around)
            around = inner[number].chain
        return around

    # --- records

    async def _recall(self, message: Message) -> None:
        self._answer(message, value=await self._items[message["item"]].execution.recall(message["key"]))

    async def _keep(self, message: Message) -> None:
        await self._items[message["item"]].execution.keep(message["key"], message["value"])
        self._answer(message)


def _all_of(need: Amount, model: str) -> Usage:
    """What a call is taken to have used whose worker was lost: all that was reserved for it."""
    return replace(NO_USAGE, known_cost=need.usd, estimated_cost=need.usd, calls=1).of_model(model)
