"""The same items with and without a store; large results; and a batch that has nothing left to do."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from .._contest import Figures
from .._measure import peak_memory


def streamed(directory: str, items: int, seconds: float, in_flight: int) -> Figures:  # noqa: ARG001 - as the next
    from llm_composition_patterns import stream_outcomes

    async def step(item: int) -> int:
        await asyncio.sleep(seconds)
        return item

    async def run(items: int) -> int:
        async with stream_outcomes(step, range(items), max_concurrency=in_flight) as outcomes:
            return sum([1 async for _ in outcomes])

    return _measured(run, items)


def recorded(directory: str, items: int, seconds: float, in_flight: int) -> Figures:
    from llm_composition_patterns import run_batch

    async def step(item: int) -> int:
        await asyncio.sleep(seconds)
        return item

    async def run(items: int) -> int:
        store = _fresh(directory, f"short-{items}.db")
        report = await run_batch(step, range(items), store=store, key=str, step_name="step", max_concurrency=in_flight)
        return report.counts["succeeded"]

    return _measured(run, items)


def large_results(directory: str, items: int, size: int) -> Figures:
    return _large(_fresh(directory, "large.db"), items, size, executed=items)


def finished(directory: str, items: int, size: int) -> Figures:
    """What the contestant before this one has left."""
    return _large(Path(directory) / "large.db", items, size, executed=0)


def _large(store: Path, items: int, size: int, executed: int) -> Figures:
    before = peak_memory()

    from llm_composition_patterns import run_batch

    async def step(item: int) -> str:
        return str(item % 10) * size

    async def run(items: int) -> int:
        report = await run_batch(step, range(items), store=store, key=str, step_name="step")
        if report.executed != executed:
            raise RuntimeError(f"{report.executed} items were executed, and not {executed}")
        return report.counts["succeeded"]

    return {**_measured(run, items, warm=False), "mb": peak_memory() - before}


def _fresh(directory: str, name: str) -> Path:
    store = Path(directory) / name
    for file in (store, store.with_name(f"{name}-wal"), store.with_name(f"{name}-shm")):
        file.unlink(missing_ok=True)
    return store


def _measured(run: Callable[[int], Awaitable[int]], items: int, *, warm: bool = True) -> Figures:
    async def measured() -> Figures:
        if warm:
            await run(min(items, 200))
        gc.collect()
        cpu, began = time.process_time(), time.perf_counter()
        if (done := await run(items)) != items:
            raise RuntimeError(f"{done} of {items} items were done")
        spent = time.process_time() - cpu
        return {"seconds": time.perf_counter() - began, "each": spent / items * 1e3, "cpu": spent}

    return asyncio.run(measured())
