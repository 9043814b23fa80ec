"""What a batch comes to, planned or measured, and what holds it up: pure.

One thing sets the pace: what is used to the largest share. Other limits are passed beside it, or end the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ._case import Case

WORKERS: Final = "workers"
_MINUTE: Final = 60.0
_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a batch comes to.

    Attributes:
        done: Items that are finished.
        left: Items for which another run is needed: every attempt failed, or the budget was spent.
        seconds: From the first item to the last.
        cost: US dollars of the calls that were answered.
        retries: Attempts beyond the first one of each call.
        cut_off: Items that were at work when a job's time was over: begun again, and perhaps paid twice.
        sessions: Jobs that were started, with those that go on where another one's time was over.
        runner_minutes: Minutes of all jobs, each begun one counted.
        utilization: The share of the workers' time in which they were at work.
        binds: What holds it up: first what sets the pace, then each limit that is passed or ends it.
    """

    done: int
    left: int
    seconds: float
    cost: Decimal
    retries: int
    cut_off: int
    sessions: int
    runner_minutes: int
    utilization: float
    binds: tuple[str, ...]

    @property
    def items_per_hour(self) -> float:
        """Items finished an hour."""
        return self.done / self.seconds * 3600


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit on how fast the provider takes items.

    Attributes:
        per_second: Units a second.
        at_first: Units that are there at the beginning.
        per_call: Units that a call uses.
    """

    per_second: float
    at_first: float
    per_call: float

    def seconds(self, calls: float) -> float:
        """How long so many calls take, at least."""
        return max(0.0, calls * self.per_call - self.at_first) / self.per_second


def rates_of(case: Case) -> Mapping[str, Rate]:
    """The limits of a case that the provider has, by their names."""
    rates, work = case.rates, case.workload
    tokens, latency = work.tokens / work.calls_per_item, work.seconds_per_item / work.calls_per_item
    rows = (
        ("requests a minute", rates.requests_per_minute, _MINUTE, 1.0),
        ("tokens a minute", rates.tokens_per_minute, _MINUTE, tokens),
        ("requests a day", rates.requests_per_day, _DAY, 1.0),
        ("tokens a day", rates.tokens_per_day, _DAY, tokens),
    )
    named = {name: Rate(limit / window, limit, each) for name, limit, window, each in rows if limit is not None}
    return named if rates.at_once is None else {**named, "calls at once": Rate(rates.at_once / latency, 0.0, 1.0)}


def binding(
    case: Case, *, utilization: float, answered: float, seconds: float, sessions: int, minutes: int, spent_up: bool
) -> tuple[str, ...]:
    """What holds a batch up.

    Args:
        case: The batch.
        utilization: The share of the workers' time in which they were at work.
        answered: Calls that the provider answered.
        seconds: How long the batch took.
        sessions: Jobs that were started.
        minutes: Minutes of all jobs.
        spent_up: Whether the budget ended it.
    """
    shares = {WORKERS: utilization}
    shares |= {name: rate.seconds(answered) / seconds for name, rate in rates_of(case).items()}
    passed = _passed(case, sessions=sessions, minutes=minutes, spent_up=spent_up)
    return (max(shares, key=lambda name: shares[name]), *passed)


def _passed(case: Case, *, sessions: int, minutes: int, spent_up: bool) -> Iterator[str]:
    jobs, runner = min(case.jobs, case.workload.items), case.runner
    if case.jobs_at_once < jobs:
        yield "concurrent jobs"
    if sessions > jobs:
        yield "job time limit"
    if runner.minutes_a_month is not None and minutes > runner.minutes_a_month:
        yield "runner minutes"
    if spent_up:
        yield "budget"
