"""What steps with a pool of their own have in common: when it opens, and when it closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from ..virtual_time import VirtualTimeLoop
from ._step import step_name

_log = logging.getLogger("llm_composition_patterns")


class Pool(Protocol):
    """Something that runs calls until it is closed."""

    async def aclose(self) -> None:
        """End it."""
        ...


PoolT = TypeVar("PoolT", bound=Pool)


class PooledStep(Generic[PoolT]):
    """An async context manager that opens a pool; without `async with`, the first call does, until the loop ends."""

    def __init__(self, fn: Callable[..., Any], *, wrapped_by: str) -> None:
        self.__name__: str = step_name(fn)
        self.__doc__ = fn.__doc__
        self._wrapped_by = wrapped_by
        self._pool: PoolT | None = None
        self._closed = False
        self._until_loop_ends: AsyncIterator[None] | None = None

    def _open(self) -> PoolT:
        """Make the pool, for the running event loop."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._pool = self._pool or self._open()
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        await self._close()

    async def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _opened(self) -> PoolT:
        if self._pool is not None:
            return self._pool
        if self._closed:
            raise RuntimeError(
                f"{self.__name__} is closed: call it inside `async with`, or wrap it again with {self._wrapped_by}"
            )
        self._pool = pool = self._open()
        # asyncio closes the async generators of a loop that ends: this one closes the pool with it.
        self._until_loop_ends = self._close_at_the_end()
        await anext(self._until_loop_ends)
        return pool

    async def _close_at_the_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._close()


def on_loop(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: object) -> bool:
    """Call back on an event loop from a thread; False for a loop that is closed, which has nobody left to tell."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        _log.debug("a thread had something to say after its event loop was closed")
        return False
    return True


def outstanding(loop: asyncio.AbstractEventLoop) -> AbstractContextManager[None]:
    """Hold the clock of a virtual-time loop while a thread or a process is at work."""
    return loop.outstanding() if isinstance(loop, VirtualTimeLoop) else nullcontext()
