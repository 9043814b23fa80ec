"""What a batch would be: its items, those who work on them, what the provider lets through, and where it runs. Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from ...simulation import Price, Scenario

ATTEMPTS: Final = 4
"""Attempts that a call may make, as `connect` has them."""

_SLOWEST: Final = 1.25
"""How many times longer than the average an item may take in a rehearsal."""

_MOST_FAILURES: Final = 0.5


def _check_positive(given: Any, names: Any) -> None:
    for name in names:
        value = getattr(given, name)
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a number above 0, not {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The items, and what one of them takes.

    Attributes:
        items: How many there are.
        seconds_per_item: How long one worker is at work on one item, with nothing in its way.
        calls_per_item: Calls to the model that an item makes, one after the other.
        input_tokens: Tokens of an item's prompts, together.
        output_tokens: Tokens of its answers, together.
        price: What they cost; None for nothing.
        failure_rate: The share of the attempts that fail, and are made again.
    """

    items: int
    seconds_per_item: float
    calls_per_item: int = 1
    input_tokens: int = 5000
    output_tokens: int = 2000
    price: Price | None = None
    failure_rate: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(self, ("items", "seconds_per_item", "calls_per_item", "input_tokens", "output_tokens"))
        if not 0 <= self.failure_rate <= _MOST_FAILURES:
            raise ValueError(f"failure_rate is a share from 0 to {_MOST_FAILURES}, not {self.failure_rate!r}")
        if min(self.input_tokens, self.output_tokens) < self.calls_per_item:
            raise ValueError(
                f"{self.calls_per_item} calls need a token each: give larger input_tokens and output_tokens"
            )

    @property
    def tokens(self) -> int:
        """Tokens of an item, both ways."""
        return self.input_tokens + self.output_tokens

    @property
    def cost(self) -> Decimal:
        """US dollars of an item."""
        return Decimal(0) if self.price is None else self.price.total(self.input_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What the provider lets through, for all jobs together; None for everything.

    Attributes:
        at_once: Calls that it works on at once; the others wait.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    requests_per_day: float | None = None
    tokens_per_day: float | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        _check_positive(self, [each.name for each in fields(self) if getattr(self, each.name) is not None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What a service for jobs allows.

    Attributes:
        concurrent_jobs: Jobs that run at once; None for any number.
        job_seconds: How long a job may take before it is ended; it is then started again, and goes on. None for ever.
        minutes_a_month: Minutes of all jobs together that a month includes; None where nobody counts.
    """

    concurrent_jobs: int | None = None
    job_seconds: float | None = None
    minutes_a_month: int | None = None


RUNNERS: Final[Mapping[str, Runner]] = MappingProxyType(
    {
        "none": Runner(),
        "free": Runner(concurrent_jobs=20, job_seconds=6 * 3600.0, minutes_a_month=2_000),
        "paid": Runner(concurrent_jobs=40, job_seconds=6 * 3600.0, minutes_a_month=50_000),
    }
)
"""A machine of your own, and the two plans of the CI service that the original ran on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to run a batch.

    Attributes:
        workload: What there is to do.
        workers: Items that a job works on at once.
        jobs: Processes, each with its share of the items.
        rates: What the provider lets through.
        runner: Where the jobs run.
        budget: US dollars that may be spent; None for any.
        scenario: What else there is to say of the provider; None for nothing. A plan leaves it out.

    Raises:
        ValueError: Something is out of its range, or no item would ever be finished.
    """

    workload: Workload
    workers: int
    jobs: int = 1
    rates: Rates = Rates()
    runner: Runner = RUNNERS["none"]
    budget: Decimal | None = None
    scenario: Scenario | None = None

    def __post_init__(self) -> None:
        _check_positive(self, ("workers", "jobs") if self.budget is None else ("workers", "jobs", "budget"))
        longest, limit = self.workload.seconds_per_item * _SLOWEST, self.runner.job_seconds
        if limit is not None and longest >= limit:
            raise ValueError(
                f"an item may take {longest:g} s and a job {limit:g} s, so that none would ever be finished: give a "
                "smaller seconds_per_item, or another runner"
            )

    @property
    def jobs_at_once(self) -> int:
        """Jobs that run at the same time."""
        most = self.runner.concurrent_jobs
        return min(self.jobs, self.workload.items, most or self.jobs)
