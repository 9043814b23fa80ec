"""`in_threads`: a plain function that waits, as a step.

A few threads of our own take calls from one queue. Each builds its resource before its first call and closes it after
its last one, in the thread itself: connections and models often insist on that. The caller's context goes along, so
that spans opened inside hang under the branch.

A thread cannot be stopped: a call whose caller is cancelled runs on, its result is dropped, and the log says so. Its
thread may be gone for good, so it is not counted any more and another one may take its place; it comes back when the
call has ended after all, if there is room for it by then. A call that no thread has begun by then never runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from queue import SimpleQueue
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ._checks import check_count, is_plain_function
from ._made import Made, say_of
from ._pooled import PooledStep, on_loop, outstanding
from .processes._child import as_context

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

    A call that waits for a free thread counts as running for the timeout of a branch.
    Without `async with`, the threads start at the first call and end with the event loop.

    Cancelling a call frees its caller at once. A call that has begun runs on in its thread all the same, and another
    thread takes that one's place.

    Args:
        fn: The function. With `resource`, the resource is its first argument.
        workers: How many threads there are, those not counted that are at a call which nobody waits for any more; by
            default as many as the standard library's pool would have.
        resource: Builds what each thread needs once (a connection, a model). It is closed when the step is: through
            its own `with` protocol or its `close`, in the thread that built it.

    Raises:
        TypeError: `fn` is async or no function, `workers` is no whole number, or `resource` cannot be called.
        ValueError: `workers` is less than 1.
        BaseException: From each call, what the function raised, or what building its resource did.
        RuntimeError: From a call on another event loop than the one on which the threads were started.
    """
    _refuse_what_cannot_run(fn)
    if resource is not None and not callable(resource):
        raise TypeError(f"resource must be a function that builds one for each thread, not {type(resource).__name__}")
    threads = min(32, (os.cpu_count() or 1) + 4) if workers is None else workers
    check_count("workers", threads, least=1)
    return InThreads(fn, threads, resource)


def _refuse_what_cannot_run(fn: object) -> None:
    if inspect.iscoroutine(fn):
        fn.close()
    if not callable(fn):
        raise TypeError(
            f"in_threads takes a plain function, not {type(fn).__name__}; write in_threads(read), not read()"
        )
    if not is_plain_function(fn):
        raise _already_async(getattr(fn, "__name__", type(fn).__name__))


def _already_async(name: str) -> TypeError:
    return TypeError(
        f"{name} is async already, and a thread would only make a coroutine: use it as a step as it is, or make it a "
        "plain `def` if it blocks"
    )


class InThreads(PooledStep["_Pool"], Generic[P, T]):
    """A step that runs a plain function in threads; an async context manager that ends them."""

    def __init__(self, fn: Callable[..., T], workers: int, resource: Callable[[], Any] | None) -> None:
        super().__init__(fn, wrapped_by="in_threads")
        self._fn = fn
        self._workers = workers
        self._resource = resource
        built = () if resource is None else (resource,)
        say_of(self, Made(by="in_threads", steps=(fn,), helpers=built, same_arguments=not built))

    def _open(self) -> _Pool:
        return _Pool(self._workers, self._resource)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        pool = self._pool or await self._opened()
        context = contextvars.copy_context()
        result: T = await pool.run(lambda held: context.run(self._fn, *held, *args, **kwargs), self.__name__)
        if inspect.iscoroutine(result):
            result.close()
            raise _already_async(self.__name__)
        return result


