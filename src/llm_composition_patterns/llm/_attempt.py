"""One attempt at an endpoint.

In this order: a permit from the limiter, the span, the request within its timeout, the reading and checking of the
answer, the settling of what it used. The permit ends last, and whatever happens, cancellation included, the span ends
and the account is settled.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from .. import runs
from ..errors import ModelError, RateLimited, Refused
from ..limits import Accepted, Limiter, Permit, retry_after
from ..tracing import listening, names, without_keys
from ..usage import NO_USAGE, Usage
from ._addresses import Address
from ._costs import UNKNOWN, Bill, Pricing
from ._endpoint import CallbackFailed, Endpoint, Reply
from ._provider_errors import error_of, too_slow, unreachable, unreadable
from ._replies import Answer, Tokens, read_answer, read_tokens
from ._spans import AttemptSpan
from ._types import Completion, Message, ModelSettings
from ._wire import Body

T = TypeVar("T")

_OK: Final = 200
_SIMULATED: Final = "simulated/"


@dataclass(slots=True, kw_only=True)
class Connection:
    """An open model: what an attempt needs of it."""

    address: Address
    endpoint: Endpoint
    limiter: Limiter
    pricing: Pricing
    timeout: float


@dataclass(slots=True, kw_only=True)
class Call(Generic[T]):
    """One call, through all its attempts."""

    messages: list[Message]
    settings: ModelSettings
    parse: Callable[[Completion], T]
    rung: int
    attempts: int = 0
    usage: Usage = NO_USAGE
    shown: bool = False
    failed: ModelError | None = None


@dataclass(slots=True)
class _Settlement:
    """What one attempt used, as far as it is known when it ends.

    Attributes:
        model: What is paid: the model that was asked, until a simulated one says that it answered in its place.
        unclear: Something was sent that may have cost something.
        tokens: What the reply says that it used.
        bill: What that cost.
    """

    model: str
    unclear: bool = False
    tokens: Tokens | None = None
    bill: Bill = field(default=UNKNOWN)

    def usage(self, pricing: Pricing, *, first: bool) -> Usage:
        """The same as a value; what was sent and never answered may have cost something."""
        tokens, cost = self.tokens, self.bill.total
        unpriced = self.unclear and cost is None and pricing.free is None
        used = Usage(
            input_tokens=tokens.input if tokens else 0,
            output_tokens=tokens.output if tokens else 0,
            reasoning_tokens=tokens.reasoning if tokens else 0,
            calls=int(first),
            retries=int(not first),
            known_cost=cost or NO_USAGE.known_cost,
            unpriced=int(unpriced),
        )
        return used.of_model(self.model)


async def attempt(connection: Connection, call: Call[T], body: Body) -> tuple[Completion, T]:
    """Make one attempt at `call` with the request `body`.

    Raises:
        ModelError: It failed.
    """
    async with connection.limiter.permit() as permit:
        call.attempts += 1
        spans = listening()
        if spans is None:
            return await _answered(connection, call, body, permit, None)
        shown = AttemptSpan(spans, connection.address)
        try:
            shown.request(body)
            shown.note({names.ATTEMPT: call.attempts, names.PERMIT_WAIT_SECONDS: permit.waited})
            return await _answered(connection, call, body, permit, shown)
        except BaseException as error:
            shown.fail(error)
            raise
        finally:
            shown.end()


async def _answered(
    connection: Connection, call: Call[T], body: Body, permit: Permit, shown: AttemptSpan | None
) -> tuple[Completion, T]:
    settlement = _Settlement(connection.address.name)
    try:
        reply = await _send(connection, call, body, shown, settlement)
        error = error_of(reply, connection.address)
        if shown is not None:
            shown.reply(reply, error.retry_after if error is not None else retry_after(reply.headers))
        if not isinstance(error, RateLimited):
            permit.end(Accepted())
        answer = _read(connection, reply, error, shown, settlement)
    finally:
        used = settlement.usage(connection.pricing, first=call.attempts == 1)
        call.usage += used
        runs.settle(used)
    return _checked(call, answer, settlement)


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
        simulated = answer is not None and answer.model.startswith(_SIMULATED)
        settlement.bill = connection.pricing.bill(tokens, simulated=simulated)
        if simulated and answer is not None:
            settlement.model = f"{connection.address.provider.name}:{answer.model}"
            if shown is not None:
                shown.simulated(answer.model)
    if error is not None:
        raise error
    if answer is None:
        raise unreadable(reply, connection.address)
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
