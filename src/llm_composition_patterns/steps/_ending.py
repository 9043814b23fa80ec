"""Waiting for the end of a task that nobody needs any more."""

from __future__ import annotations

import asyncio
from typing import Any


async def ended(task: asyncio.Task[Any]) -> None:
    """Wait until a task has really ended, whatever it came to, and however often the caller is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            task.cancel()
    if not task.cancelled():
        task.exception()  # somebody has looked at it: it need not be reported as forgotten
    if cancelled is not None:
        raise cancelled
