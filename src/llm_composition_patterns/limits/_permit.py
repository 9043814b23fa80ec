"""The right to make one call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

from .. import runs
from ..tracing import listening, names, span
from ._endings import Accepted

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ._clocks import Clock
    from ._endings import Ending
    from ._enforcement import Enforcement
    from ._flight import Flight


_TWICE: Final = 2.0
"""A busy loop is late when it lets a call go, and again when it comes to its answer."""


class HeldUp(Exception):
    """A call had to wait for its permit for longer than it bears.

    Attributes:
        reason: What held it: "outage", or one of the rate limits: "requests", "tokens", "retry_after".
        seconds: How long nobody's call was accepted.
        ahead: How long the rate limit asks to wait still, where that is known to be too long; else 0.
        own: It is the user's own rate.
    """

    def __init__(self, reason: str, seconds: float, ahead: float = 0.0, *, own: bool = False) -> None:
        super().__init__(f"held up for {seconds + ahead:.3g} s: {reason}")
        self.reason = reason
        self.seconds = seconds
        self.ahead = ahead
        self.own = own


class Ticket:
    """One call, as the enforcement sees it: what it asks for, and how far it has come."""

    __slots__ = (
        "clock",
        "entered",
        "failed",
        "flight",
        "group",
        "lag",
        "outage_patience",
        "over",
        "patience",
        "probe",
        "queued",
        "reason",
        "retry",
        "since",
        "stuck_for",
        "tokens",
        "woken",
    )

    def __init__(
        self,
        tokens: float | None,
        *,
        retry: bool,
        patience: float | None,
        stuck_for: float,
        outage_patience: float | None,
    ) -> None:
        self.tokens: float | None = tokens
        self.retry: bool = retry
        self.patience: float | None = patience
        self.stuck_for: float = stuck_for
        self.outage_patience: float | None = outage_patience
        self.entered: bool = False
        self.queued: bool = False
        self.over: bool = False
        self.probe: bool = False
        self.group: Hashable = None
        self.reason: str = ""
        self.flight: Flight | None = None
        self.failed: HeldUp | None = None
        self.since: float = 0.0
        self.lag: float = 0.0
        self.clock: Clock
        self.woken: asyncio.Future[None]

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its caller waits."""
        return self.clock.loop

    def tell(self) -> None:
        """Let its caller look: it has a flight, or has failed. Called on its loop."""
        if not self.woken.done():
            self.woken.set_result(None)


class Permit:
    """The right to make one call, from entering to leaving `async with`.

    Attributes:
        waited: Seconds that the call had to wait for it.
    """

    __slots__ = ("_account", "_enforcement", "_ticket", "waited")

    def __init__(self, enforcement: Enforcement, ticket: Ticket) -> None:
        self._enforcement = enforcement
        self._ticket = ticket
        self._account: runs.Account | None = None
        self.waited: float = 0.0

    @property
    def reason(self) -> str:
        """What held the call when it came, as in `HeldUp`, or "concurrency"; empty where nothing did."""
        return self._ticket.reason

    @property
    def probe(self) -> bool:
        """Whether this is the one call that finds out whether an outage is over."""
        return self._ticket.probe

    @property
    def number(self) -> int:
        """When the call was sent, as its place among all that were; 0 with a fixed limiter, or while it is not held."""
        flight = self._ticket.flight
        return 0 if flight is None else flight.number

    @property
    def behind_others(self) -> bool:
        """Whether the call, which runs out of time, only waited for others at the provider: then it is `Overdue`."""
        flight = self._ticket.flight
        return flight is not None and self._enforcement.is_behind_others(self._ticket, flight)

    def is_one_too_many(self) -> bool:
        """Whether the server, which fails the call, only means that it is full. Ask once for each failure."""
        flight = self._ticket.flight
        return flight is not None and self._enforcement.asked(lambda laws: laws.is_one_too_many(flight))

    def forgives(self, number: int) -> bool:
        """Whether what another one failed, by its number, fell into an outage that is over."""
        return any(number in outage for outage in self._enforcement.asked(lambda laws: laws.outages_over()))

    def end(self, ending: Ending) -> None:
        """Say how the call ended, as soon as that is known; what nothing is said of teaches nothing.

        Raises:
            RuntimeError: The permit is not held, or this was said already.
        """
        ticket = self._ticket
        if ticket.flight is None or ticket.over:
            raise RuntimeError("say once how a call ended, inside `async with limiter.permit() as permit:`")
        ticket.over = True
        took = ticket.clock.now() - ticket.flight.sent_at
        self._enforcement.end(ticket, ticket.flight, ending)
        if self._account is not None and ending is not None:
            self._account.hear(took, self._enforcement, accepted=isinstance(ending, Accepted))

    async def __aenter__(self) -> Self:
        ticket = self._ticket
        if ticket.entered:
            raise RuntimeError("this permit is held already: call `limiter.permit()` for every call")
        ticket.entered = True
        if not self._enforcement.enter(ticket):
            await self._wait(ticket)
        self._account = account = runs.current_account.get()
        if account is not None:
            account.shift(working=1)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._account is not None:
            self._account.shift(working=-1)
        ticket = self._ticket
        if kind is GeneratorExit:
            self._enforcement.abandon(ticket, held=True)
        else:
            self._enforcement.leave(ticket)

    async def _wait(self, ticket: Ticket) -> None:
        started = ticket.clock.now()
        account = runs.current_account.get()
        if account is not None:
            account.shift(waiting=1)
        try:
            await _woken(ticket)
        except GeneratorExit:
            self._enforcement.abandon(ticket, held=False)
            raise
        except BaseException:
            self._enforcement.give_up(ticket)
            raise
        finally:
            if account is not None:
                account.shift(waiting=-1)
        now = ticket.clock.now()
        self.waited = now - started
        if ticket.flight is not None:
            ticket.lag = _TWICE * (now - ticket.flight.sent_at)


async def _woken(ticket: Ticket) -> None:
    if listening() is None:  # half of the cost of waiting would be the span that nobody sees
        await ticket.woken
        _check(ticket)
        return
    with span(names.WAIT_FOR_PERMIT, attributes={names.WAIT_REASON: ticket.reason}):
        await ticket.woken
        _check(ticket)


def _check(ticket: Ticket) -> None:
    if ticket.failed is not None:
        raise ticket.failed
