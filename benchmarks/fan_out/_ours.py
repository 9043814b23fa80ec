"""`parallelize` and `stream_outcomes`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from .._contest import Figures
from .._measure import fan_out, peak_memory
from ._step import AT_ONCE, step, suspending


def collecting(items: int) -> Figures:
    from llm_composition_patterns import parallelize

    async def run(items: int) -> int:
        return len(await parallelize(step, range(items), max_concurrency=AT_ONCE, on_error="collect"))

    return fan_out(run, items)


def with_timeouts(items: int) -> Figures:
    from llm_composition_patterns import parallelize

    async def run(items: int) -> int:
        return len(await parallelize(step, range(items), max_concurrency=AT_ONCE, on_error="collect", timeout=60.0))

    return fan_out(run, items)


def suspending_steps(items: int) -> Figures:
    from llm_composition_patterns import parallelize

    async def run(items: int) -> int:
        return len(await parallelize(suspending, range(items), max_concurrency=AT_ONCE, on_error="collect"))

    return fan_out(run, items)


def streaming(items: int) -> Figures:
    """An ordered stream over inputs from a generator; `growth` is that of the peak over the peak of a small run."""
    from llm_composition_patterns import stream_outcomes

    async def run(items: int) -> float:
        began, seen = time.process_time(), 0
        async with stream_outcomes(step, _numbers(items), ordered=True, max_concurrency=AT_ONCE) as outcomes:
            async for outcome in outcomes:
                seen += outcome.index == seen
        if seen != items:
            raise RuntimeError(f"{seen} of {items} outcomes came in order")
        return time.process_time() - began

    asyncio.run(run(1_000))
    before = peak_memory()
    cpu = asyncio.run(run(items))
    after = peak_memory()
    return {"us": cpu / items * 1e6, "mb": after, "growth": after - before}


def _numbers(items: int) -> Iterator[int]:
    yield from range(items)
