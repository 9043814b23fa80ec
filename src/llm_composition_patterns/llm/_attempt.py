"""One attempt at an endpoint.

In this order: a reservation in the budgets around it, if there are any; a permit from the limiter, the span, the
request within its timeout, the reading and checking of the answer, the settling of what it used. The permit ends last,
and whatever happens, cancellation included, the span ends and the account is settled.

The reservation comes before the permit: who waits for money holds nothing, so there is no circle, and takes no permit
from a call that could go. It is the attempt's own: between two attempts, as in a backoff, nothing is held. With a
reservation, one waits for a permit only while the provider goes on to take calls (see `max_rate_limit_wait`).

What an attempt costs when it is over: what the reply says that it used; nothing where it was never sent, could not
connect, or was answered with another status than 200 (429, 401, 500 ...); all that was reserved for it where something
was sent and nothing came back that tells (cancelled, hedged away, timed out, connection lost, no usage in the answer).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from .. import runs
from ..errors import ModelError, RateLimited, Refused
from ..limits import Ending, Permit, Refusal, impatient_permit, read_headers, retry_after
from ..simulation import SIMULATED_PREFIX
from ..tracing import listening, names, without_keys
from ..usage import NO_USAGE, Usage
from ._connection import Call, Connection, accepted
from ._costs import UNKNOWN, Bill, Pricing
from ._endpoint import CallbackFailed, Reply
from ._needs import Needs
from ._outage_log import end_attempt
from ._provider_errors import UNAVAILABLE, error_of, full, refusal_of, too_slow, unreachable, unreadable
from ._replies import Answer, Tokens, read_answer, read_tokens
from ._spans import AttemptSpan
from ._types import Completion
from ._wire import Body

T = TypeVar("T")

_OK: Final = 200


@dataclass(slots=True)
class _Settlement:
    """What one attempt used, as far as it is known when it ends.

    Attributes:
        model: What is paid: the model that was asked, until a simulated one says that it answered in its place.
        first: It is the first attempt of its call.
        unclear: Something was sent that may have cost something.
        tokens: What the reply says that it used.
        bill: What that cost.
        held: What was reserved for it; None outside of any budget.
    """

    model: str
    first: bool
    held: runs.Reservation | None = None
    unclear: bool = False
    tokens: Tokens | None = None
    bill: Bill = field(default=UNKNOWN)

    def usage(self, pricing: Pricing) -> Usage:
        """The same as a value; what was sent and never answered may have cost something, or all that was reserved."""
        tokens, cost, estimated = self.tokens, self.bill.total, NO_USAGE.estimated_cost
        if self.held is not None and self._lost and self.held.need.money:
            cost = estimated = self.held.need.usd
        unpriced = self.unclear and cost is None and pricing.free is None
        used = Usage(
            input_tokens=tokens.input if tokens else 0,
            output_tokens=tokens.output if tokens else 0,
            reasoning_tokens=tokens.reasoning if tokens else 0,
            calls=int(self.first),
            retries=int(not self.first),
            known_cost=cost or NO_USAGE.known_cost,
            estimated_cost=estimated,
            unpriced=int(unpriced),
        )
        return used.of_model(self.model)

    def pay(self, used: Usage) -> None:
        """Settle what was reserved, where anything was."""
        if self.held is not None:
            paid = self.held.need if self._lost else runs.amount(used.known_cost, used.total_tokens)
            self.held.settle(paid)

    @property
    def _lost(self) -> bool:
        """Whether something was sent, and nothing came back that tells what it used."""
        return self.unclear and self.tokens is None


async def attempt(
    connection: Connection,
    call: Call[T],
    body: Body,
    *,
    begins: Callable[[], None] | None = None,
    hedge: bool = False,
) -> tuple[Completion, T]:
    """Make one attempt at `call` with the request `body`.

    Args:
        connection: What it is made through.
        call: The call.
        body: The request.
        begins: Called when it has its permit.
        hedge: It is the second one beside one that is late.

    Raises:
        ModelError: It failed.
        HeldUp: It was not let through for as long as the call bears.
        BudgetExceeded: A budget around it cannot pay for it.
        ConfigurationError: There is a budget in US dollars, and the model's price is not known.
    """
    purses = runs.purses()
    if not purses:
        return await _permitted(connection, call, body, None, begins, hedge=hedge)
    needs = Needs(connection, call, body, purses)
    async with connection.in_turn(), runs.Reservation(purses, needs, connection.address.name) as held:
        return await _permitted(connection, call, needs.body(held.need), held, begins, hedge=hedge)


async def _permitted(
    connection: Connection,
    call: Call[T],
    body: Body,
    held: runs.Reservation | None,
    begins: Callable[[], None] | None,
    *,
    hedge: bool,
) -> tuple[Completion, T]:
    clock, stuck = asyncio.get_running_loop().time, call.stuck_since
    async with impatient_permit(
        connection.limiter,
        tokens=connection.estimate.of(call.characters),
        retry=call.attempts > 0 and not call.last_in_line,
        patience=call.patience,
        outage_patience=call.outage_patience,
        stuck_for=0.0 if stuck is None else clock() - stuck,
    ) as permit:
        if call.answered:
            raise asyncio.CancelledError  # the permit that the other attempt gave back came here
        call.attempts += 1
        if begins is not None:
            begins()
        connection.sends(permit, clock())
        try:
            answered = await _shown(connection, call, body, permit, held, hedge=hedge)
        finally:
            connection.ends(permit)
        call.answered = True
        return answered


async def _shown(
    connection: Connection, call: Call[T], body: Body, permit: Permit, held: runs.Reservation | None, *, hedge: bool
) -> tuple[Completion, T]:
    spans = listening()
    if spans is None:
        return await _answered(connection, call, body, permit, held, None)
    shown = AttemptSpan(spans, connection.address)
    try:
        shown.request(body)
        shown.note(_circumstances(call, permit, held, hedge=hedge))
        return await _answered(connection, call, body, permit, held, shown)
    except asyncio.CancelledError as error:
        if call.answered:
            shown.note({names.HEDGED_AWAY: True})
        else:
            shown.fail(error)
        raise
    except BaseException as error:
        shown.fail(error)
        raise
    finally:
        shown.end()


def _circumstances(call: Call[Any], permit: Permit, held: runs.Reservation | None, *, hedge: bool) -> dict[str, Any]:
    return {
        names.ATTEMPT: call.attempts,
        names.PERMIT_WAIT_SECONDS: permit.waited,
        names.WAIT_REASON: runs.BUDGET if held is not None and held.waited else permit.reason or None,
        names.RETRY: None if call.failed is None else call.failed.kind,
        names.HEDGE: hedge or None,
    }


async def _answered(
    connection: Connection,
    call: Call[T],
    body: Body,
    permit: Permit,
    held: runs.Reservation | None,
    shown: AttemptSpan | None,
) -> tuple[Completion, T]:
    settlement = _Settlement(connection.address.name, first=call.attempts == 1, held=held)
    try:
        reply = await _send(connection, call, body, shown, settlement)
        answer = _read(connection, reply, _error(connection, call, reply, permit, shown), shown, settlement)
        connection.answers(call, answer.tokens, asyncio.get_running_loop().time())
        readings = read_headers(reply.headers) if connection.limiter.learns else ()
        ending = accepted(readings, answer.tokens)
    except ModelError as error:
        _say(connection, permit, connection.fails(call, permit, error), shown)
        raise
    else:
        _say(connection, permit, ending, shown)
    finally:
        used = settlement.usage(connection.pricing)
        call.usage += used
        runs.settle(used)
        settlement.pay(used)
    return _checked(call, answer, settlement)


def _say(connection: Connection, permit: Permit, ending: Ending, shown: AttemptSpan | None) -> None:
    """Tell the limiter how the attempt ended; what that changes is shown on the attempt's span."""
    if ending is None:
        return
    if shown is None:
        end_attempt(connection, permit, ending)
        return
    with shown.current():
        end_attempt(connection, permit, ending)


