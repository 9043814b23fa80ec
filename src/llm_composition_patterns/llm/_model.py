"""A connected model: calls, each of as many attempts as it takes. Between two attempts nothing is held."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Hashable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypedDict, TypeVar, Unpack

from .. import runs
from ..errors import BudgetExceeded, ModelError
from ..limits import (
    HeldUp,
    Limiter,
    LimiterStatistics,
    Wanted,
    key_fingerprint,
    limiter_source,
    memory_key,
    recall,
    remember,
    shared_limiter,
)
from ..simulation import Price
from ._addresses import Address
from ._attempt import attempt
from ._bounds import bounded
from ._connection import Call, Connection
from ._costs import Pricing, pricing_of, tells_costs
from ._endpoint import Endpoint
from ._hedge import hedged
from ._ladder import Ladder
from ._provider_errors import SettingRefused
from ._recovery import Recovery
from ._start import Start
from ._types import Completion, Message, ModelSettings, check_settings
from ._wire import Body, conversation, first_rung, request_body

T = TypeVar("T")

_log: Final = logging.getLogger("llm_composition_patterns")


class Opener(Protocol):
    """Opens what an address names."""

    async def __call__(self, address: Address, resources: AsyncExitStack) -> tuple[Address, Endpoint]:
        """Give back the endpoint, and the address with its model where it named none; close with `resources`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `connect` was told about every call.

    Attributes:
        concurrency: A cap, a limiter of the user's own, or None for the automatic one.
        timeout: Seconds that one attempt may take.
        attempts: Attempts that a call may make.
        max_rate_limit_wait: Seconds that a call bears to be held up by rate limits.
        outage_timeout: Seconds that a call bears an outage.
        hedge: Whether a call that is late gets a second attempt beside the first.
        remember: Whether what the automatic limiter finds out is kept for the next run.
        price: The user's own price.
        charged: What a simulated provider's scenario charges.
        half_price: Whether half is paid of what the price list says, as at batch endpoints.
        endpoint: What the limiter is shared by, beside model and key.
        start: Where the automatic limit begins.
    """

    concurrency: int | Limiter | None
    timeout: float
    attempts: int
    max_rate_limit_wait: float
    outage_timeout: float
    hedge: bool
    remember: bool
    price: Price | None
    endpoint: Hashable
    start: Start
    charged: Price | None = None
    half_price: bool = False


class ConnectedModel:
    """A model at an endpoint, as `connect` gives it; open it with `async with`."""

    def __init__(self, address: Address, opener: Opener, options: Options) -> None:
        self._address = address
        self._opener = opener
        self._options = options
        # A rehearsal is the same every time; real clients must not come back in step.
        self._jitter = random.Random(0 if address.provider.sdk == "simulated" else None)  # noqa: S311 - no secret
        self._ladder = Ladder(first_rung(address.provider, address.model))
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resources = AsyncExitStack()
        self._state = "not open"

    def __repr__(self) -> str:
        return f"<model {self.name}, {self._state}>"

    @property
    def name(self) -> str:
        """As `provider:model`."""
        return self._address.name

    def statistics(self) -> LimiterStatistics | None:
        """What the model's limiter does now; None while the model is not open."""
        return None if self._connection is None else self._connection.limiter.statistics()

    async def __aenter__(self) -> Self:
        if self._state != "not open":
            raise RuntimeError(f"{self.name} is {self._state}: call `connect` again for another `async with`")
        self._state, self._loop = "opening", asyncio.get_running_loop()
        async with AsyncExitStack() as resources:
            resources.callback(setattr, self, "_state", "closed")  # also where opening fails
            self._address, endpoint = await self._opener(self._address, resources)
            self._ladder = Ladder(first_rung(self._address.provider, self._address.model))
            self._connection = Connection(
                address=self._address,
                endpoint=endpoint,
                limiter=await self._limiter(resources),
                pricing=await self._pricing(),
                surprises=self._options.price is None and tells_costs(self._address),
                timeout=self._options.timeout,
                attempts=self._options.attempts,
                max_rate_limit_wait=self._options.max_rate_limit_wait,
                outage_timeout=self._options.outage_timeout,
                hedge=self._options.hedge,
            )
            self._resources = resources.pop_all()
        self._state = "open"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state, self._connection = "closed", None
        await self._resources.aclose()

    async def _limiter(self, resources: AsyncExitStack) -> Limiter:
        options, address = self._options, self._address
        whose: _Whose = {"endpoint": options.endpoint, "model": address.model, "credential": address.api_key}
        key = memory_key(**whose) if options.remember else None
        source = limiter_source.get()
        if source is not None:
            return await source(self._wanted(key), resources)
        if isinstance(options.concurrency, Limiter):
            return options.concurrency
        limiter = resources.enter_context(
            shared_limiter(
                **whose,
                cap=options.start.cap(options.concurrency),
                start=options.start.calls,
                local=options.start.local,
                remembered=None if key is None else await asyncio.to_thread(recall, key),
            )
        )
        if key is not None:
            resources.push_async_callback(_keep, key, limiter)
        return limiter

    def _wanted(self, memory: str | None) -> Wanted:
        """The limiter that is to be kept elsewhere."""
        options, address = self._options, self._address
        own = options.concurrency if isinstance(options.concurrency, Limiter) else None
        return Wanted(
            endpoint=options.endpoint,
            model=address.model,
            fingerprint=key_fingerprint(address.api_key),
            own=own,
            cap=None if isinstance(options.concurrency, Limiter) else options.start.cap(options.concurrency),
            start=options.start.calls,
            local=options.start.local,
            memory=memory if own is None else None,
        )

    async def _pricing(self) -> Pricing:
        address, price = self._address, self._options.price
        if price is not None or (address.provider.prices is None and address.own_endpoint):
            return pricing_of(address, price, self._options.charged)
        half = self._options.half_price
        return await asyncio.to_thread(pricing_of, address, None, half_price=half)  # reads the price list

    async def complete(self, messages: str | Sequence[Message], /, **settings: Unpack[ModelSettings]) -> Completion:
        """Answer `messages`, a prompt or a conversation.

        With `on_text`, a call that has shown text and then failed is not tried again: what was shown cannot be taken
        back. What `on_text` raises ends the call as it is.

        Raises:
            ModelError: There is no usable answer, retries included.
            BudgetExceeded: What is left of a budget around the call cannot pay for it.
            ConfigurationError: There is such a budget in US dollars, and the model's price is not known.
            TypeError: The messages are none, or a setting is not known.
            ValueError: The conversation is empty, or `max_tokens` is no bound for a budget.
            RuntimeError: The model is not open, or was opened on another event loop.
        """
        completion, _ = await self.complete_parsed(messages, _nothing, **settings)
        return completion

    async def complete_parsed(
        self,
        messages: str | Sequence[Message],
        parse: Callable[[Completion], T],
        /,
        **settings: Unpack[ModelSettings],
    ) -> tuple[Completion, T]:
        """Like `complete`, with the check of the answer inside the attempt, whose span then shows what it found.

        Args:
            messages: A prompt or a conversation.
            parse: Reads the answer; the `ModelError` that it raises is the call's, without another attempt.
            **settings: Of the call.
        """
        check_settings(settings, "complete()")
        connection = self._connection
        if connection is None:
            raise RuntimeError(f"{self.name} is {self._state}: call it inside `async with connect(...) as model:`")
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError(
                f"{self.name} was opened on another event loop: `connect` again on the one that calls it"
            )
        call = self._call(connection, conversation(messages), settings, parse)
        try:
            answered = await self._answered(connection, call)
        except (asyncio.CancelledError, BudgetExceeded) as ended:
            _tell_of_last_failure(ended, call)
            raise
        if "response_schema" in settings:
            self._ladder.worked(call.rung)
        return answered

    def _call(
        self,
        connection: Connection,
        messages: list[Message],
        settings: ModelSettings,
        parse: Callable[[Completion], T],
    ) -> Call[T]:
        return Call(
            messages=messages,
            settings=bounded(settings) if runs.purses() else settings,
            names_room=settings.get("max_tokens") is not None,
            parse=parse,
            characters=sum([len(message["content"]) for message in messages]),
            rung=self._ladder.rung,
            patience=connection.max_rate_limit_wait,
            outage_patience=connection.outage_patience,
        )

    async def _answered(self, connection: Connection, call: Call[T]) -> tuple[Completion, T]:
        recovery: Recovery | None = None
        try_once = hedged if connection.hedge and call.settings.get("on_text") is None else attempt
        while True:
            body = self._body(call)
            try:
                return await try_once(connection, call, body)
            except ModelError as error:
                call.failed = failed = error
            except HeldUp as held:
                recovery = recovery or Recovery(call, connection, self._jitter)
                recovery.held_up(held)
                continue
            if not self._steps_down(call, failed, body):
                recovery = recovery or Recovery(call, connection, self._jitter)
                await recovery.before_next(failed)

    def _body(self, call: Call[Any]) -> Body:
        return request_body(
            self._address.provider,
            self._address.model,
            call.messages,
            call.settings,
            rung=call.rung,
            without=self._ladder.without,
        )

    def _steps_down(self, call: Call[Any], error: ModelError, body: Body) -> bool:
        if not isinstance(error, SettingRefused) or call.attempts > _MOST_STEPS:
            return False
        rung = self._ladder.step_down(error, body, call.rung)
        if rung is None:
            return False
        _log.info("%s: going on without it", error)
        call.rung = rung
        return True


_MOST_STEPS: Final = 12
"""More steps than there are settings: no provider can keep a call going for ever."""


class _Whose(TypedDict):
    """What a limiter is shared and remembered by."""

    endpoint: Hashable
    model: str
    credential: str | None


async def _keep(key: str, limiter: Limiter) -> None:
    """Remember what was learned, if anything was."""
    if limiter.accepted:
        await asyncio.to_thread(remember, key, limiter.remembered())


def _tell_of_last_failure(ended: BaseException, call: Call[Any]) -> None:
    """Whoever ran out of time or money learns what it went to."""
    if call.failed is not None:
        tried = "1 attempt" if call.attempts == 1 else f"{call.attempts} attempts"
        ended.add_note(f"after {tried}, the last failure: {call.failed}")


def _nothing(_: Completion) -> None:
    return None
