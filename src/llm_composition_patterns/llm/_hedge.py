"""Hedging: a second attempt beside one that is late. The first answer wins.

Each attempt is a task of its own, so that the one that is not needed can be cancelled. None of them outlives the call:
both have ended, settled what they used and written their spans before it returns or raises, whatever happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, TypeVar

from ..errors import BudgetExceeded
from ..limits import HeldUp, Limiter
from ._attempt import attempt
from ._connection import Call, Connection
from ._costs import UNKNOWN
from ._retries import is_worth_another
from ._types import Completion
from ._wire import Body

T = TypeVar("T")

_LOOK_AGAIN: Final = 0.25
"""Seconds, at least, until it is asked again what is late, where that is not known yet."""

_A_MOMENT: Final = 1e-6
"""Seconds that are no wait: adding less to a clock may not move it."""

Racer: TypeAlias = "asyncio.Task[tuple[Completion, T]]"
"""One attempt, running."""


async def hedged(connection: Connection, call: Call[T], body: Body) -> tuple[Completion, T]:
    """Make one attempt at `call`, and a second one beside it where it is late.

    Raises:
        ModelError: Both failed, or one found out what no other attempt can mend.
        HeldUp: It was not let through for as long as the call bears.
    """
    loop = asyncio.get_running_loop()
    call.answered = False  # an earlier race may have been ended by an error that a smaller request mends
    begun = loop.create_future()
    first = loop.create_task(attempt(connection, call, body, begins=lambda: begun.set_result(None)))
    racers = [first]
    try:
        await asyncio.wait([first, begun], return_when=asyncio.FIRST_COMPLETED)
        if await _is_late(first, connection.limiter):
            connection.limiter.hedged()
            racers.append(loop.create_task(attempt(connection, call, body, hedge=True)))
        completion, value = await _first_answer(racers, call)
    finally:
        await _end(racers)
    return _summed(completion, call), value


async def _is_late(first: Racer[Any], limiter: Limiter) -> bool:
    """Wait until the first attempt has ended, or has taken so long that a second one is worth its price.

    What is late is asked anew each time: it is not known while few calls were answered, and may be more by then.
    """
    clock = asyncio.get_running_loop().time
    sent = clock()
    while not first.done():
        after, elapsed = limiter.hedge_after(), clock() - sent
        if after is not None and elapsed >= after - _A_MOMENT:
            return True
        rest = max(_LOOK_AGAIN, elapsed / 4) if after is None else after - elapsed
        await asyncio.wait([first], timeout=rest)
    return False


async def _first_answer(racers: Sequence[Racer[T]], call: Call[T]) -> tuple[Completion, T]:
    """What the first one answers; a failure counts only where no other attempt may mend it, or none is left."""
    waiting: set[Racer[T]] = set(racers)
    while waiting:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for racer in racers:
            if racer.done() and not _may_be_mended(racer):
                call.answered = True
                return racer.result()
    return racers[0].result()


def _may_be_mended(racer: Racer[Any]) -> bool:
    if racer.cancelled() or (error := racer.exception()) is None:
        return False
    return isinstance(error, HeldUp | BudgetExceeded) or is_worth_another(error)


async def _end(racers: Sequence[Racer[Any]]) -> None:
    """Cancel what still runs, and wait until it has ended, however often the caller is cancelled meanwhile."""
    interrupted: asyncio.CancelledError | None = None
    for racer in racers:
        racer.cancel()
    while running := [racer for racer in racers if not racer.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            interrupted = error
    for racer in racers:
        if not racer.cancelled():
            racer.exception()  # seen: asyncio need not tell of it
    if interrupted is not None:
        raise interrupted


def _summed(completion: Completion, call: Call[Any]) -> Completion:
    """The answer with what all the attempts used."""
    if completion.usage is call.usage:
        return completion
    cost = call.usage.cost
    return replace(
        completion,
        usage=call.usage,
        cost=cost,
        cost_source=UNKNOWN.source if cost is None else completion.cost_source,
        attempts=call.attempts,
    )