class _Call:
    """One call on its way to a thread and back.

    Attributes:
        future: What its caller waits for.
        thread: The thread that has taken it, until it is through with it.
        started: Whether the function itself was called.
        given_up: Whether its caller waits no more.
    """

    def __init__(self, work: Callable[[tuple[Any, ...]], Any], future: asyncio.Future[Any]) -> None:
        self._work = work
        self.future = future
        self.thread: _Thread | None = None
        self.started = False
        self.given_up = False

    def run(self, held: tuple[Any, ...]) -> None:
        """Run in a thread, and report on the loop."""
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
    """Threads that take calls from one queue, for one event loop.

    The lock decides between a caller that gives up and the thread that takes, begins or ends its call.

    Attributes:
        loop: The event loop.
        calls: The queue; None in it ends a thread.
    """

    def __init__(self, workers: int, resource: Callable[[], Any] | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._resource = resource
        self._most = workers
        self._lock = threading.Lock()
        self._threads: list[_Thread] = []  # those that are not at a call which was given up
        self._numbers = count()
        self._waited_for = 0
        self._closing = False
        self._empty = asyncio.Event()

    async def run(self, work: Callable[[tuple[Any, ...]], Any], name: str) -> Any:
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError(f"{name} was opened on another event loop; wrap it again with in_threads on this one")
        call = _Call(work, self.loop.create_future())
        self._waited_for += 1
        try:
            self._find_thread(name)
            self.calls.put(call)
            with outstanding(self.loop):
                return await call.future
        except asyncio.CancelledError:
            if self._give_up(call):
                _log.warning("%s was cancelled, but a thread cannot be stopped: it runs on, its result is lost", name)
            raise
        finally:
            self._waited_for -= 1
            if call.given_up:
                self._replace_thread(name)

    def _find_thread(self, name: str) -> None:
        """Start a thread if none is idle and there may be another."""
        with self._lock:
            if len(self._threads) < min(self._waited_for, self._most):
                self._threads.append(_Thread(f"{name} {next(self._numbers)}", self, self._resource))

    def _replace_thread(self, name: str) -> None:
        """Start a thread for the calls that wait already, where one was given up with its call."""
        try:
            self._find_thread(name)
        except RuntimeError:  # nobody asked for it here; the next call tries again
            _log.exception("no thread could be started for the calls of %s that wait for one", name)

    def _give_up(self, call: _Call) -> bool:
        """Wait for a call no more; True if it runs on."""
        with self._lock:
            call.given_up = True
            if call.thread is None:
                return False
            self._count_no_more(call.thread)
            return call.started

    def left(self, thread: _Thread) -> None:
        """Count a thread no more that has ended."""
        with self._lock:
            self._count_no_more(thread)

    def _count_no_more(self, thread: _Thread) -> None:
        if thread in self._threads:
            self._threads.remove(thread)
        if not self._threads:
            self._empty.set()

    def take(self, call: _Call, thread: _Thread) -> bool:
        """Give a call to a thread; False if it was given up."""
        with self._lock:
            call.thread = None if call.given_up else thread
            return not call.given_up

    def begin(self, call: _Call) -> bool:
        """Note that the function is called now; False if the call was given up."""
        with self._lock:
            call.started = not call.given_up
            return call.started

    def take_back(self, thread: _Thread, call: _Call) -> bool:
        """Let a thread that is through with a call take another one; False if there are enough without it."""
        with self._lock:
            call.thread = None
            if call.given_up:
                if self._closing or len(self._threads) >= self._most:
                    return False
                self._threads.append(thread)
            return True

    async def aclose(self) -> None:
        """Let the threads end after their calls, and wait for those whose calls nobody has given up."""
        with self._lock:
            self._closing = True
            for _ in self._threads:
                self.calls.put(None)  # one that is given up leaves its own to the thread that takes its place
        with outstanding(self.loop):
            while self._threads:
                self._empty.clear()
                await self._empty.wait()
        while not self.calls.empty():
            if (call := self.calls.get_nowait()) is not None:
                call.fail(RuntimeError("the threads were closed before one could be started for this call"))


class _Thread(threading.Thread):
    """Runs calls one after the other, with one resource."""

    def __init__(self, name: str, pool: _Pool, resource: Callable[[], Any] | None) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self._resource = resource
        self._held: tuple[Any, ...] | None = None
        self.start()

    def run(self) -> None:
        try:
            with ExitStack() as stack:
                while self._serve_next(stack):
                    pass
        except Exception:  # noqa: BLE001 - nobody is left to raise it to
            _log.exception("the resource of a thread could not be closed")
        finally:
            on_loop(self._pool.loop, self._pool.left, self)

    def _serve_next(self, stack: ExitStack) -> bool:
        """Wait for a call and serve it; False when there is to be no other."""
        call = self._pool.calls.get()
        if call is None:
            return False
        if not self._pool.take(call, self):
            return True
        self._serve(call, stack)
        return self._pool.take_back(self, call)

    def _serve(self, call: _Call, stack: ExitStack) -> None:
        try:
            if self._held is None:
                self._held = () if self._resource is None else (stack.enter_context(as_context(self._resource())),)
        except BaseException as error:  # noqa: BLE001 - each call is told that it has no resource
            call.fail(error)
        else:
            if self._pool.begin(call):
                call.run(self._held)
