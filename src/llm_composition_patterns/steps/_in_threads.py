"""`in_threads`: a plain function that waits, as a step.

A few threads of our own take calls from one queue. Each builds its resource before its first call and closes it after
its last one, in the thread itself: connections and models often insist on that. The caller's context goes along, so
that spans opened inside hang under the branch. A thread cannot be stopped: a call whose caller is cancelled runs on,
its result is dropped, and the log says so.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from ..virtual_time import VirtualTimeLoop

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_log = logging.getLogger("llm_composition_patterns")


@overload
def in_threads(fn: Callable[P, T], *, workers: int | None = None) -> InThreads[P, T]: ...
@overload
def in_threads(
    fn: Callable[Concatenate[R, P], T], *, workers: int | None = None, resource: Callable[[], R]
) -> InThreads[P, T]: ...


def in_threads(
    fn: Callable[..., Any], *, workers: int | None = None, resource: Callable[[], Any] | None = None
) -> InThreads[Any, Any]:
    """Make a step of a plain function that waits: for a disk, a database, a client that is not async.

    The function runs in a few threads of its own, off the event loop. A function that computes gains nothing from
    threads.

    ```python
    async with in_threads(read_page, workers=8) as read:
        pages = await parallelize(read, paths)
    ```

    Without `async with`, the threads start at the first call and end with the event loop.

    Args:
        fn: The function. With `resource`, the resource is its first argument.
        workers: How many threads there are; by default as many as the standard library's pool would have.
        resource: Builds what each thread needs once (a connection, a model). It is closed when the step is: through
            its own `with` protocol or its `close`, in the thread that built it.
    """
    count = min(32, (os.cpu_count() or 1) + 4) if workers is None else workers
    if count < 1:
        raise ValueError(f"workers must be at least 1, not {count}")
    return InThreads(fn, count, resource)


class InThreads(Generic[P, T]):
    """A step that runs a plain function in threads; an async context manager that ends them."""

    def __init__(self, fn: Callable[..., T], workers: int, resource: Callable[[], Any] | None) -> None:
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.__doc__ = fn.__doc__
        self._fn = fn
        self._workers = workers
        self._resource = resource
        self._pool: _Pool | None = None
        self._until_loop_ends: AsyncIterator[None] | None = None

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        pool = self._pool or await self._opened()
        context = contextvars.copy_context()
        result: T = await pool.run(lambda held: context.run(self._fn, *held, *args, **kwargs), self.__name__)
        return result

    async def __aenter__(self) -> Self:
        self._pool = self._pool or _Pool(self._workers, self._resource)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _opened(self) -> _Pool:
        self._pool = pool = _Pool(self._workers, self._resource)
        # asyncio closes the async generators of a loop that ends: this one closes the pool with it.
        self._until_loop_ends = self._close_at_the_end()
        await anext(self._until_loop_ends)
        return pool

    async def _close_at_the_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.__aexit__(None, None, None)


class _Call:
    """One call on its way to a thread and back."""

    def __init__(self, work: Callable[[tuple[Any, ...]], Any], future: asyncio.Future[Any]) -> None:
        self._work = work
        self.future = future

    def run(self, held: tuple[Any, ...]) -> None:
        """Run in a thread, and report on the loop."""
        if self.future.cancelled():
            return
        try:
            result = self._work(held)
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            self.fail(error)
        else:
            on_loop(self.future.get_loop(), self._settle, self.future.set_result, result)

    def fail(self, error: BaseException) -> None:
        """Report an error on the loop."""
        if isinstance(error, StopIteration):
            stopped, error = error, RuntimeError("a function in a thread raised StopIteration; raise something else")
            error.__cause__ = stopped
        on_loop(self.future.get_loop(), self._settle, self.future.set_exception, error)

    def _settle(self, how: Callable[[Any], None], what: Any) -> None:
        if not self.future.done():
            how(what)


class _Pool:
    """Threads that take calls from one queue, for one event loop."""

    def __init__(self, workers: int, resource: Callable[[], Any] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._resource = resource
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._most = workers
        self._threads: list[_Thread] = []
        self._busy = 0

    async def run(self, work: Callable[[tuple[Any, ...]], Any], name: str) -> Any:
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError(f"{name} was opened on another event loop; wrap it again with in_threads on this one")
        call = _Call(work, self._loop.create_future())
        self._busy += 1
        if len(self._threads) < min(self._busy, self._most):
            self._threads.append(_Thread(f"{name} {len(self._threads)}", self._calls, self._resource, self._loop))
        self._calls.put(call)
        try:
            with outstanding(self._loop):
                return await call.future
        except asyncio.CancelledError:
            _log.warning("%s was cancelled, but a thread cannot be stopped: it runs on and its result is lost", name)
            raise
        finally:
            self._busy -= 1

    async def aclose(self) -> None:
        """Let the threads end after their calls, and wait for those that nobody has abandoned."""
        for _ in self._threads:
            self._calls.put(None)
        waited_for = [thread.ended for thread in self._threads if not thread.abandoned]
        if waited_for:
            with outstanding(self._loop):
                await asyncio.wait(waited_for)


class _Thread(threading.Thread):
    """Runs calls one after the other, with one resource."""

    def __init__(
        self,
        name: str,
        calls: SimpleQueue[_Call | None],
        resource: Callable[[], Any] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._calls = calls
        self._resource = resource
        self._held: tuple[Any, ...] | None = None
        self._call: _Call | None = None
        self._loop = loop
        self.ended: asyncio.Future[None] = loop.create_future()
        self.start()

    @property
    def abandoned(self) -> bool:
        """Whether the thread is at a call that nobody waits for any more."""
        call = self._call
        return call is not None and call.future.cancelled()

    def run(self) -> None:
        try:
            with ExitStack() as stack:
                while (call := self._calls.get()) is not None:
                    self._call = call
                    self._serve(call, stack)
                    self._call = call = None
        except Exception:  # noqa: BLE001 - nobody is left to raise it to
            _log.exception("the resource of a thread could not be closed")
        finally:
            on_loop(self._loop, self._end)

    def _serve(self, call: _Call, stack: ExitStack) -> None:
        try:
            if self._held is None:
                self._held = () if self._resource is None else (stack.enter_context(as_context(self._resource())),)
        except BaseException as error:  # noqa: BLE001 - each call is told that it has no resource
            call.fail(error)
        else:
            call.run(self._held)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def on_loop(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: object) -> None:
    """Call back on an event loop from a thread; a loop that is closed has nobody left to tell."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        _log.debug("a thread had something to say after its event loop was closed")


def as_context(resource: Any) -> AbstractContextManager[Any]:
    """A resource as a context manager: its own, or one that calls its `close` if it has one."""
    if hasattr(resource, "__enter__") and hasattr(resource, "__exit__"):
        return cast(AbstractContextManager[Any], resource)
    return closing(resource) if hasattr(resource, "close") else nullcontext(resource)


def outstanding(loop: asyncio.AbstractEventLoop) -> AbstractContextManager[None]:
    """Hold the clock of a virtual-time loop while a thread is at work."""
    return loop.outstanding() if isinstance(loop, VirtualTimeLoop) else nullcontext()
