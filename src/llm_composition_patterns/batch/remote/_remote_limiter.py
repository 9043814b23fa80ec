"""The limiters of a worker: what stands for those that the dispatcher keeps, so that all workers keep to the same."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Self
from weakref import WeakKeyDictionary

from ... import runs
from ...limits import (
    Accepted,
    Ending,
    HeldUp,
    Limiter,
    LimiterStatistics,
    Permit,
    Ticket,
    Wanted,
    given_to,
)
from ._endings import LimiterState, read_state, write_ending
from ._inside import inside
from ._line import Asked, Line, Message
from ._traces import parent_here


class RemoteLimiter(Limiter):
    """A limiter that the dispatcher keeps.

    Args:
        line: To the dispatcher.
        opened: What it told of the limiter.
    """

    def __init__(self, line: Line, opened: Message) -> None:
        super().__init__()
        self._line = line
        self._limiter: int = opened["limiter"]
        self._learns: bool = opened["learns"]
        self._allows_tokens: bool = opened["allows_tokens"]
        self._state: LimiterState = read_state(opened["state"])

    @property
    def learns(self) -> bool:
        """Whether it finds out what the provider takes."""
        return self._learns

    @property
    def accepted(self) -> int:
        """Calls that the provider accepted so far, as far as was heard."""
        return self._state.statistics.accepted

    @property
    def outage(self) -> bool:
        """Whether the provider fails, as far as was heard."""
        return self._state.outage

    @property
    def allows_tokens(self) -> bool:
        """Whether the user said how many tokens a minute."""
        return self._allows_tokens

    @property
    def feels(self) -> bool:
        """Whether single calls find out when the provider takes them again, as far as was heard."""
        return self._state.feels

    @property
    def surely_out(self) -> bool:
        """Whether the provider fails calls so different, in whatever worker, that it is not for what is in them."""
        return self._state.surely_out

    @property
    def fails_often(self) -> bool:
        """Whether much fails though the provider is there, as far as was heard."""
        return self._state.fails_often

    @property
    def outages_over(self) -> tuple[range, ...]:
        """The calls, by the number of their permit, that were sent in outages that are over, as far as was heard."""
        return self._state.outages_over

    def statistics(self) -> LimiterStatistics:
        """What the limiter did and knew when it was last heard of."""
        return self._state.statistics

    def hedge_after(self) -> float | None:
        """Seconds after which a call is worth a second one, as far as was heard."""
        return self._state.hedge_after

    def hedged(self) -> None:
        """Say that a call got a second one."""
        self._line.say(**{"is": "hedged", "limiter": self._limiter})

    def remembered(self) -> dict[str, dict[str, float]]:
        """Nothing: the dispatcher does that."""
        return {}

    def close(self) -> None:
        """Say that a model does not use it any more."""
        self._line.say(**{"is": "close", "limiter": self._limiter})

    def _permit(self, ticket: Ticket) -> Permit:
        return RemotePermit(self, ticket)

    # What its permits need

    def ask(self, ticket: Ticket) -> Asked:
        """Ask for the permit of a call."""
        return self._line.ask(
            **{"is": "permit", "limiter": self._limiter, "item": inside(), "parent": parent_here()},
            tokens=ticket.tokens,
            retry=ticket.retry,
            patience=ticket.patience,
            outage_patience=ticket.outage_patience,
            stuck_for=ticket.stuck_for,
        )

    def end(self, permit: int, ending: Ending, *, late: bool) -> Asked | None:
        """Say how a call ended; where that is no success, what follows from it."""
        assert ending is not None  # noqa: S101 - nobody says nothing
        told: dict[str, Any] = {"is": "end", "permit": permit, "item": inside(), "ending": write_ending(ending)}
        if isinstance(ending, Accepted):
            self._line.say(**told)
            return None
        return self._line.ask(**told, late=late)

    def leave(self, permit: int) -> None:
        """Give a permit back."""
        self._line.say(**{"is": "leave", "permit": permit})

    def hear(self, answer: Message) -> None:
        """Take note of what the limiter does and knows."""
        self._state = read_state(answer["state"])


class RemotePermit(Permit):
    """A permit that the dispatcher gives.

    Args:
        limiter: What gives it.
        ticket: The call.
    """

    __slots__ = ("_follows", "_late", "_limiter", "_number", "_permit")

    def __init__(self, limiter: RemoteLimiter, ticket: Ticket) -> None:
        self._limiter = limiter
        self._ticket = ticket
        self._account: runs.Account | None = None
        self._permit: int | None = None
        self._number = 0
        self._late = False
        self._follows: Asked | None = None
        self.waited: float = 0.0

    @property
    def number(self) -> int:
        """When the call was sent, as its place among all that were."""
        return self._number

    def forgives(self, number: int) -> bool:
        """Whether what another one failed, by its number, fell into an outage that is over, as far as was heard."""
        return any(number in outage for outage in self._limiter.outages_over)

    def is_one_too_many(self) -> bool:
        """Never, as far as is known here."""
        return False

    @property
    def behind_others(self) -> bool:
        """Never, as far as is known here; that it was asked for is told, and the dispatcher knows."""
        self._late = True
        return False

    def end(self, ending: Ending) -> None:
        """Say how the call ended.

        Raises:
            RuntimeError: The permit is not held, or this was said already.
        """
        if self._permit is None or self._ticket.over:
            raise RuntimeError("say once how a call ended, inside `async with limiter.permit() as permit:`")
        self._ticket.over = True
        self._follows = self._limiter.end(self._permit, ending, late=self._late)

    async def __aenter__(self) -> Self:
        ticket = self._ticket
        if ticket.entered:
            raise RuntimeError("this permit is held already: call `limiter.permit()` for every call")
        ticket.entered = True
        await self._granted(self._limiter.ask(ticket))
        self._account = account = runs.current_account.get()
        if account is not None:
            account.shift(working=1)
        return self

    async def _granted(self, asked: Asked) -> None:
        ticket = self._ticket
        with runs.waiting_for_permit():
            try:
                answer = await asked.answer
            except asyncio.CancelledError:
                self._limiter.leave(asked.number)
                raise
        if "held_up" in answer:
            raise HeldUp(**answer["held_up"])
        self._limiter.hear(answer)
        self._permit, self._number, self.waited = answer["number"], answer["place"], answer["waited"]
        ticket.reason, ticket.probe = answer["reason"], answer["probe"]

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._account is not None:
            self._account.shift(working=-1)
        if self._permit is None:
            return
        self._limiter.leave(self._permit)
        if self._follows is not None and kind is not None and issubclass(kind, Exception):
            self._limiter.hear(await self._follows.answer)  # what to do next depends on it


class RemoteLimiters:
    """Asks the dispatcher for the limiters of models.

    Args:
        line: To the dispatcher.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._own: WeakKeyDictionary[Limiter, tuple[dict[str, Any], int]] = WeakKeyDictionary()

    async def __call__(self, wanted: Wanted, resources: AsyncExitStack) -> Limiter:
        """The limiter that a model wants; a `limiter_source`."""
        shown = {
            "endpoint": wanted.endpoint if isinstance(wanted.endpoint, str) else repr(wanted.endpoint),
            "model": wanted.model,
            "fingerprint": wanted.fingerprint,
        }
        if wanted.own is not None:
            asked = {"own": self._place_of(wanted.own, shown)}
        else:
            asked = {"shared": {**shown, "cap": wanted.cap, "start": wanted.start, "local": wanted.local}}
        opened = await self._line.ask(**{"is": "limiter"}, **asked, memory=wanted.memory).answer
        limiter = RemoteLimiter(self._line, opened)
        resources.callback(limiter.close)
        return limiter

    def _place_of(self, limiter: Limiter, shown: dict[str, Any]) -> dict[str, Any]:
        """What tells a limiter of the user's own from the others, the same in every worker.

        That is what it was made of, the first model that used it, and how many such came before.
        """
        if limiter not in self._own:
            place = {**shown, "given": given_to(limiter)._asdict()}
            before = sum(1 for other, _ in self._own.values() if other == place)
            self._own[limiter] = place, before
        place, before = self._own[limiter]
        return {**place, "before": before}
