"""The laws of one limiter, put together: pure.

A call is held by the first that says so: the pause after a refusal, the breaker that an outage opened, the pacer
of requests, the pacer of tokens, and last the number in flight. In this order, because a call that a rate limit would
hold anyhow says nothing of whether the number in flight is too small.

What is learned when a call ends:

| ended | pacers | pause | breaker | calls in flight |
|---|---|---|---|---|
| accepted | headers, real cost | ends, if sent since | success | a sample |
| refused, with a rate | the refusal, costs nothing | begins | success: the provider answers | |
| refused, without | costs nothing | | success | a cap |
| the same, but no cap's (`_silence`) | the refusal, costs nothing | begins | success | earlier caps doubted |
| failed | | | failure, unless the call's own (`_evidence`) | |
| overdue | | | | a limit |
| answered otherwise | | | success | |
| nothing said | | | | |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, NamedTuple

from ._breaker import Breaker
from ._concurrency import Law
from ._endings import Accepted, Answered, Ending, Failed, Throttled
from ._flight import Flight
from ._fullness import Fullness
from ._pacer import Pacer
from ._pause import Pause
from ._readings import Refusal
from ._silence import Silence

A_MOMENT: Final = 1e-9
"""Seconds that are no wait: adding less to a clock may not move it, and a timer for it would never be over."""

_AVERAGED: Final = 32
"""The token average is that of about so many calls."""

MOST_TOKENS: Final = 1e5
FAR_MORE: Final = 100.0
"""A count above the first is a mistake where it is so many times what calls cost, too."""

_OVERTAKEN: Final = 0.25
"""The share of its life by which one call may come behind another and still be said to have come with it."""
_MOST_ANSWERED: Final = 0.75
"""Of the calls that were in flight with one that ran out of time, so many may be answered where those were too many."""

CONCURRENCY: Final = "concurrency"
OUTAGE: Final = "outage"
RETRY_AFTER: Final = "retry_after"
ALL_ALIKE: Final = frozenset({"requests", RETRY_AFTER})
RATE_LIMITS: Final = ALL_ALIKE | {"tokens"}
"""What holds a call until some time: the first hold every call alike, the others by what it counts."""


class Hold(NamedTuple):
    """Why a call may not be sent now.

    Attributes:
        reason: "concurrency", "requests", "tokens", "retry_after" or "outage".
        until: When to ask again, on the caller's clock; None where only the end of another call can change it.
    """

    reason: str
    until: float | None = None


class Opening(NamedTuple):
    """When a rate limit lets a call pass; what jitter adds to a pause left out.

    Attributes:
        at: When one may pass, be it to see whether what is known is wrong.
        asked: When one may by what is known: what the provider asked for, or when it fits.
        own: That is the user's own rate.
    """

    at: float
    asked: float
    own: bool = False


class Change(NamedTuple):
    """Something that the end of a call has changed.

    Attributes:
        what: "limit", "rate", "pause", "outage began" or "outage ended".
        value: The new limit; calls or tokens a minute; seconds that the pause lasts; 0 else.
        why: Of a limit: why; of a rate: what is counted and where it was learned, as "requests, headers".
    """

    what: str
    value: float = 0.0
    why: str = ""


FULL: Final = Hold(CONCURRENCY)
NOTHING: Final[tuple[Change, ...]] = ()


class Outage(NamedTuple):
    """The provider fails.

    Attributes:
        known: Seconds from the first failure of the outage to the last.
        failed_at: When that was.
    """

    known: float
    failed_at: float


class Learned(NamedTuple):
    """What the laws know and do now; units as in `LimiterStatistics`."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    learned_from: str | None = None
    paused_for: float = 0.0
    outage_for: float | None = None


