"""What follows a failed attempt: another one, when it is due, or the end of the call.

With a limiter that learns, a call that was refused goes back to it at once: there a pause holds it, and everybody
else, until the provider wants to be called again. So does a call that failed in an outage, which the limiter's breaker
holds. Everything else waits here, with nothing in its hands. How long a provider that fails wishes to be left alone is
a guess of what stands before it, often by an hour: no call waits for that longer than for a backoff.
"""

from __future__ import annotations

import asyncio
import math
import random
from typing import Any, Final

from ..errors import ModelError, ModelUnavailable, RateLimited
from ..limits import HeldUp
from ._connection import Call, Connection
from ._outage_log import tell_outage
from ._retries import DOUBTED, LONGEST_BACKOFF, Patience, Tries, delay_before, is_worth_another

_OUTAGE: Final = "outage"
_RETRY_AFTER: Final = "retry_after"

_MEND_OWN_RATE: Final = (
    "Let calls wait for longer (`max_rate_limit_wait`), or give the `Limiter` more `requests_per_minute` or "
    "`tokens_per_minute`"
)


class Recovery:
    """Decides after each failed attempt of one call, and waits where there is to be another.

    Args:
        call: The call; what it bears is kept on it.
        connection: What its attempts are made through.
        jitter: Where chance comes from.
    """

    def __init__(self, call: Call[Any], connection: Connection, jitter: random.Random) -> None:
        self._call = call
        self._connection = connection
        self._limiter = connection.limiter
        self._jitter = jitter
        self._tries: Tries | None = None
        self._held_up = Patience(self._connection.max_rate_limit_wait)
        self._refused_at = 0.0
        self._failed_at = math.inf  # first
        self._accepted = 0
        self._sent_by_others = 0

    def held_up(self, held: HeldUp) -> None:
        """The call was not let through for as long as it bears: raise what that means, unless it bears more by now."""
        call, connection = self._call, self._connection
        if held.reason != _OUTAGE:
            raise self._final(self._held_back(held), self._too_long(held), waits=True, own=held.own)
        if self._limiter.accepted and held.seconds < connection.outage_timeout:
            call.outage_patience = connection.outage_timeout
            return
        raise self._final(self._outage(held.seconds))

    async def before_next(self, error: ModelError) -> None:
        """Wait until the next attempt is due, or raise `error` for good."""
        call = self._call
        if not is_worth_another(error) or call.shown:
            raise self._final(error)
        if self._tries is None:
            self._tries = Tries(self._connection.attempts)
        if isinstance(error, RateLimited) or not self._limiter.accepted:
            self._check_wish(error)
        if isinstance(error, RateLimited):
            await self._after_refusal(error, self._tries)
        else:
            await self._after_failure(error, self._tries)

    def _check_wish(self, error: ModelError) -> None:
        """Raise the error where waiting as the provider wishes is no use, or takes too long."""
        call, most = self._call, self._connection.max_rate_limit_wait
        if isinstance(error, RateLimited):
            if call.refusal.too_large:
                raise self._final(error, "The request alone is larger than the limit, so it was not repeated")
            if call.refusal.daily:
                raise self._final(error, "That is a limit of a day or longer, so it was not repeated")
        if error.retry_after is not None and error.retry_after > most:
            told = f"It asks to wait {error.retry_after:g} s; max_rate_limit_wait is {most:g} s"
            raise self._final(error, told, waits=True)

    async def _after_refusal(self, error: RateLimited, tries: Tries) -> None:
        call, learns = self._call, self._limiter.learns
        call.last_in_line = feels = self._limiter.feels  # so that another call finds out when calls are taken again
        now, accepted = asyncio.get_running_loop().time(), self._limiter.accepted
        others = self._others_are_taken(accepted) or (feels and self._limiter.statistics().waiting > 0)
        self._refused_at, self._accepted, self._sent_by_others = now, accepted, self._connection.sent - call.attempts
        if not tries.refused(excused=learns and others):
            raise self._final(error)
        patience = self._held_up.refused(now, accepted)
        wait = delay_before(tries.failed, error, self._jitter.random())
        if not learns:
            await self._bear(error, wait)
            return
        if patience <= 0:
            raise self._final(error, _accepted_nobody(self._connection.max_rate_limit_wait), waits=True)
        call.stuck_since = self._held_up.since
        named = error.retry_after is not None  # then the pause lasts as long, or longer
        if tries.refusals > 1 and not (others if feels and not named else call.refusal.tells_rate):
            await asyncio.sleep(min(wait, patience))  # no pause follows a refusal that tells nothing

    def _others_are_taken(self, accepted: int) -> bool:
        """Whether this call only had bad luck: since its last refusal others were sent, and some were taken.

        What was not refused at once was taken, too. A call that is refused again though it alone was sent had no
        rivals: the provider may have something against this very call.
        """
        if self._connection.sent - self._call.attempts <= self._sent_by_others:
            return False
        return accepted > self._accepted or self._connection.sent_first() < self._refused_at

    async def _after_failure(self, error: ModelError, tries: Tries) -> None:
        call, connection = self._call, self._connection
        now = asyncio.get_running_loop().time()
        lasted = self._limiter.statistics().outage_for
        may_be_out = lasted is not None and bool(self._limiter.accepted)
        excused = may_be_out and self._limiter.surely_out
        if excused and lasted is not None and lasted >= connection.outage_timeout:
            raise self._final(self._outage(lasted))
        if not tries.broke(excused=excused):
            raise self._final(error)
        self._failed_at = min(self._failed_at, now)
        call.last_in_line = excused  # so that another call finds out whether the provider is back
        if excused:
            tell_outage(connection)
            return
        wait = min(delay_before(max(1, tries.failed), error, self._jitter.random()), LONGEST_BACKOFF)
        if may_be_out and lasted is not None:
            wait = max(wait, tries.spread(min(DOUBTED, connection.outage_timeout) - lasted))
        elif self._limiter.learns and lasted is None:
            wait = max(wait, self._held(tries, now))
        await asyncio.sleep(wait)

    def _held(self, tries: Tries, now: float) -> float:
        """Seconds for which a retry is held because many are made, or much fails."""
        budget = self._connection.retry_budget
        wait, most = budget.wait(now), tries.spread(DOUBTED - (now - self._failed_at))
        budget.spend(now)
        return most if self._limiter.fails_often else min(wait, most)

    async def _bear(self, error: RateLimited, wait: float) -> None:
        """Wait, but no longer than the call bears to be held up."""
        loop = asyncio.get_running_loop()
        while (patience := self._held_up.refused(loop.time(), self._limiter.accepted)) < wait:
            if patience <= 0:
                raise self._final(error, _accepted_nobody(self._connection.max_rate_limit_wait), waits=True)
            await asyncio.sleep(patience)
            wait -= patience
        await asyncio.sleep(wait)

    def _held_back(self, held: HeldUp) -> RateLimited:
        failed, name = self._call.failed, self._connection.address.name
        if not isinstance(failed, RateLimited):
            whose = "the rate that its `Limiter` was given" if held.own else "its rate limit"
            failed = RateLimited(f"{name} was not called, because {whose} lets nobody through", model=name)
        if held.ahead and held.reason == _RETRY_AFTER:
            failed.retry_after = held.ahead
        return failed

    def _too_long(self, held: HeldUp) -> str:
        """Why the call does not wait."""
        most = self._connection.max_rate_limit_wait
        if not held.ahead:
            return _accepted_nobody(held.seconds)
        wish = "The next call fits in" if held.own else "As far as its replies tell, the next call fits in"
        if held.reason == _RETRY_AFTER:
            wish = "It asks to wait"
        before = f" after {held.seconds:.3g} s in which it accepted no call" if held.seconds >= 1 else ""
        return f"{wish} {held.ahead:.4g} s{before}; max_rate_limit_wait is {most:g} s"

    def _outage(self, seconds: float) -> ModelUnavailable:
        last, name = self._connection.failed, self._connection.address.name
        told = "" if last is None else f". The last failure: {self._connection.failed_because}"
        return ModelUnavailable(
            f"{name} has failed for {seconds:.3g} s, whoever called it{told}",
            model=name,
            status=None if last is None else last.status,
        )

    def _final(self, error: ModelError, why: str = "", *, waits: bool = False, own: bool = False) -> ModelError:
        """The error as the caller gets it: with what the whole call did and used, and with what mends it.

        Args:
            error: What it failed with.
            why: Why that is not tried again.
            waits: It is not, because waiting for it takes too long.
            own: What it would wait for is the user's own rate.
        """
        call = self._call
        error.attempts, error.usage = call.attempts, call.usage
        notes = [why] if why else []
        if is_worth_another(error) and call.attempts:
            notes.append("Tried once" if call.attempts == 1 else f"Tried {call.attempts} times")
        if isinstance(error, RateLimited):
            notes.append(_MEND_OWN_RATE if own else self._mend(waits=waits))
        if notes:
            error.args = (". ".join([str(error).rstrip("."), *notes]),)
        return error

    def _mend(self, *, waits: bool) -> str:
        refusal, raised = self._call.refusal, "have the provider raise the limit"
        if refusal.too_large:
            return f"Send less in one request, or {raised}"
        if refusal.daily:
            return f"Go on when it is reset, or {raised}"
        told_nothing = not refusal.tells_rate and isinstance(self._call.failed, RateLimited)
        fewer = self._limiter.statistics().limit > 1 and (refusal.concurrent or not self._limiter.feels)
        if told_nothing and fewer:
            return f"Let fewer calls be in flight (`concurrency`), or {raised}"
        if not self._limiter.learns:
            return f'Let the limiter keep to the rate (`concurrency="auto"`), or {raised}'
        if waits:
            return f"Let calls wait for longer (`max_rate_limit_wait`), or {raised}"
        return f"Let calls be tried more often (`attempts`), or {raised}"


def _accepted_nobody(seconds: float) -> str:
    return f"It accepted no call for {seconds:.4g} s"
