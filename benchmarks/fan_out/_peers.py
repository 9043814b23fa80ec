"""Libraries that a user would pick instead."""

from __future__ import annotations

from .._contest import Figures
from .._measure import fan_out
from ._step import AT_ONCE, step


def aiometer(items: int) -> Figures:
    import aiometer as library

    async def run(items: int) -> int:
        async with library.amap(step, range(items), max_at_once=AT_ONCE) as results:
            return len([result async for result in results])

    return fan_out(run, items)


def aiostream(items: int) -> Figures:
    from aiostream import stream

    async def run(items: int) -> int:
        results = await stream.list(stream.map(stream.iterate(range(items)), step, task_limit=AT_ONCE))
        return len(results)

    return fan_out(run, items)


def anyio(items: int) -> Figures:
    import anyio as library

    async def run(items: int) -> int:
        limiter = library.CapacityLimiter(AT_ONCE)
        results = [-1] * items

        async def one(item: int) -> None:
            async with limiter:
                results[item] = await step(item)

        async with library.create_task_group() as group:
            for item in range(items):
                group.start_soon(one, item)
        return len([result for result in results if result >= 0])

    return fan_out(run, items)


def langchain(items: int) -> Figures:
    from langchain_core.runnables import RunnableLambda

    async def run(items: int) -> int:
        return len(await RunnableLambda(step).abatch(list(range(items)), config={"max_concurrency": AT_ONCE}))

    return fan_out(run, items)
