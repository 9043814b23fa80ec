"""Keeping so many calls in flight, the same way for every client."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .._contest import Figures

PROMPT = "Translate into Spanish: Wooden chair. A comfortable chair of beech."
MODEL = "openai/gpt-oss-20b"
KEY = "benchmark"


async def at_once(call: Callable[[int], Awaitable[Any]], calls: int, in_flight: int) -> int:
    """Make so many calls, so many at once; the number of answers."""
    numbers, answers = iter(range(calls)), 0

    async def work() -> None:
        nonlocal answers
        for number in numbers:
            answered = bool(await call(number))
            answers += answered

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return answers


async def measured(run: Callable[[int], Awaitable[int]], calls: int, in_flight: int) -> Figures:
    """Calls a second and CPU time a call, once the connections are open."""
    await run(in_flight)
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    answers = await run(calls)
    spent, seconds = time.process_time() - cpu, time.perf_counter() - began
    if answers != calls:
        raise RuntimeError(f"{answers} of {calls} calls were answered")
    return {"rate": calls / seconds, "cpu": spent / calls * 1e3}
