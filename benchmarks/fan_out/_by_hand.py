"""What a user would write by hand."""

from __future__ import annotations

import asyncio

from .._contest import Figures
from .._measure import fan_out
from ._step import AT_ONCE, step, suspending


def serial(items: int) -> Figures:
    async def run(items: int) -> int:
        return len([await step(item) for item in range(items)])

    return fan_out(run, items)


def gather(items: int) -> Figures:
    async def run(items: int) -> int:
        permits = asyncio.Semaphore(AT_ONCE)

        async def one(item: int) -> int:
            async with permits:
                return await step(item)

        return len(await asyncio.gather(*(one(item) for item in range(items))))

    return fan_out(run, items)


def gather_suspending(items: int) -> Figures:
    async def run(items: int) -> int:
        permits = asyncio.Semaphore(AT_ONCE)

        async def one(item: int) -> int:
            async with permits:
                return await suspending(item)

        return len(await asyncio.gather(*(one(item) for item in range(items))))

    return fan_out(run, items)


def task_group(items: int) -> Figures:
    async def run(items: int) -> int:
        permits = asyncio.Semaphore(AT_ONCE)

        async def one(item: int) -> int:
            async with permits:
                return await step(item)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in range(items)]
        return len([task.result() for task in tasks])

    return fan_out(run, items)
