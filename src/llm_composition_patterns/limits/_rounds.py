"""Measuring rounds: what a provider does at one number of calls in flight.

A round is a run of calls taken in the order in which they were sent, so that slow ones are not under-represented. It
is judged when most of its calls are answered: the last ones would keep it open and say least. The calls in flight
while it lasted are an average over the lives of its calls, so that throughput follows from Little's law even where
the limit was just changing. A round is dropped when the limit was not what held the calls back, or when the event
loop was too busy to time them.
"""

from __future__ import annotations

import math
from typing import Final

from ._lengths import Lengths

COMPLETE: Final = 0.85
"""Share of a round's calls whose answers close it."""
_BOUND: Final = 0.85
"""Share of its answers at which other calls must have waited for the limit: else the limit did not bind."""
_LAG: Final = 0.1
"""Share of its latency that may be the event loop's lateness."""
_USUAL_VARIANCE: Final = 0.01
"""Of log latency, before it is known: 10 % from call to call."""
_WEIGHT: Final = 64
"""Answers that make a round weigh fully in the running estimate of the variance."""


class Point:
    """What a round measured.

    Attributes:
        load: Calls in flight, on average.
        variance: Of the mean of log latency, from noise alone.
    """

    __slots__ = ("_lengths", "_log_latency", "_log_tokens", "load", "variance")

    def __init__(
        self, load: float, log_latency: float, *, variance: float = 0.0, log_tokens: float = 0.0, lengths: Lengths
    ) -> None:
        self.load: float = load
        self.variance: float = variance
        self._log_latency = log_latency
        self._log_tokens = log_tokens
        self._lengths = lengths

    @property
    def seconds(self) -> float:
        """Latency as it was."""
        return math.exp(self._log_latency)

    @property
    def log_latency(self) -> float:
        """Of a call with a typical length of answer, by what is known of lengths now."""
        return self._log_latency - self._lengths.share * self._log_tokens

    @property
    def log_throughput(self) -> float:
        """By Little's law."""
        return math.log(self.load) - self.log_latency


class Round:
    """Calls sent one after the other, measured together."""

    __slots__ = (
        "_bound", "_first", "_lag", "_latency", "_load", "_log_latency", "_log_tokens", "_off", "_off_squared",
        "answers", "epoch", "sent", "size",
    )  # fmt: skip

    def __init__(self, size: int, epoch: int) -> None:
        self.size: int = size
        self.epoch: int = epoch
        self.sent: int = 0
        self.answers: int = 0
        self._bound = 0
        self._load = self._latency = self._lag = self._log_latency = self._log_tokens = 0.0
        self._first = self._off = self._off_squared = 0.0

    @property
    def complete(self) -> bool:
        """Whether enough of its calls are answered."""
        return self.answers >= COMPLETE * self.size

    def answered(
        self, latency: float, load: float, measures: tuple[float, float, float], *, bound: bool, lag: float
    ) -> None:
        """Take in one answer; `measures`: log latency, log tokens, and log latency corrected for the tokens."""
        log_latency, log_tokens, corrected = measures
        if not self.answers:
            self._first = corrected
        self.answers += 1
        self._bound += bound
        self._load += load
        self._latency += latency
        self._lag += lag
        self._log_latency += log_latency
        self._log_tokens += log_tokens
        off = corrected - self._first
        self._off += off
        self._off_squared += off * off

    @property
    def tells(self) -> bool:
        """Whether the limit was what bound, and the times are the provider's."""
        return self._bound >= _BOUND * self.answers and self._lag <= _LAG * self._latency

    def spread(self) -> float | None:
        """The variance of log latency among its calls; None where there are too few."""
        n = self.answers
        return max(0.0, self._off_squared - self._off * self._off / n) / (n - 1) if n > 1 else None

    def point(self, variance: float, lengths: Lengths) -> Point:
        """What it measured, where a single call has this variance."""
        n = self.answers
        return Point(
            self._load / n, self._log_latency / n,
            variance=variance / n, log_tokens=self._log_tokens / n, lengths=lengths,
        )  # fmt: skip


class Rounds:
    """The rounds of one limiter: one at a time, or (in slow start, where every call counts) without a gap."""

    __slots__ = ("_collecting", "_epoch", "_from", "_lengths", "_overlapping", "_variance")

    def __init__(self, lengths: Lengths) -> None:
        self._overlapping = False
        self._lengths = lengths
        self._collecting: Round | None = None
        self._from = -math.inf
        self._epoch = 0
        self._variance = _USUAL_VARIANCE

    def overlap(self) -> None:
        """Drop what is open; from now on each round begins while the one before it is open."""
        self._overlapping = True
        self._epoch += 1
        self._collecting = None
        self._from = -math.inf

    def restart(self, now: float, warm_up: float = 0.0) -> None:
        """Drop what is open; the next round, one at a time from now on, begins after a warm-up."""
        self._overlapping = False
        self._epoch += 1
        self._collecting = None
        self._from = now + warm_up

    def sent(self, now: float, size: int, *, settled: bool) -> Round | None:
        """The round of a call that is sent now; `settled`: no more calls are in flight than the limit wants."""
        collecting = self._collecting
        if collecting is None:
            if now < self._from or not settled:
                return None
            collecting = self._collecting = Round(size, self._epoch)
        collecting.sent += 1
        if collecting.sent >= collecting.size:
            self._collecting = None
            if not self._overlapping:
                self._from = math.inf
        return collecting

    def left(self, round_: Round, now: float) -> None:
        """A call of the round teaches nothing. A round of which nothing is left to come is dropped."""
        if round_.epoch != self._epoch:
            return
        round_.size -= 1
        round_.sent -= 1
        if round_ is not self._collecting and round_.sent <= round_.answers:
            round_.epoch = -1
            if not self._overlapping:
                self.restart(now)

    def open(self, round_: Round) -> bool:
        """Whether answers still count for it."""
        return round_.epoch == self._epoch

    def closed(self, round_: Round, now: float) -> Point | None:
        """Close a round that is complete: what it measured, None where it decides nothing."""
        if self._overlapping:
            round_.epoch = -1
            if round_ is self._collecting:
                self._collecting = None
        else:
            self.restart(now)
        if not round_.tells:
            return None
        spread = round_.spread()
        if spread is not None:
            self._variance += min(0.5, round_.answers / _WEIGHT) * (spread - self._variance)
        return round_.point(self._variance, self._lengths)
