"""`run_batch`: a step over many items, recorded, so that it may be killed at any moment and gone on with."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar, Unpack, overload

from ..patterns.parallelization import ShowProgress, refuse_what_is_no_source
from ..runs import Budget
from ..steps import JsonForm, Step, answer_type, check_count, check_seconds, name_or, refuse_what_cannot_be_called
from ._dispatcher import Dispatcher, RunSettings
from ._identity import fingerprint, recorded_name
from ._report import BatchReport
from ._sqlite_store import SqliteStore
from ._states import AGAIN
from ._transport import LocalTransport, Resource, Transport

_AT: Final = "ray:"

A = TypeVar("A")
R = TypeVar("R")


class _Settings(TypedDict, total=False):
    """The settings that do not depend on what the items are, for the overloads."""

    output: Any
    step_name: str | None
    version: str | None
    transport: str
    max_concurrency: int
    budget: Budget | None
    max_attempts: int
    retry: Collection[str]
    force: bool
    drain_timeout: float
    handle_signals: bool
    name: str | None
    progress: ShowProgress


# A Mapping is an iterable too, of its keys; the first overload that fits is the one that counts.
@overload
async def run_batch(
    step: Step[A, Any],
    items: Mapping[str, A],
    *,
    store: str | os.PathLike[str],
    key: None = None,
    resource: None = None,
    **settings: Unpack[_Settings],
) -> BatchReport: ...
@overload
async def run_batch(
    step: Step[A, Any],
    items: Iterable[A] | AsyncIterable[A],
    *,
    store: str | os.PathLike[str],
    key: Callable[[A], str],
    resource: None = None,
    **settings: Unpack[_Settings],
) -> BatchReport: ...
@overload
async def run_batch(
    step: Callable[[R, A], Awaitable[Any]],
    items: Mapping[str, A],
    *,
    store: str | os.PathLike[str],
    key: None = None,
    resource: Callable[[], AbstractAsyncContextManager[R]],
    **settings: Unpack[_Settings],
) -> BatchReport: ...
@overload
async def run_batch(
    step: Callable[[R, A], Awaitable[Any]],
    items: Iterable[A] | AsyncIterable[A],
    *,
    store: str | os.PathLike[str],
    key: Callable[[A], str],
    resource: Callable[[], AbstractAsyncContextManager[R]],
    **settings: Unpack[_Settings],
) -> BatchReport: ...


async def run_batch(  # noqa: PLR0913 - keyword-only settings
    step: Callable[..., Any],
    items: Iterable[Any] | AsyncIterable[Any] | Mapping[str, Any],
    *,
    store: str | os.PathLike[str],
    key: Callable[[Any], str] | None = None,
    resource: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
    output: Any = None,
    step_name: str | None = None,
    version: str | None = None,
    transport: str = "local",
    max_concurrency: int = 256,
    budget: Budget | None = None,
    max_attempts: int = 10,
    retry: Collection[str] = (),
    force: bool = False,
    drain_timeout: float = 30.0,
    handle_signals: bool = False,
    name: str | None = None,
    progress: ShowProgress = False,
) -> BatchReport:
    """Run a step over many items, and record what became of each in a file, so that nothing finished is done twice.

    ```python
    report = await run_batch(translate, papers, store="papers.db", key=lambda paper: paper.id)
    ```

    The process may be killed at any moment. The same call goes on where it was: what is finished is not executed again,
    what was in flight is, and may be paid twice; `report.possibly_repeated` names it. A batch that is finished makes no
    call. Trouble of a provider (a rate limit, an outage) leaves an item pending for the next run; a fault of its own
    (an invalid answer, a bug) makes it failed. What every item would fail with (a refused key, no credit) ends the run,
    and is raised.

    Items are pulled and results written as they come: memory does not grow with their number. Results are read back
    with `read_results`. What a step does in parts is recorded in parts with `once`.

    Args:
        step: An async function of one item; with `resource`, of the resource and an item.
        items: An iterable, an async iterable, or a Mapping, whose keys are then the items' keys.
        store: The file; its directory must exist. One run at a time may use it.
        key: A function that gives the text by which an item is known; needed unless `items` is a Mapping.
        resource: Gives an async context manager, opened once in each process that runs the step, whose value is the
            step's first argument.
        output: The type of the results, if the step's annotated return type does not say it. Without either, results
            must be plain JSON.
        step_name: What the step is recorded by; by default its module and name, so one without a name of its own (a
            lambda, a closure, a wrapped step) needs it.
        version: A text to be changed when results of before are no longer good.
        transport: Where the step runs: `"local"`, in this process; `"ray"`, in the processes of a Ray cluster on this
            machine; or `"ray:<address>"`, on the nodes of another one (`"ray:auto"` for that which this machine is
            part of). Under Ray step and resource must be functions that can be imported by their names, inputs travel
            as JSON, and limits and the budget are those of this process, for all.
        max_concurrency: How many items are executed at once.
        budget: What all runs together may spend.
        max_attempts: An item whose process died so many times while it ran is abandoned.
        retry: States, `"failed"` or `"abandoned"`, whose items are executed again.
        force: Go on with a store of another step, version or output, whose results are kept.
        drain_timeout: Seconds that what runs has to finish after Ctrl-C or SIGTERM.
        handle_signals: Let the first Ctrl-C or SIGTERM drain the run, and the second end it. Otherwise they do what
            they do in the rest of the program. Handlers of the program's own are put back afterwards, but for those
            that `loop.add_signal_handler` has set.
        name: What the run is called in traces and messages; by default `run_batch` and the step's name.
        progress: True for a progress bar in a notebook or if stderr is a terminal, or a function that is given a
            `Progress`.

    Returns:
        What became of the items of the store, and what this run did.

    Raises:
        BatchError: The store cannot be used, belongs to another batch, or is in use; or two items have one key.
        ModelError: What every item would fail with; what is finished is kept.
        BudgetExceeded: The budget pays for no more; what is finished is kept.
        TypeError: An argument is of the wrong type, or a result cannot be recorded.
        ValueError: An argument is out of its range.
        BaseException: What the source of the items raised.
    """
    refuse_what_cannot_be_called("step", step, "an async function of one item")
    recorded = recorded_name(step, step_name)
    short = recorded.rpartition(":")[2]
    _check_items(items, key)
    _check_settings(store, version, transport, retry, resource)
    if budget is not None and not isinstance(budget, Budget):
        raise TypeError(f"budget must be a Budget or None, not {budget!r}; write budget=Budget(usd=5.0)")
    check_count("max_attempts", max_attempts, least=1)
    check_count("max_concurrency", max_concurrency, least=1)
    check_seconds("drain_timeout", drain_timeout)
    settings = RunSettings(
        name=name_or(name, f"run_batch {short}"),
        branch_name=short,
        max_concurrency=max_concurrency,
        budget=budget,
        max_attempts=max_attempts,
        retry=tuple(state for state in AGAIN if state in retry),
        drain_timeout=drain_timeout,
        handle_signals=handle_signals,
        progress=progress,
    )
    kept = answer_type(step) if output is None else output
    runs_there = _transport(transport, step, resource, output, max_concurrency)
    opened = await SqliteStore.open(Path(store), fingerprint(recorded, version, output), force=force)
    try:
        async with runs_there as there:
            return await Dispatcher(opened, there, JsonForm(kept, of=short), settings).run(items, key)
    finally:
        await opened.aclose()


def _transport(
    transport: str, step: Callable[..., Any], resource: Resource | None, output: Any, max_concurrency: int
) -> Transport:
    if transport == "local":
        return LocalTransport(step, resource)
    from ._ray_transport import RayTransport  # noqa: PLC0415 - only when asked for

    address = transport.removeprefix(_AT) if transport.startswith(_AT) else None
    return RayTransport(step, resource, output, address=address or None, most=max_concurrency)


def _check_items(items: object, key: object) -> None:
    refuse_what_is_no_source(items)
    if isinstance(items, Mapping):
        if key is not None:
            raise TypeError("items is a Mapping, whose keys are the items' keys: leave out key=")
    elif key is None:
        raise TypeError("run_batch needs to know items by a key: give key=lambda item: item.id, or a Mapping of items")
    else:
        refuse_what_cannot_be_called("key", key, "a function of an item that gives a text")


def _check_settings(store: object, version: object, transport: object, retry: object, resource: object) -> None:
    if not isinstance(store, str | os.PathLike) or not str(store):
        raise TypeError(f"store must be the path of a file, not {store!r}")
    if version is not None and not isinstance(version, str):
        raise TypeError(f"version must be a str or None, not {version!r}")
    if not isinstance(transport, str) or (transport not in ("local", "ray") and not transport.startswith(_AT)):
        raise ValueError(f"transport must be 'local', 'ray' or 'ray:<address>', not {transport!r}")
    if isinstance(retry, str) or not isinstance(retry, Collection) or not set(retry) <= set(AGAIN):
        raise ValueError(f"retry must be some of {AGAIN}, such as ('failed',), not {retry!r}")
    if resource is not None:
        refuse_what_cannot_be_called("resource", resource, "a function that gives an async context manager")
