"""An open model and one call to it, as their attempts share them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited
from ..limits import (
    Accepted,
    Answered,
    Ending,
    Failed,
    Limiter,
    Overdue,
    Permit,
    Reading,
    Refusal,
    RetryBudget,
    Throttled,
    Victims,
    victims_of,
)
from ..usage import NO_USAGE, Usage
from ._addresses import Address
from ._costs import Pricing
from ._endpoint import Endpoint
from ._replies import Tokens
from ._retries import patience_at_first
from ._types import Completion, Message, ModelSettings

T = TypeVar("T")

_AVERAGED: Final = 32
_NOTHING_SAID: Final = Refusal()


class TokenEstimate:
    """What calls will count for a limit on tokens, from the length of their prompts and from what others counted."""

    __slots__ = ("_output", "_per_character", "_seen")

    def __init__(self) -> None:
        self._seen = 0
        self._per_character = self._output = 0.0

    def of(self, characters: int) -> float | None:
        """Tokens of a call whose prompt has so many characters; None while none was counted yet."""
        return self._per_character * characters + self._output if self._seen else None

    def learn(self, characters: int, tokens: Tokens) -> None:
        """A call was counted."""
        self._seen = seen = min(self._seen + 1, _AVERAGED)
        self._per_character += (tokens.input / max(1, characters) - self._per_character) / seen
        self._output += (tokens.output - self._output) / seen


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
    estimate: TokenEstimate = field(default_factory=TokenEstimate)
    retry_budget: RetryBudget = field(default_factory=RetryBudget)
    failed: ModelError | None = None
    failed_because: str = ""
    sent: int = 0
    _sent: dict[Permit, float] = field(default_factory=dict)
    _answered_at: float = -math.inf  # when that attempt was last answered which was sent last of the answered ones
    _answered_sent: float = -math.inf  # when that was sent

    @property
    def known(self) -> bool:
        """Whether a real answer came from there: then it is the server that was meant."""
        return self._answered_at > -math.inf

    @property
    def outage_patience(self) -> float:
        """Seconds that a new call bears an outage: none is sat out where nobody was ever answered."""
        return self.outage_timeout if self.limiter.accepted else patience_at_first(self.attempts)

    @property
    def victims(self) -> Victims:
        """Whom the provider failed, also through other models of the same limiter."""
        return victims_of(self.limiter)

    @property
    def many_fail(self) -> bool:
        """Whether several calls failed, and none was answered that was sent since: it is not for what is in one."""
        return self.victims.many

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

    def answers(self, call: Call[Any], permit: Permit, tokens: Tokens | None, now: float) -> None:
        """An attempt was answered."""
        sent = self._sent[permit]
        if sent >= self._answered_sent:
            self._answered_sent, self._answered_at = sent, now
        self.retry_budget.succeeded(now)
        self.victims.answered(permit.number)
        if tokens is not None:
            self.estimate.learn(call.characters, tokens)

    def fails(self, call: Call[Any], permit: Permit, error: ModelError, now: float) -> Ending:
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
        if call.failed_at < self._answered_at and call.failed_sent <= self._answered_sent:
            call.suspected = True
            if call.failed_at <= self._answered_sent:
                call.blamed_at = self._answered_sent
        if not call.suspected:
            self.victims.failed(call.identity, permit.number)
        call.failed_at, call.failed_sent = now, self._sent[permit]
        return Failed() if permit.probe or not call.suspected else None


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Generic[T]):
    """One call, through all its attempts.

    Attributes:
        characters: How long its prompt is.
        rung: How it asks for an answer that fits a schema.
        attempts: Attempts that got their permit.
        shown: Text of an answer was shown already.
        failed: What the last attempt failed with.
        failed_at: When the provider last failed it; infinite where it did not.
        failed_sent: When the attempt was sent that it failed.
        suspected: Another call was answered, after an attempt of this one had failed and sent no earlier than it: the
            failures may be this call's own, unless the two only overtook each other on their way.
        blamed_at: When another call was sent after an attempt of this one had failed, and was answered: the failures
            are this call's own. Below 0 where that was not seen.
        last_in_line: It goes behind calls that were not tried yet.
        refusal: What the last refusal by a rate limit said.
        patience: Seconds that it bears to be held by rate limits while nobody's call is accepted.
        stuck_since: When it was refused first, and nobody's call was accepted since; None where it was not.
        outage_patience: Seconds that it bears an outage.
        answered: An attempt has answered it, and the others are not needed any more.
        identity: What it is told apart from others by, also when it is over, without keeping what is in it.
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
    failed_at: float = math.inf
    failed_sent: float = math.inf
    suspected: bool = False
    blamed_at: float = -1.0
    stuck_since: float | None = None
    last_in_line: bool = False
    refusal: Refusal = _NOTHING_SAID
    answered: bool = False
    identity: object = field(default_factory=object)


def accepted(readings: tuple[Reading, ...], tokens: Tokens | None) -> Accepted:
    """How a call ended that was answered."""
    if tokens is None:
        return Accepted(readings)
    return Accepted(readings, float(tokens.input + tokens.output), tokens.output)
