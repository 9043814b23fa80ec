"""The limiter: which calls may be made at a model, and when."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log10
from typing import Final, NamedTuple

from ._breaker import Breaker
from ._concurrency import AdaptiveLaw
from ._controller import Controller
from ._enforcement import Enforcement
from ._fixed_controller import FixedController
from ._notice import Notice
from ._pacer import Pacer
from ._pause import Pause
from ._permit import Permit, Ticket
from ._retry_budget import RetryBudget
from ._statistics import LimiterStatistics

UNKNOWN_START: Final = 16
"""Calls in flight to begin with, where nothing is known of the provider."""

_LEAST_RATE: Final = 1e-6
"""The least that may be allowed a minute: one call in two years."""

_UNREADABLE: Final = 10**20
"""A number of so many digits that nobody reads them."""


class Given(NamedTuple):
    """What a user said of a limiter."""

    max: int | None = None
    fixed: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class Limiter:
    """Finds how many calls may be in flight at a model and what its rate limits are, and keeps to them.

    Give one to several models to make them share it. Usable from several threads and event loops at once.

    Args:
        max: A cap: never more calls in flight than this; how many is still found out.
        fixed: Exactly this many calls may be in flight, always; nothing is learned, and nothing else holds a call.
        requests_per_minute: What the provider allows, where you know it; else it is found out.
        tokens_per_minute: The same for tokens.

    Raises:
        TypeError: A number is of another type.
        ValueError: A number is out of range, or something else is given beside `fixed`.
    """

    def __init__(
        self,
        *,
        max: int | None = None,  # noqa: A002 - the caller's word
        fixed: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        for name, value in (("max", max), ("fixed", fixed)):
            if value is not None:
                check_limit(value, f"Limiter({name}={brief(value)})")
        for name, rate in (("requests_per_minute", requests_per_minute), ("tokens_per_minute", tokens_per_minute)):
            _check_rate(rate, f"Limiter({name}={brief(rate)})")
        self._notice, self._retry_budget = Notice(), RetryBudget()
        self._given = Given(max, fixed, requests_per_minute, tokens_per_minute)
        if fixed is None:
            self._enforcement = Enforcement(
                _learning(
                    UNKNOWN_START,
                    cap=max,
                    requests_per_minute=requests_per_minute,
                    tokens_per_minute=tokens_per_minute,
                )
            )
            return
        if (max, requests_per_minute, tokens_per_minute) != (None, None, None):
            raise ValueError(
                "Limiter(fixed=...) lets so many calls be in flight and minds nothing else: leave out the others, or "
                "give `max` instead of `fixed`"
            )
        self._enforcement = Enforcement(FixedController(fixed))

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<Limiter {now.in_flight} of {brief(now.limit)} in flight, {now.waiting} waiting>"

    @property
    def learns(self) -> bool:
        """Whether it finds out what the provider takes, and keeps to it; a fixed one does not."""
        return not isinstance(self._enforcement.controller, FixedController)

    @property
    def accepted(self) -> int:
        """Calls that the provider accepted so far."""
        return self._enforcement.accepted

    @property
    def outage(self) -> bool:
        """Whether the provider fails: nothing but single calls is let through, to see whether it is back."""
        return self._enforcement.asked(lambda laws: laws.outage() is not None)

    @property
    def surely_out(self) -> bool:
        """Whether the provider fails calls so different that it cannot be for what is in them."""
        return self._enforcement.asked(lambda laws: isinstance(laws, Controller) and laws.breaker.is_certain)

    @property
    def fails_often(self) -> bool:
        """Whether much fails though the provider is there."""
        return self._enforcement.asked(lambda laws: isinstance(laws, Controller) and laws.breaker.evidence.is_common)

    @property
    def outages_over(self) -> tuple[range, ...]:
        """The calls, by the number of their permit, that were sent in outages that are over."""
        return self._enforcement.asked(lambda laws: laws.outages_over())

    @property
    def allows_tokens(self) -> bool:
        """Whether the user said how many tokens a minute."""
        controller = self._enforcement.controller
        return isinstance(controller, Controller) and controller.tokens.is_given

    @property
    def feels(self) -> bool:
        """Whether the provider refused without naming a time: single calls find out when it takes them again."""
        return self._enforcement.asked(lambda laws: isinstance(laws, Controller) and laws.pause.feels)

    def statistics(self) -> LimiterStatistics:
        """What the limiter does and knows now."""
        return self._enforcement.statistics()

    def permit(self, *, tokens: float | None = None, retry: bool = False) -> Permit:
        """The right to make one call: `async with limiter.permit() as permit:`.

        Who waits is served in turn: one call of each outermost fan-out, first come, first served inside it.

        Args:
            tokens: What the call will count for a limit on tokens, as far as can be told; None: what calls cost here
                on average.
            retry: It was tried before, and goes before its fan-out's other calls.
        """
        return impatient_permit(self, tokens=tokens, retry=retry, patience=None, outage_patience=None)

    def hedge_after(self) -> float | None:
        """Seconds after which a call is so late that a second one is worth its price.

        Returns:
            None while too few calls have been answered, the provider wants no calls or fails, or 5 % of the calls had
            a second one already.
        """
        return self._enforcement.hedge_after()

    def hedged(self) -> None:
        """Say that a call got a second one."""
        self._enforcement.hedged()

    def remembered(self) -> dict[str, dict[str, float]]:
        """What is worth to be known in the next run, for `remembered` of `shared_limiter`; empty for a fixed one."""
        return self._enforcement.asked(lambda laws: laws.remembered())

    def _permit(self, ticket: Ticket) -> Permit:
        return Permit(self._enforcement, ticket)


def impatient_permit(
    limiter: Limiter,
    *,
    tokens: float | None,
    retry: bool,
    patience: float | None,
    outage_patience: float | None,
    stuck_for: float = 0.0,
) -> Permit:
    """A permit for a call that does not wait for ever.

    Args:
        limiter: What gives it.
        tokens: As of `Limiter.permit`.
        retry: As of `Limiter.permit`.
        patience: Seconds that it bears to be held by rate limits while nobody's call is accepted.
        outage_patience: Seconds that it bears an outage of the provider.
        stuck_for: Seconds of its `patience` that refusals have used up before; they count until a call is accepted.

    Raises:
        HeldUp: Out of `async with`, when one of the two is over.
    """
    ticket = Ticket(tokens, retry=retry, patience=patience, stuck_for=stuck_for, outage_patience=outage_patience)
    return limiter._permit(ticket)  # noqa: SLF001 - its own module


def notice_of(limiter: Limiter) -> Notice:
    """Whether anybody was told of an outage of the provider behind a limiter."""
    return limiter._notice  # noqa: SLF001 - its own module


def retry_budget_of(limiter: Limiter) -> RetryBudget:
    """The retries that the provider behind a limiter bears, of whatever models call it."""
    return limiter._retry_budget  # noqa: SLF001 - its own module


def given_to(limiter: Limiter) -> Given:
    """What the user said of a limiter."""
    return limiter._given  # noqa: SLF001 - its own module


def set_cap(limiter: Limiter, cap: int | None) -> None:
    """Let at most `cap` calls be in flight from now on; None takes the cap away. A fixed limiter never changes."""
    limiter._enforcement.set_cap(cap)  # noqa: SLF001 - its own module


def learning_limiter(
    *, start: int, local: bool = False, remembered: Mapping[str, Mapping[str, float]] | None = None
) -> Limiter:
    """A limiter of which it is known where it begins.

    Args:
        start: Calls in flight to begin with.
        local: The provider is a server on this machine.
        remembered: What `remembered` gave at the end of an earlier run.
    """
    limiter = Limiter.__new__(Limiter)
    limiter._notice, limiter._retry_budget = Notice(), RetryBudget()  # noqa: SLF001 - its own module
    limiter._given = Given()  # noqa: SLF001 - its own module
    limiter._enforcement = Enforcement(_learning(start, local=local, remembered=remembered))  # noqa: SLF001 - its own module
    return limiter


def _learning(
    start: int,
    *,
    local: bool = False,
    cap: int | None = None,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    remembered: Mapping[str, Mapping[str, float]] | None = None,
) -> Controller:
    memory = remembered or {}
    requests = Pacer("requests", per_minute=requests_per_minute)
    tokens = Pacer("tokens", per_minute=tokens_per_minute)
    for pacer in (requests, tokens):
        if memory.get(pacer.unit):
            pacer.restore(memory[pacer.unit])
    law = AdaptiveLaw(start=start, local=local, cap=cap, remembered=memory.get("law"))
    return Controller(law, requests, tokens, Pause(), Breaker())


def check_limit(value: object, where: str) -> None:
    """Refuse what is not a count of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{where}: the number of calls in flight is an int of at least 1")
    if value < 1:
        raise ValueError(f"{where}: at least 1 call must be allowed in flight")


def brief(value: object) -> str:
    """A setting as an error message shows it: a number that nobody could read is rounded."""
    if isinstance(value, int) and abs(value) >= _UNREADABLE:
        return f"about {'-' if value < 0 else ''}1e{int(log10(abs(value)))}"
    return repr(value)


def is_finite(value: float) -> bool:
    """Whether a number is one that can be counted with; some whole ones are larger than any float."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _check_rate(value: object, where: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{where}: give a number a minute")
    if not (value >= _LEAST_RATE and is_finite(value)):
        raise ValueError(
            f"{where}: give at least {_LEAST_RATE:g} a minute, or leave it out where there is no such limit"
        )
