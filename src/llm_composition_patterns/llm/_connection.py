"""An open model and one call to it, as their attempts share them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from .. import runs
from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited
from ..limits import (
    Accepted,
    Answered,
    Ending,
    Failed,
    Limiter,
    Notice,
    Overdue,
    Permit,
    Reading,
    Refusal,
    RetryBudget,
    Throttled,
    notice_of,
    retry_budget_of,
)
from ..usage import MONEY, NO_USAGE, Usage
from ._addresses import Address
from ._costs import Pricing
from ._endpoint import Endpoint
from ._replies import Tokens
from ._retries import patience_at_first
from ._types import Completion, Message, ModelSettings

T = TypeVar("T")

_AVERAGED: Final = 32
_CHARACTERS: Final = 4.0
"""Characters of a token, in English."""

_NOTHING_SAID: Final = Refusal()


class TokenEstimate:
    """What calls will count for a limit on tokens, from the length of their prompts and from what others counted.

    Args:
        guesses: Whether the first ones are guessed, too, for a rate of the user's that holds from the start. A rate
            that is still to be learned is better learned from what was counted.

    Attributes:
        longest: Tokens of the longest answer so far.
        shortest: Tokens of the shortest prompt so far; 0 where there is none.
    """

    __slots__ = ("_guesses", "_output", "_per_character", "_seen", "longest", "shortest")

    def __init__(self, *, guesses: bool = False) -> None:
        self.longest: int = 0
        self.shortest: int = 0
        self._guesses = guesses
        self._seen = 0
        self._per_character = self._output = 0.0

    def of(self, characters: int) -> float | None:
        """Tokens of a call whose prompt has so many characters; its prompt's alone, or None, before any was counted."""
        if self._seen:
            return self._per_character * characters + self._output
        return characters / _CHARACTERS if self._guesses else None

    def learn(self, characters: int, tokens: Tokens) -> None:
        """A call was counted."""
        self._seen = seen = min(self._seen + 1, _AVERAGED)
        self._per_character += (tokens.input / max(1, characters) - self._per_character) / seen
        self._output += (tokens.output - self._output) / seen
        self.longest = max(self.longest, tokens.output)
        self.shortest = min(self.shortest or tokens.input, tokens.input)


