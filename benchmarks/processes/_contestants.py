"""Who computes: one after the other, threads, the standard library's pool, and ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from .._contest import Figures
from ._work import compute, steps_for


def serial(calls: int, seconds: float) -> Figures:
    steps = steps_for(seconds)
    began = time.perf_counter()
    for _ in range(calls):
        compute(steps)
    return {"calls": calls / (time.perf_counter() - began)}


def threads(calls: int, seconds: float, workers: int) -> Figures:
    from llm_composition_patterns import in_threads, parallelize

    async def run() -> float:
        async with in_threads(compute, workers=workers) as step:
            return await _measured(lambda steps: parallelize(step, steps), calls, seconds)

    return {"calls": asyncio.run(run())}


def pool(calls: int, seconds: float, workers: int) -> Figures:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    async def run() -> float:
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:

            def gathered(steps: list[int]) -> Awaitable[list[int]]:
                return asyncio.gather(*(loop.run_in_executor(pool, compute, given) for given in steps))

            return await _measured(gathered, calls, seconds)

    return {"calls": asyncio.run(run())}


def ours(calls: int, seconds: float, workers: int) -> Figures:
    from llm_composition_patterns import in_processes, parallelize

    async def run() -> float:
        async with in_processes(compute, workers=workers) as step:
            return await _measured(lambda steps: parallelize(step, steps), calls, seconds)

    return {"calls": asyncio.run(run())}


async def _measured(run: Callable[[list[int]], Awaitable[list[int]]], calls: int, seconds: float) -> float:
    """Calls per second, once all workers are there."""
    steps = steps_for(seconds)
    await run([steps // 100] * 100)
    began = time.perf_counter()
    if len(await run([steps] * calls)) != calls:
        raise RuntimeError("a call was lost")
    return calls / (time.perf_counter() - began)
