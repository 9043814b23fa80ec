"""`plan`: what a batch comes to, by arithmetic alone.

A job is as fast as the slowest of what holds it: its workers, and its share of each of the provider's limits, of which
a whole window's worth is there at the beginning. Attempts that fail take the workers' time, and nothing of the limits.
Added to that are three things that a division leaves out:

- **Warm-up.** The limiter begins with 16 calls in flight and has about three times as many after each latency, until it
  is at the number of workers. Each job does so, and each time that it is started.
- **Ends.** The last items do not end together: a job takes about half an item longer, and what is at work when its time
  is over is begun again, which is half an item of each worker, too.
- **Waves.** Where more jobs are wanted than may run at once, the others wait.

All of these are averages: with fewer than about three items for each worker it depends on which of them are slow, and
only a rehearsal can tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypedDict

from ._case import ATTEMPTS, Case
from ._figures import Figures, binding, rates_of

_FIRST_LIMIT: Final = 16
_GROWTH: Final = 3.0


def plan(case: Case) -> Figures:
    """What a batch comes to, if all goes as it should; in no time, and without running any of it."""
    work, items = case.workload, _affordable(case)
    failure = work.failure_rate
    attempts = (1 - failure**ATTEMPTS) / (1 - failure)
    each = (1 - failure**ATTEMPTS) ** work.calls_per_item
    jobs = min(case.jobs, items)
    job = _job(case, items / jobs, attempts)
    totals: _Totals = {
        "seconds": math.ceil(jobs / case.jobs_at_once) * job.seconds,
        "sessions": jobs * job.sessions,
        "utilization": items * work.seconds_per_item * attempts / (jobs * job.seconds * case.workers),
    }
    minutes, calls = jobs * math.ceil(job.seconds / 60), items * work.calls_per_item
    done = round(items * each)
    return Figures(
        **totals,
        done=done,
        left=work.items - done,
        cost=work.cost * items,
        retries=round(calls * (attempts - 1)),
        cut_off=jobs * (job.sessions - 1) * min(case.workers, math.ceil(items / jobs)),
        runner_minutes=minutes,
        binds=binding(case, **totals, answered=calls, minutes=minutes, spent_up=items < work.items),
    )


class _Totals(TypedDict):
    seconds: float
    sessions: int
    utilization: float


@dataclass(frozen=True, slots=True)
class _Job:
    seconds: float
    sessions: int


def _job(case: Case, items: float, attempts: float) -> _Job:
    """One of the jobs, with its share of the items and of what the provider lets through."""
    work = case.workload
    at_once, seconds = min(case.workers, items), work.seconds_per_item * attempts
    calls = items * case.jobs_at_once * work.calls_per_item
    by_provider = (rate.seconds(calls) for rate in rates_of(case).values())
    busy = max(items / at_once * seconds, *by_provider, 0.0)
    in_flight = min(at_once, items * seconds / busy)
    overhead = _warm_up(in_flight, work.seconds_per_item / work.calls_per_item) + seconds / 2 * (1 - at_once / items)
    limit = case.runner.job_seconds
    if limit is None or busy + overhead <= limit:
        return _Job(busy + overhead, 1)
    sessions = math.ceil(busy / max(limit - overhead, limit / 100))
    return _Job(busy + sessions * overhead, sessions)


def _warm_up(in_flight: float, latency: float) -> float:
    """Seconds lost while the limiter does not let so many calls be in flight."""
    lost, limit = 0.0, float(_FIRST_LIMIT)
    while limit < in_flight:
        lost += (1 - limit / in_flight) * latency
        limit *= _GROWTH
    return lost


def _affordable(case: Case) -> int:
    """Items that the budget pays for."""
    items, cost = case.workload.items, case.workload.cost
    return items if case.budget is None or not cost else max(1, min(items, int(case.budget / cost)))