def _error(
    connection: Connection, call: Call[Any], reply: Reply, permit: Permit, shown: AttemptSpan | None
) -> ModelError | None:
    """The error that a reply tells of, noted on the call and the span; None where it is none."""
    error = error_of(reply, connection.address, known=connection.known)
    if isinstance(error, RateLimited):
        call.refusal = refusal = refusal_of(reply)
        if error.retry_after is None:
            error.retry_after = refusal.retry_after
    elif error is not None and error.status == UNAVAILABLE and permit.is_one_too_many():
        error = full(error)
        call.refusal = Refusal(retry_after=error.retry_after, concurrent=True)
    if shown is not None:
        shown.reply(reply, error.retry_after if error is not None else retry_after(reply.headers))
    return error


async def _send(
    connection: Connection, call: Call[Any], body: Body, shown: AttemptSpan | None, settlement: _Settlement
) -> Reply:
    problem: BaseException
    silence: AbstractContextManager[Any] = nullcontext() if shown is None else shown.around()
    on_text = _shows(call)
    settlement.unclear = True
    try:
        async with asyncio.timeout(connection.timeout):
            with silence:
                return await connection.endpoint.send(body, on_text=on_text)
    except CallbackFailed as failed:
        problem = failed.__cause__ or failed
    except TimeoutError:
        problem = too_slow(connection.timeout, connection.address)
    except OSError as error:
        settlement.unclear = not isinstance(error, ConnectionRefusedError)
        problem = unreachable(error, connection.address)
    raise problem


