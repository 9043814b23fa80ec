"""`in_processes`: a plain function that computes, as a step.

`_pool` decides which worker computes which call, `_worker` holds one process and the socket to it, `_wire` is what goes
over that, and `_child` is the other end.
"""

from __future__ import annotations

import inspect
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ...tracing import listening
from .._checks import check_count, is_plain_function
from .._pooled import PooledStep
from . import _spans
from ._child import FAILED, Setup, packed
from ._pool import Pool
from ._wire import (
    Body,
    error_of,
    is_main_nowhere,
    packed_aside,
    refuse_while_main_is_imported,
    unpacked_aside,
    where_main_is,
)
from ._worker import ProcessWorker

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@overload
def in_processes(fn: Callable[P, T], *, workers: int | None = None) -> InProcesses[P, T]: ...
@overload
def in_processes(
    fn: Callable[Concatenate[R, P], T], *, workers: int | None = None, resource: Callable[[], R]
) -> InProcesses[P, T]: ...


def in_processes(
    fn: Callable[..., Any], *, workers: int | None = None, resource: Callable[[], Any] | None = None
) -> InProcesses[Any, Any]:
    """Make a step of a plain function that computes: one that keeps a core busy for milliseconds or longer.

    The function runs in a few processes of its own, one call at a time in each. A function that waits is cheaper in
    threads.

    ```python
    async with in_processes(check_candidate, workers=2) as check:
        verdicts = await parallelize(check, candidates, timeout=5)
    ```

    A call that waits for a free process does not count as running, for the timeout of a branch as for its outcome's
    `elapsed`: that is `queued`, as waiting for a permit is.
    Without `async with`, the processes start at the first call and end with the event loop.

    Cancelling a call, also by a timeout, frees its caller at once. A process that computes it is killed, with what it
    started, and replaced; its resource is not closed, and the spans that it has open are lost.

    Processes are started afresh, not forked: threads, gRPC and CUDA are safe in the program that starts them. So the
    function must be one that can be imported, and what it takes and gives must be what `pickle` can copy. A script must
    have its `if __name__ == "__main__":`, if the function or a class is defined in it. What is defined in a notebook
    is sent by cloudpickle, if that is installed. A context variable does not go along; the current span does.

    Args:
        fn: The function, from the top level of a module. With `resource`, the resource is its first argument.
        workers: How many processes there are; by default as many as there are cores for this program.
        resource: Builds what each process needs once (a converter, a model), before its first call. It is closed when
            the step is: through its own `with` protocol or its `close`, in the process that built it.

    Raises:
        TypeError: `fn` is async, no function, or none that another process could import; `workers` is no whole
            number, or `resource` cannot be called or sent. From a call: its arguments or its result cannot be sent.
        ValueError: `workers` is less than 1.
        WorkerLost: From a call, when the process that computed it died, or one after the other died while it started.
        Exception: From a call, what the function raised, or what building its resource did, with the traceback of the
            process as a note. One that cannot be sent comes as a RuntimeError that describes it.
        RuntimeError: From a call on another event loop than the one on which the processes were started, or if the
            module of the function cannot be imported in a process.
    """
    _refuse_what_cannot_run(fn)
    if resource is not None and not callable(resource):
        raise TypeError(f"resource must be a function that builds one for each process, not {type(resource).__name__}")
    processes = _cores() if workers is None else workers
    check_count("workers", processes, least=1)
    return InProcesses(fn, processes, resource)


def _refuse_what_cannot_run(fn: object) -> None:
    if inspect.iscoroutine(fn):
        fn.close()
    if not callable(fn):
        raise TypeError(
            f"in_processes takes a plain function, not {type(fn).__name__}; write in_processes(check), not check()"
        )
    if not is_plain_function(fn):
        name = getattr(fn, "__name__", type(fn).__name__)
        raise TypeError(
            f"{name} is async already, and a process would only make a coroutine: use it as a step as it is, or make "
            "what computes a plain `def` and wrap that"
        )


def _cores() -> int:
    """How many cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class InProcesses(PooledStep[Pool], Generic[P, T]):
    """A step that runs a plain function in worker processes; an async context manager that ends them."""

    def __init__(self, fn: Callable[..., T], workers: int, resource: Callable[[], Any] | None) -> None:
        super().__init__(fn, wrapped_by="in_processes")
        self._workers = workers
        self._main = where_main_is()
        self._by_value = is_main_nowhere()
        self._function = self._packed_function(fn, resource)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        pool = self._pool or await self._opened()
        spans = listening()
        trace = None if spans is None else _spans.trace_of(spans)
        with pool.expecting_a_call():  # the block may be left while a thread packs it
            call = await self._packed_call(trace, args, kwargs)
        kind, body, where = await pool.run(call)
        value: T
        error, value, ended = await self._read(kind, body, where)
        if spans is not None and ended:
            _spans.deliver(spans, ended)
        if error is None:
            return value
        try:
            raise error
        finally:
            del error  # its traceback leads to this frame

    def _packed_function(self, fn: Callable[..., T], resource: Callable[[], Any] | None) -> list[bytes]:
        try:
            return packed((fn, resource), by_value=self._by_value)
        except Exception as error:
            raise TypeError(
                f"{self.__name__} cannot be sent to a worker process: {error}. Define it, and what builds its "
                "resource, with `def` at the top level of a module"
            ) from error

    async def _packed_call(self, trace: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[bytes]:
        try:
            return await packed_aside((trace, args, kwargs), by_value=self._by_value)
        except Exception as error:
            raise TypeError(
                f"the arguments of {self.__name__} cannot be sent to a worker process: {error}. Give it plain data; "
                "what cannot be sent, such as a connection, `resource` can build there"
            ) from error

    async def _read(self, kind: int, body: Body, where: str) -> tuple[Exception | None, Any, list[Any]]:
        """The error or the value that came back, and the spans that came with it."""
        if kind == FAILED:
            error, spans = error_of(body, where)
            return error, None, spans
        try:
            value, spans = await unpacked_aside(body)
        except Exception as error:
            raise TypeError(
                f"the result of {self.__name__} cannot be read here: {type(error).__name__}: {error}"
            ) from error
        return None, value, spans

    def _open(self) -> Pool:
        refuse_while_main_is_imported()
        sys.modules.setdefault(
            "__mp_main__", sys.modules["__main__"]
        )  # what the workers call it, as multiprocessing does
        setup = Setup(
            path=[entry or os.getcwd() for entry in sys.path],  # noqa: PTH109 - a path as the import system has them
            arguments=sys.argv,
            main=self._main,
            package=__name__.rpartition(".")[0],
            function=b"".join(self._function),
            by_value=self._by_value,
        )
        pickled = pickle.dumps(setup)
        return Pool(self.__name__, self._workers, lambda pool: ProcessWorker(pool, self.__name__, pickled))
