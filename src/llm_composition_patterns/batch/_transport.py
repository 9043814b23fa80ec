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


class Transport(Protocol):
    """Takes items to where their step runs; an async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def run(self, key: str, input: Any, /) -> Any:
        """What the step returns for an item.

        Raises:
            WorkerLost: The process that ran it died: it may have been paid.
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
        made = self._step(*self._held, input)
        if not inspect.isawaitable(made):
            raise NotAStep(str(not_async(self._step, made)))
        return await made
