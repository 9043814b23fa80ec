"""The steps of every contestant."""

from __future__ import annotations

import asyncio

AT_ONCE = 100


async def step(item: int) -> int:
    return item


async def suspending(item: int) -> int:
    await asyncio.sleep(0)
    return item
