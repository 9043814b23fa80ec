"""What the limiter promises beside throughput: little lost in outages, no deadlock, fairness, and next to no CPU."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from llm_composition_patterns import ChatModel, Limiter, connect, parallelize
from llm_composition_patterns.limits import Accepted
from llm_composition_patterns.limits._readings import Reading
from llm_composition_patterns.simulation import Capacity, Fault, Scenario
from llm_composition_patterns.virtual_time import run

from .._contest import Figures
from ._backends import Backend
from ._connected import connected, learning
from ._events import naive
from ._job import Job

OUTAGES: Final = Backend(
    name="three outages",
    scenario=Scenario(
        time_to_first_token=0.2,
        tokens_per_second=125.0,
        spread=0.2,
        capacity=Capacity(knee=40),
        faults=tuple(Fault(kind="server_overloaded", after=at, until=at + 5.0) for at in (10.0, 25.0, 45.0)),
    ),
)

_EXACT: Final = Scenario(time_to_first_token=1.0, tokens_per_second=float("inf"), spread=0.0)
_IN_FLIGHT: Final = 64
_WORKERS: Final = 128


def outages(seeds: Sequence[int]) -> Figures:
    """2,000 calls, three times 5 s in which everything is answered with 503; the worst seed."""
    return _seen([connected(OUTAGES, seed, learning(OUTAGES)) for seed in seeds])


def outages_by_hand(seeds: Sequence[int], workers: int) -> Figures:
    """The same by a fixed number of workers."""
    return _seen([naive(OUTAGES, seed, workers) for seed in seeds])


def _seen(jobs: Sequence[Job]) -> Figures:
    worst = max(jobs, key=lambda job: job.failed)
    return {"failed": worst.failed, "lost": max(job.lost for job in jobs), "seconds": worst.makespan}


def nested() -> Figures:
    """Three fan-outs in each other, 3 x 4 x 5 calls of 1 s, at most two in flight."""

    async def job(model: ChatModel) -> float:
        async def leaf(name: str) -> None:
            await model.complete(name)

        async def middle(name: str) -> None:
            await parallelize(leaf, [f"{name} {index}" for index in range(5)])

        async def root(name: str) -> None:
            await parallelize(middle, [f"{name} {index}" for index in range(4)])

        return await _seconds(parallelize(root, ["a", "b", "c"]))

    return {"seconds": _at(Limiter(max=2), job)}


def fairness() -> Figures:
    """20 calls that come 5 s after 1,000 others, at most ten in flight: their time, in times of what it takes alone."""

    async def alone(model: ChatModel) -> float:
        return await _seconds(_calls(model, 20))

    async def beside(model: ChatModel) -> float:
        async with asyncio.TaskGroup() as both:
            large = both.create_task(_calls(model, 1_000))
            await asyncio.sleep(5.0)
            took = await _seconds(_calls(model, 20))
            large.cancel()
        return took

    together = _at(Limiter(fixed=10), beside)
    return {"seconds": together, "slower": together / _at(Limiter(fixed=10), alone)}


async def _calls(model: ChatModel, number: int) -> None:
    async def call(index: int) -> None:
        await model.complete(f"{number}: {index}")

    await parallelize(call, range(number))


async def _seconds(work: Awaitable[object]) -> float:
    clock = asyncio.get_running_loop().time
    started = clock()
    await work
    return clock() - started


def _at(limiter: Limiter, job: Callable[[ChatModel], Awaitable[float]]) -> float:
    async def opened() -> float:
        async with connect("simulated:any", scenario=_EXACT, concurrency=limiter) as model:
            return await job(model)

    return run(opened())


def controller(calls: int) -> Figures:
    """CPU a call of everything that the limiter does: who waits for what, the pacers, the law, the statistics.

    Twice as many callers as may be in flight, so that every call waits; answers with the headers of two rate limits.
    What the same calls cost without a limiter is taken off.
    """
    with_limiter = _cpu(calls, _WORKERS, Limiter(max=_IN_FLIGHT))
    return {"cpu": (with_limiter - _cpu(calls, _IN_FLIGHT, None)) / calls * 1e6}


def _cpu(calls: int, workers: int, limiter: Limiter | None) -> float:
    accepted = Accepted(
        (
            Reading(unit="requests", limit=1e6, remaining=9e5, reset=6.0),
            Reading(unit="tokens", limit=1e8, remaining=9e7, reset=6.0),
        ),
        tokens=150.0,
        output_tokens=100,
    )

    async def worker() -> None:
        for _ in range(calls // workers):
            if limiter is None:
                await asyncio.sleep(1.0)
                continue
            async with limiter.permit() as permit:
                await asyncio.sleep(1.0)
                permit.end(accepted)

    async def job() -> None:
        await asyncio.gather(*(worker() for _ in range(workers)))

    started = time.process_time()
    run(job())
    return time.process_time() - started
