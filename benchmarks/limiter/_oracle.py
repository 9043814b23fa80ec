"""The oracle: the best fixed number of workers who send nothing that would be refused, found by search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ._backends import Backend
from ._events import knowing
from ._job import Job

MOST: Final = 512
"""More workers are not tried."""

_COARSE: Final = (*(2**power for power in range(10)), 5, 10, 50, 100, 200)
_FINE: Final = 2 ** (1 / 6)
_AS_GOOD: Final = 0.99


@dataclass(frozen=True, slots=True)
class Oracle:
    """What clairvoyance reaches.

    Attributes:
        workers: The number with the best throughput.
        throughput: Calls a second with it.
        fewest: The smallest number with 0.99 of that throughput.
        latency: Seconds that 99 of 100 calls take at most, with that smallest number.
    """

    workers: int
    throughput: float
    fewest: int
    latency: float


@lru_cache(maxsize=256)
def oracle(backend: Backend, seed: int) -> Oracle:
    """Search among 1 to `MOST` workers: by doublings, then more finely around the best."""
    jobs = {workers: knowing(backend, seed, workers) for workers in _COARSE}
    best = _best(jobs)
    for workers in _between(best // 2, min(MOST, best * 2)):
        jobs[workers] = jobs.get(workers) or knowing(backend, seed, workers)
    best = _best(jobs)
    fewest = _fewest(backend, seed, best, jobs)
    return Oracle(best, jobs[best].throughput, fewest, jobs[fewest].latency())


def _best(jobs: dict[int, Job]) -> int:
    return max(sorted(jobs), key=lambda workers: jobs[workers].throughput)


def _between(low: int, high: int) -> list[int]:
    steps, workers = [], float(max(1, low))
    while workers < high:
        steps.append(round(workers))
        workers = max(workers * _FINE, workers + 1)
    return steps


def _fewest(backend: Backend, seed: int, best: int, jobs: dict[int, Job]) -> int:
    """By bisection: below the best, more workers are never worse."""
    wanted = _AS_GOOD * jobs[best].throughput
    low, high = 0, best
    while high - low > 1:
        middle = (low + high) // 2
        jobs[middle] = jobs.get(middle) or knowing(backend, seed, middle)
        low, high = (low, middle) if jobs[middle].throughput >= wanted else (middle, high)
    return high
