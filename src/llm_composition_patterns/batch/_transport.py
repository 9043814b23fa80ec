"""The seam to where steps run, and the plain one: here, on this event loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from ..steps import not_async
from ._endings import NotAStep

Resource = Callable[[], AbstractAsyncContextManager[Any]]


class Written(str):
    """A result that is JSON already."""

    __slots__ = ()


class NotWritten(TypeError):
    """A result that cannot be recorded: so it would be with every other one."""


class Transport(Protocol):
    """Takes items to where their step runs; an async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def run(self, key: str, input: Any, /) -> Any:
        """What the step returns for an item; `Written` where that is JSON already.

        Raises:
            WorkerLost: The process that ran it died: it may have been paid.
            NotWritten: What it returned cannot be recorded.
            BaseException: What the step raised.
        """
        ...


class LocalTransport:
    """Runs the step here.

    Args:
        step: The step; with a resource, that is its first argument.
        resource: Gives the context manager whose value the step needs.
    """

    def __init__(self, step: Callable[..., Any], resource: Resource | None) -> None:
        self._step = step
        self._resource = resource
        self._held: tuple[Any, ...] = ()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self._resource is not None:
            self._held = (await self._stack.enter_async_context(self._resource()),)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def run(self, key: str, input: Any, /) -> Any:  # noqa: ARG002 - for those that take it elsewhere
        """What the step returns."""
        return await run_here(self._step, *self._held, input)


async def run_here(step: Callable[..., Any], *given: Any) -> Any:
    """What a step returns, on this event loop.

    Raises:
        NotAStep: It is not async.
    """
    made = step(*given)
    if not inspect.isawaitable(made):
        raise NotAStep(str(not_async(step, made)))
    return await made
