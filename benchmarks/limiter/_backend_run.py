"""One backend, measured: through the limiter, by fixed numbers of workers, and by the oracle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Final

from .._contest import Figure, Figures
from ._backends import HELD_OUT, TUNED, Backend
from ._connected import connected, learning
from ._events import naive
from ._job import Job
from ._oracle import Oracle, oracle

FIXED: Final = (1, 5, 10, 50, 100, 200)
"""Numbers that people pick by hand."""

FIGURES: Final = (
    Figure("cold", "auto", 3),
    Figure("least", "its worst seed", 3),
    Figure("warm", "auto, warm", 3),
    Figure("unhedged", "no hedging", 3),
    *(Figure(f"fixed {number}", f"fixed {number}", 3) for number in FIXED),
    Figure("oracle", "oracle, calls/s", 2),
    Figure("429s", "429s", 0),
    Figure("429s of fixed 50", "of fixed 50", 0),
    Figure("429s ratio", "429s, ratio", 4),
    Figure("p99", "p99", 2),
    Figure("p99 of fixed 50", "p99 of fixed 50", 2),
    Figure("p99 of fixed 200", "of fixed 200", 2),
    Figure("lost", "calls lost", 0),
)

_BACKENDS: Final = {backend.name: backend for backend in (*TUNED, *HELD_OUT)}
_COUNTS: Final = frozenset({"429s", "429s of fixed 50", "lost"})
_FACTORS: Final = frozenset({"p99", "p99 of fixed 50", "p99 of fixed 200"})
_SHARES: Final = frozenset({"cold", "warm", "unhedged", *(f"fixed {number}" for number in FIXED)})


def measure(name: str, seeds: Sequence[int]) -> Figures:
    """The figures of a backend over all seeds."""
    return measure_of(_BACKENDS[name], seeds)


def measure_of(backend: Backend, seeds: Sequence[int]) -> Figures:
    """The same for a backend that need not be on a list."""
    rows = [_with_seed(backend, seed) for seed in seeds]
    return {**middle(rows), "least": min(row["cold"] for row in rows)}


def _with_seed(backend: Backend, seed: int) -> Figures:
    best = oracle(backend, seed)
    limiter = learning(backend)
    cold = connected(backend, seed, limiter)
    warm = connected(backend, seed, learning(backend, limiter.remembered()))
    unhedged = connected(backend, seed, learning(backend), hedge=False)
    fixed = {number: naive(backend, seed, number) for number in FIXED}
    return {
        "oracle": best.throughput,
        "cold": _share(cold, best),
        "warm": _share(warm, best),
        "unhedged": _share(unhedged, best),
        **{f"fixed {number}": _share(job, best) for number, job in fixed.items()},
        "429s": cold.refused,
        "429s of fixed 50": fixed[50].refused,
        "p99": cold.latency() / best.latency,
        "p99 of fixed 50": fixed[50].latency() / best.latency,
        "p99 of fixed 200": fixed[200].latency() / best.latency,
        "lost": cold.lost + warm.lost + unhedged.lost,
    }


def _share(job: Job, best: Oracle) -> float:
    return job.throughput / best.throughput


def middle(rows: Sequence[Figures]) -> Figures:
    """One row for several: means, geometric ones of factors, and the sums of what is counted."""
    found = {figure.name: _middle(figure.name, rows) for figure in FIGURES if figure.name in rows[0]}
    refused, of_fixed = found["429s"], found["429s of fixed 50"]
    return {**found, "429s ratio": refused / of_fixed} if of_fixed else found


def _middle(name: str, rows: Iterable[Figures]) -> float:
    values = [row[name] for row in rows if name in row]
    if name in _COUNTS:
        return sum(values)
    return prod(values) ** (1 / len(values)) if name in _FACTORS else sum(values) / len(values)


def mean(rows: Sequence[Figures]) -> Figures:
    """The mean of several backends. What is better than the oracle counts as good as the oracle."""
    capped = [{name: min(value, 1.0) if name in _SHARES else value for name, value in row.items()} for row in rows]
    return middle([{name: value for name, value in row.items() if name not in {"oracle", "least"}} for row in capped])


def worst(rows: Sequence[Figures]) -> Figures:
    """The least share on any of several backends."""
    return {name: min(row[name] for row in rows) for name in (*sorted(_SHARES), "least")}