@dataclass(slots=True, kw_only=True)
class Connection:
    """An open model: what an attempt needs of it, and what its attempts learn for each other.

    Attributes:
        timeout: Seconds that one attempt may take.
        attempts: Attempts that a call may make.
        max_rate_limit_wait: Seconds that a call bears to be held up by rate limits.
        outage_timeout: Seconds that a call bears an outage.
        hedge: Whether a call that is late gets a second attempt beside the first.
        failed: The last failure of the provider.
        failed_because: What it said, before it was told how often its own call was tried.
        sent: Attempts that were sent so far.
        known: A real answer came from there: then it is the server that was meant.
        markup: How many times dearer than its known price the provider was found to be; 1 at least.
        surprises: Calls inside a budget are made one by one, until one has shown what it really costs.
    """

    address: Address
    endpoint: Endpoint
    limiter: Limiter
    pricing: Pricing
    timeout: float
    attempts: int
    max_rate_limit_wait: float
    outage_timeout: float
    hedge: bool
    estimate: TokenEstimate = field(init=False)
    failed: ModelError | None = None
    failed_because: str = ""
    sent: int = 0
    markup: Decimal = Decimal(1)
    surprises: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _sent: dict[Permit, float] = field(default_factory=dict)
    known: bool = False

    def __post_init__(self) -> None:
        self.estimate = TokenEstimate(guesses=self.limiter.allows_tokens)

    @property
    def outage_patience(self) -> float:
        """Seconds that a new call bears an outage: none is sat out where nobody was ever answered."""
        return self.outage_timeout if self.limiter.accepted else patience_at_first(self.attempts)

    @property
    def notice(self) -> Notice:
        """Whether anybody was told of an outage, also through other models of the same limiter."""
        return notice_of(self.limiter)

    @property
    def retry_budget(self) -> RetryBudget:
        """The retries that the provider bears, of all models of the same limiter."""
        return retry_budget_of(self.limiter)

    def sends(self, permit: Permit, now: float) -> None:
        """An attempt is sent."""
        self._sent[permit] = now
        self.sent += 1

    def ends(self, permit: Permit) -> None:
        """An attempt has ended, however it did."""
        del self._sent[permit]

    def sent_first(self) -> float:
        """When that attempt was sent which is out for the longest time; infinite where none is."""
        return next(iter(self._sent.values()), math.inf)

    @asynccontextmanager
    async def in_turn(self) -> AsyncIterator[None]:
        """Let calls go one by one while it is not known what they really cost."""
        if not self.surprises:
            yield
            return
        async with AsyncExitStack() as stack:
            with runs.waiting_for_permit():
                await stack.enter_async_context(self._turn)
            if not self.surprises:
                await stack.aclose()
            yield

    def charged(self, tokens: Tokens | None) -> None:
        """An attempt was answered; a provider that tells its costs may be dearer than its known price."""
        self.surprises = self.surprises and tokens is None
        if tokens is not None and tokens.cost:
            known = self.pricing.most(tokens.input, tokens.output)
            if known and tokens.cost > known * self.markup:
                self.markup = MONEY.divide(tokens.cost, known)

    def answers(self, call: Call[Any], tokens: Tokens | None, now: float) -> None:
        """An attempt was answered."""
        self.known = True
        self.retry_budget.succeeded(now)
        if tokens is not None:
            self.estimate.learn(call.characters, tokens)

    def fails(self, call: Call[Any], permit: Permit, error: ModelError) -> Ending:
        """An attempt has failed; what that says of the provider."""
        if error.model is None:
            return None  # raised by the caller's own `on_text`
        if isinstance(error, RateLimited):
            return Throttled(call.refusal)
        if not isinstance(error, ModelTimeout | ModelUnavailable):
            return None if error.status is None else Answered()
        self.failed, self.failed_because = error, str(error)
        if isinstance(error, ModelTimeout) and error.status is None and permit.behind_others:
            return Overdue()
        if not call.first_failed or permit.forgives(call.first_failed):
            call.first_failed = permit.number
        return Failed(call.first_failed)


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Generic[T]):
    """One call, through all its attempts.

    Attributes:
        characters: How long its prompt is.
        rung: How it asks for an answer that fits a schema.
        attempts: Attempts that got their permit.
        shown: Text of an answer was shown already.
        failed: What the last attempt failed with.
        first_failed: The number of the first permit with which the provider failed it, but for what fell into an
            outage that was over when it failed again; 0 where it did not.
        last_in_line: It goes behind calls that were not tried yet.
        refusal: What the last refusal by a rate limit said.
        patience: Seconds that it bears to be held by rate limits while nobody's call is accepted.
        stuck_since: When it was refused first, and nobody's call was accepted since; None where it was not.
        outage_patience: Seconds that it bears an outage.
        answered: An attempt has answered it, and the others are not needed any more.
        names_room: Its caller says how long the answer may be.
    """

    messages: list[Message]
    settings: ModelSettings
    parse: Callable[[Completion], T]
    characters: int
    rung: int
    patience: float
    outage_patience: float
    attempts: int = 0
    usage: Usage = NO_USAGE
    shown: bool = False
    failed: ModelError | None = None
    first_failed: int = 0
    stuck_since: float | None = None
    last_in_line: bool = False
    refusal: Refusal = _NOTHING_SAID
    answered: bool = False
    names_room: bool = True


def accepted(readings: tuple[Reading, ...], tokens: Tokens | None) -> Accepted:
    """How a call ended that was answered."""
    if tokens is None:
        return Accepted(readings)
    return Accepted(readings, float(tokens.input + tokens.output), tokens.output)
