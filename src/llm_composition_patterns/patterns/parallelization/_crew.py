"""The runners of a fan-out: as many as there is work for, under one `asyncio.gather`.

How many inputs an unsized source has shows only when they come. So its fan-out starts with one runner, and as many
again start whenever all that there are have a branch that waits for something: 1, 2, 4 and so on up to the limit. The
gather over those that were there and the new ones takes the place of the one before.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

NEVER = sys.maxsize


class Crew:
    """Runners, which all run `work` in one context.

    Attributes:
        full_at: How many running branches mean that every runner has one and another is wanted.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], most: int, on_end: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._most = most
        self._on_end = on_end
        self._context = copy_context()
        self._runners: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[list[Any]] = asyncio.gather()
        self._stopped = False
        self.full_at = NEVER

    def run(self, function: Callable[[], Any]) -> Any:
        """Call a function in the runners' context, which none of them is in just now."""
        return self._context.run(function)

    def start(self, count: int) -> None:
        """Start so many runners."""
        before = len(self._runners)
        self.full_at = before + count if before + count < self._most else NEVER
        for _ in range(count):  # where tasks start eagerly, a runner may stop the fan-out right here
            self._runners.append(self._loop.create_task(self._work(), context=self._context))
        self._ended = asyncio.gather(self._ended, *self._runners[before:], return_exceptions=True)
        self._ended.add_done_callback(lambda _: self._on_end())

    def grow(self) -> None:
        """Start as many runners again as there are, up to the limit, in the next turn of the loop."""
        self.full_at = NEVER
        self._loop.call_soon(self._double)

    def _double(self) -> None:
        if not self._stopped:
            self.start(min(len(self._runners), self._most - len(self._runners)))

    def stop(self) -> None:
        """Start no more and cancel those that there are."""
        self._stopped = True
        for runner in self._runners:
            runner.cancel()

    def idle(self) -> bool:
        """Whether every runner has ended, though it may not have been noticed yet."""
        return all(runner.done() for runner in self._runners)

    def over(self) -> bool:
        """Whether no runner is left."""
        return self._ended.done()

    async def wait(self) -> None:
        """Wait for the runners that there are; being cancelled does not touch them."""
        await asyncio.shield(self._ended)