def _shows(call: Call[Any]) -> Callable[[str], None] | None:
    """The caller's `on_text`, told apart from the provider where it raises, and run in the caller's own context."""
    on_text = call.settings.get("on_text")
    if on_text is None:
        return None
    context = contextvars.copy_context()

    def show(piece: str) -> None:
        call.shown = True
        try:
            context.run(on_text, piece)
        except Exception as error:
            raise CallbackFailed from error

    return show


def _read(
    connection: Connection, reply: Reply, error: ModelError | None, shown: AttemptSpan | None, settlement: _Settlement
) -> Answer:
    """The answer in a reply, noted on the settlement and the span; raises where there is none."""
    answer = None if error is not None else read_answer(reply.body)
    tokens = read_tokens(reply.body) if answer is None else answer.tokens
    settlement.tokens = tokens
    settlement.unclear = reply.status == _OK
    if tokens is not None or answer is not None:
        simulated = answer is not None and answer.model.startswith(SIMULATED_PREFIX)
        settlement.bill = connection.pricing.bill(tokens, simulated=simulated)
        if settlement.held is not None:
            connection.charged(tokens)
        if simulated and answer is not None:
            settlement.model = f"{connection.address.provider.name}:{answer.model}"
            if shown is not None:
                shown.simulated(answer.model)
    if error is not None:
        raise error
    if answer is None:
        raise unreadable(reply, connection.address, known=connection.known)
    if shown is not None:
        shown.answer(answer, settlement.bill)
    return answer


def _checked(call: Call[T], answer: Answer, settlement: _Settlement) -> tuple[Completion, T]:
    name, cost = settlement.model, call.usage.cost
    if answer.refusal is not None:
        raise Refused(f"{name} declined to answer: {without_keys(answer.refusal)}", model=name)
    completion = Completion(
        text=answer.text,
        model=name,
        finish_reason=answer.finish_reason,
        usage=call.usage,
        cost=cost,
        cost_source=settlement.bill.source if cost is not None else UNKNOWN.source,
        attempts=call.attempts,
    )
    return completion, call.parse(completion)
