"""`together`: different steps side by side (sectioning)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from ...outcome import Outcome
from ._parallelize import OnError, collected, values_of
from ._settings import Settings, stops_on_failure
from ._source import Source
from ._step import step_name

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

    When this returns or raises, none of them is running any more.

    Args:
        sections: Coroutines or other awaitables; a coroutine starts when its branch does.
        name: What the fan-out is called in traces and messages; by default `together`.
        names: What the branches are called; by default each coroutine's own name.
        on_error: `"raise"` cancels the others at the first failure and raises it; `"collect"` gives back outcomes.
        timeout: Seconds that each one may run; waiting for permits does not count.

    Raises:
        BaseException: With `"raise"`, what the first failing one raised, or `BranchTimeout`.
        TypeError: A section cannot be awaited: call the async function, `together(a(), b())`.
        ValueError: There is not one of `names` for each section.
    """
    try:
        return await _run(sections, names, on_error, timeout, name or NAME)
    finally:
        for section in sections:
            if inspect.iscoroutine(section):
                section.close()  # one that has ended does not mind; one that never started would be warned about


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