class Controller:
    """Decides which call may be sent when, and learns from how calls end. Not for several threads at once.

    Attributes:
        in_flight: Calls that were sent and whose room was not given back yet.
        average_tokens: What a call costs, as a moving average; 0 while nothing is known.
    """

    __slots__ = (
        "_answered", "_answered_at", "_answered_sent", "_failed_at", "_fullness", "_latency", "_lowered_at", "_seen",
        "_silence", "average_tokens", "breaker", "in_flight", "law", "pause", "requests", "tokens",
    )  # fmt: skip

    def __init__(self, law: Law, requests: Pacer, tokens: Pacer, pause: Pause, breaker: Breaker) -> None:
        self.law: Law = law
        self.requests: Pacer = requests
        self.tokens: Pacer = tokens
        self.pause: Pause = pause
        self.breaker: Breaker = breaker
        self.in_flight: int = 0
        self.average_tokens: float = 0.0
        self._seen = 0
        self._answered = 0
        self._answered_at = self._answered_sent = -inf  # the last answer; the last call sent that was answered
        self._lowered_at = -inf  # because answers were overdue
        self._latency = 0.0  # of answers, as a moving average
        self._failed_at = 0.0
        self._silence = Silence()
        self._fullness = Fullness()

    @property
    def limit(self) -> int:
        """Calls that may be in flight at once."""
        return self.law.limit

    @property
    def why(self) -> str:
        """Why that last changed."""
        return self.law.why

    def set_cap(self, cap: int | None) -> None:
        """Never let more be in flight than this, whatever is learned; None: no such cap."""
        self.law.set_cap(cap)

    def hold(self, now: float, tokens: float) -> Hold | None:
        """Why a call that counts `tokens` may not be sent now; None where it may."""
        if (wait := self.pause.wait(now)) > A_MOMENT:
            return _hold(RETRY_AFTER, now, wait)
        if (wait := self.breaker.wait(now)) > A_MOMENT:
            return _hold(OUTAGE, now, wait)
        if (wait := self.requests.wait(now, 1.0)) > A_MOMENT:
            return _hold("requests", now, wait)
        if (wait := self.tokens.wait(now, tokens)) > A_MOMENT:
            return _hold("tokens", now, wait)
        return FULL if self.in_flight >= self.law.limit else None

    def sent(self, now: float, tokens: float) -> Flight:
        """A call was sent that counts `tokens`, as far as can be told."""
        self.in_flight += 1
        self.requests.sent(now, 1.0)
        self.tokens.sent(now, tokens)
        asks = self.pause.sent(now)
        probe = self.breaker.sent(now)
        law = self.law.sent(now, in_flight=self.in_flight)
        flight = Flight(now, tokens, self.in_flight, law, self._answered, probe=probe, number=self.breaker.calls)
        flight.asks = asks
        return flight

    def ended(
        self, flight: Flight, now: float, ending: Ending, *, waiting: int, lag: float, jitter: float
    ) -> Sequence[Change]:
        """Learn from the end of a call; its room is given back by `freed`.

        Args:
            flight: The call.
            now: The time.
            ending: How it ended.
            waiting: Calls that wait for the number in flight, and for nothing else, right now.
            lag: Seconds that the event loop was late for this call.
            jitter: A random number from 0 to 1.

        Returns:
            What changed by it.
        """
        limit, outage = self.law.limit, self.breaker.since
        if type(ending) is Accepted:
            changes = self._accepted(flight, now, ending, waiting, lag)
        elif type(ending) is Throttled:
            changes = self._refused(flight, now, ending.refusal, jitter)
        else:
            changes = NOTHING
            self.law.left(flight.law, now)
            if ending is None:
                self.breaker.ignored(now, flight.probe)
            elif type(ending) is Answered:
                self.breaker.answered(flight.probe, flight.number)
            elif type(ending) is Failed:
                self._failed(flight, now, ending.first or flight.number)
            else:
                self._overdue(flight, now)
        if self.law.limit == limit and self.breaker.since == outage:
            return changes
        return [*changes, *self._moved(limit, outage, now)]

    def is_behind_others(self, flight: Flight, now: float) -> bool:
        """Whether a call that runs out of time only came too late: others are answered, but too slowly for its turn.

        A provider that has begun to hang answers nobody for the latter half of the call's time; one that fails a single
        call answers some that were sent later, and more than were in flight with it.
        """
        lasted = now - flight.sent_at
        return (
            self._answered_at >= now - lasted / 2
            and self._answered_sent <= flight.sent_at + _OVERTAKEN * lasted
            and self._answered - flight.answered <= _MOST_ANSWERED * flight.in_flight
        )

    def is_one_too_many(self, flight: Flight) -> bool:
        """Whether a call that the server fails only came on top of what it takes at once. Ask once for each."""
        return self._fullness.failed(flight.sent_at, flight.in_flight)

    def freed(self) -> None:
        """The room of a call that has ended is free for another."""
        self.in_flight -= 1

    def unsent(self, flight: Flight, now: float) -> None:
        """A call that had its room was not sent after all."""
        self.in_flight -= 1
        self.requests.corrected(now, 1.0, 0.0, flight.sent_at)
        self.tokens.corrected(now, flight.tokens, 0.0, flight.sent_at)
        self.law.left(flight.law, now)
        self.breaker.ignored(now, flight.probe)

    def is_closed(self, now: float) -> bool:
        """Whether the provider asked not to be called, or fails."""
        return self.breaker.is_open or self.pause.feels or self.pause.lasts_for(now) > A_MOMENT

    def opening(self, hold: Hold, now: float, tokens: float) -> Opening:
        """When a rate limit lets a call pass that it holds and that counts `tokens`."""
        if hold.reason == RETRY_AFTER:
            asked = max(now, self.pause.named_until) if self.pause.feels else self.pause.asked_until
            return Opening(self.pause.passable_at(), asked)
        pacer, cost = (self.requests, 1.0) if hold.reason == "requests" else (self.tokens, tokens)
        wait, own = pacer.fits_in(now, cost)
        return Opening(inf if hold.until is None else hold.until, now + wait, own=own)

    def outage(self) -> Outage | None:
        """Whether the provider fails, and how long it is known to do so."""
        since = self.breaker.since
        return None if since is None else Outage(self._failed_at - since, self._failed_at)

    def outages_over(self) -> tuple[range, ...]:
        """The calls, by number, that were sent in outages that are over."""
        return self.breaker.over

    def learned(self, now: float) -> Learned:
        """What is known and done now."""
        sources = dict.fromkeys(pacer.source for pacer in (self.requests, self.tokens) if pacer.rate is not None)
        since = self.breaker.since
        return Learned(
            _per_minute(self.requests),
            _per_minute(self.tokens),
            ", ".join(source for source in sources if source) or None,
            self.pause.lasts_for(now),
            None if since is None else now - since,
        )

    def remembered(self) -> dict[str, dict[str, float]]:
        """What is worth to be known in the next run."""
        law, requests, tokens = self.law.remembered(), self.requests.remembered(), self.tokens.remembered()
        parts = {"law": law, "requests": requests, "tokens": tokens}
        return {name: values for name, values in parts.items() if values}

    def _accepted(self, flight: Flight, now: float, ending: Accepted, waiting: int, lag: float) -> Sequence[Change]:
        tokens, output_tokens = ending.tokens, ending.output_tokens
        most = max(MOST_TOKENS, FAR_MORE * max(self.average_tokens, flight.tokens))
        if output_tokens is not None and not 0 <= output_tokens <= most:
            output_tokens = None
        self.law.succeeded(flight.law, now, output_tokens=output_tokens, waiting=waiting, lag=lag)
        self.breaker.answered(flight.probe, flight.number)
        self._silence.accepted(flight.sent_at)
        self._fullness.answered(flight.sent_at, flight.in_flight)
        self._answered += 1
        self._answered_at = now
        if flight.sent_at > self._answered_sent:
            self._answered_sent = flight.sent_at
        averaged = self._answered if self._answered < _AVERAGED else _AVERAGED
        self._latency += (now - flight.sent_at - self._latency) / averaged
        if self.pause.accepted(flight.sent_at, now):
            self.requests.forget_wishes()
            self.tokens.forget_wishes()
        self.requests.accepted(flight.sent_at, now)
        self.tokens.accepted(flight.sent_at, now)
        if tokens is not None and 0 <= tokens <= most and self.tokens.can_be(tokens):
            self._seen += 1
            averaged = self._seen if self._seen < _AVERAGED else _AVERAGED
            self.average_tokens += (tokens - self.average_tokens) / averaged
            self.tokens.corrected(now, flight.tokens, tokens, flight.sent_at)
        changed: dict[Pacer, None] = {}
        for reading in ending.readings:
            pacer = self.requests if reading.unit == "requests" else self.tokens
            if pacer.read(reading, sent_at=flight.sent_at, now=now):
                changed[pacer] = None
        return [_rate(pacer) for pacer in changed] if changed else NOTHING

    def _refused(self, flight: Flight, now: float, refusal: Refusal, jitter: float) -> Sequence[Change]:
        self.law.left(flight.law, now)
        self.breaker.answered(flight.probe, flight.number)
        self.requests.corrected(now, 1.0, 0.0, flight.sent_at)
        self.tokens.corrected(now, flight.tokens, 0.0, flight.sent_at)
        heard = self._silence.heard(refusal, in_flight=flight.in_flight, sent_at=flight.sent_at, now=now)
        if heard is not refusal:
            self.law.refused(now, in_flight=1)  # so those before it were no cap's either
        refusal, changed = heard, []
        if refusal.tells_rate:
            pacers = (self.requests, self.tokens)
            changed = [_rate(one) for one in pacers if one.refused(refusal, sent_at=flight.sent_at, now=now)]
        elif not (refusal.daily or refusal.too_large):
            self.law.refused(now, in_flight=flight.in_flight)
        before = self.pause.lasts_for(now)
        self.pause.refused(refusal, now, jitter, asked=flight.asks)
        after = self.pause.lasts_for(now)
        return [*changed, Change("pause", after)] if after > before + A_MOMENT else changed

    def _failed(self, flight: Flight, now: float, first: int) -> None:
        if flight.probe or self.breaker.evidence.speaks(first):
            self._failed_at = now
            self.breaker.hangs_for = self._latency if now - flight.sent_at > self._latency else 0.0
        self.breaker.failed(now, flight.number, first)

    def _overdue(self, flight: Flight, now: float) -> None:
        self.breaker.ignored(now, flight.probe)
        if flight.sent_at >= self._lowered_at:  # those sent before tell nothing new
            self._lowered_at = now
            self.law.overdue(now, answered=self._answered - flight.answered)

    def _moved(self, limit: int, outage: float | None, now: float) -> Iterator[Change]:
        if self.law.limit != limit:
            yield Change("limit", self.law.limit, self.law.why)
        since = self.breaker.since
        if outage is None and since is not None:
            yield Change("outage began")
        elif outage is not None and since is None:
            yield Change("outage ended", now - outage)


def _hold(reason: str, now: float, wait: float) -> Hold:
    return Hold(reason, None if wait == inf else now + wait)


def _per_minute(pacer: Pacer) -> float | None:
    return None if pacer.rate is None else pacer.rate * 60.0


def _rate(pacer: Pacer) -> Change:
    return Change("rate", _per_minute(pacer) or 0.0, f"{pacer.unit}, {pacer.source}")
