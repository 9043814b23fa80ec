"""`together`: different steps side by side (sectioning)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from ...outcome import Outcome
from ...steps import step_name
from ._parallelize import OnError, collected, values_of
from ._settings import Settings, given_or, stops_on_failure
from ._source import Source

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

NAME = "together"


class Common(TypedDict, total=False):
    """The settings that do not change the type of the result, for the overloads."""

    name: str | None
    names: Sequence[str] | None
    timeout: float | None


@overload
async def together(
    a: Awaitable[A], b: Awaitable[B], /, *, on_error: Literal["raise"] = "raise", **settings: Unpack[Common]
) -> tuple[A, B]: ...
@overload
async def together(
    a: Awaitable[A], b: Awaitable[B], /, *, on_error: Literal["collect"], **settings: Unpack[Common]
) -> tuple[Outcome[A], Outcome[B]]: ...
@overload
async def together(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    /,
    *,
    on_error: Literal["raise"] = "raise",
    **settings: Unpack[Common],
) -> tuple[A, B, C]: ...
@overload
async def together(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, on_error: Literal["collect"], **settings: Unpack[Common]
) -> tuple[Outcome[A], Outcome[B], Outcome[C]]: ...
@overload
async def together(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    d: Awaitable[D],
    /,
    *,
    on_error: Literal["raise"] = "raise",
    **settings: Unpack[Common],
) -> tuple[A, B, C, D]: ...
@overload
async def together(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    d: Awaitable[D],
    /,
    *,
    on_error: Literal["collect"],
    **settings: Unpack[Common],
) -> tuple[Outcome[A], Outcome[B], Outcome[C], Outcome[D]]: ...
@overload
async def together(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    d: Awaitable[D],
    e: Awaitable[E],
    /,
    *,
    on_error: Literal["raise"] = "raise",
    **settings: Unpack[Common],
) -> tuple[A, B, C, D, E]: ...
@overload
async def together(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    d: Awaitable[D],
    e: Awaitable[E],
    /,
    *,
    on_error: Literal["collect"],
    **settings: Unpack[Common],
) -> tuple[Outcome[A], Outcome[B], Outcome[C], Outcome[D], Outcome[E]]: ...
@overload
async def together(
    *sections: Awaitable[A], on_error: Literal["raise"] = "raise", **settings: Unpack[Common]
) -> tuple[A, ...]: ...
@overload
async def together(
    *sections: Awaitable[A], on_error: Literal["collect"], **settings: Unpack[Common]
) -> tuple[Outcome[A], ...]: ...


async def together(
    *sections: Awaitable[Any],
    name: str | None = None,
    names: Sequence[str] | None = None,
    on_error: OnError = "raise",
    timeout: float | None = None,
) -> tuple[Any, ...]:
    """Run different things side by side, each in a branch, and give back what they returned, in their order.

    ```python
    facts, tone = await together(check_facts(text), check_tone(text))
    ```

    When this returns or raises, none of them is running any more, Tasks and other futures among them included.

    Inside a branch, prefer this to `asyncio.gather`: while one section waits for a permit and another works, the branch
    is seen to work and its timeout runs on; of a plain `gather` only the waiting is seen.

    Args:
        sections: Coroutines or other awaitables; a coroutine starts when its branch does.
        name: What the fan-out is called in traces and messages; by default `together`.
        names: What the branches are called; by default each coroutine's own name.
        on_error: `"raise"` cancels the others at the first failure and raises it; `"collect"` gives back outcomes.
        timeout: Seconds that each one may run; waiting for permits does not count. A section waits while a call inside
            it waits for a permit and none inside it holds one.

    Raises:
        BaseException: With `"raise"`, what the first failing one raised, or `BranchTimeout`.
        TypeError: A section cannot be awaited: call the async function, `together(a(), b())`. Or a setting is of the
            wrong type.
        ValueError: There is not one of `names` for each section, or a setting is out of its range.
    """
    try:
        return await _run(sections, names, on_error, timeout, given_or(name, NAME))
    finally:
        await _end(sections)


async def _end(sections: Sequence[Awaitable[Any]]) -> None:
    """Leave nothing running: not every section was reached, and a Task runs whether somebody waits for it or not."""
    futures: set[asyncio.Future[Any]] = set()
    for section in sections:
        if inspect.iscoroutine(section):
            section.close()  # one that has ended does not mind; one that never started would be warned about
        elif asyncio.isfuture(section) and section.get_loop() is asyncio.get_running_loop():
            futures.add(section)
    cancelled: asyncio.CancelledError | None = None
    while running := {future for future in futures if not future.done()}:
        for future in running:
            future.cancel()
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
    for future in futures:
        if not future.cancelled():
            future.exception()  # somebody has looked at it: it need not be reported as forgotten
    if cancelled is not None:
        raise cancelled


async def _run(
    sections: Sequence[Awaitable[Any]],
    names: Sequence[str] | None,
    on_error: OnError,
    timeout: float | None,
    name: str,
) -> tuple[Any, ...]:
    called = _names(sections, names)
    # Branches start in the order of their inputs, so that each takes the section that its name stands for.
    waiting = iter(sections)
    settings = Settings(
        name=name,
        branch_name=str,
        max_concurrency=max(1, len(sections)),
        timeout=timeout,
        stop_on_failure=stops_on_failure(on_error),
    )
    outcomes = await collected(lambda _: next(waiting), Source(called), settings)
    return tuple(outcomes if on_error == "collect" else values_of(outcomes))


def _names(sections: Sequence[Awaitable[Any]], names: Sequence[str] | None) -> list[str]:
    for section in sections:
        if not inspect.isawaitable(section):
            raise TypeError(
                f"together takes awaitables, not {type(section).__name__}; call the async functions: together(a(), b())"
            )
    if names is None:
        return [step_name(section) for section in sections]  # type: ignore[arg-type]  # whatever has a name
    if isinstance(names, str):
        raise TypeError(f"names is one str, not one for each section; write names=[{names!r}, ...]")
    if len(names) != len(sections):
        raise ValueError(f"names has {len(names)} names for {len(sections)} sections; give one for each")
    return list(names)
