"""`chain`: steps one after the other, each given what the one before it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from ...errors import GateRefused, add_note
from ...steps import (
    Step,
    answer_of,
    name_or,
    named,
    refuse_what_cannot_be_called,
    refuse_what_is_no_step,
    run_step,
    step_name,
)
from ...tracing import SpanHandle, names, span

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
Z = TypeVar("Z")


@overload
def chain(first: Step[A, B], second: Step[B, C], /, *, name: str | None = None) -> Step[A, C]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    /,
    *,
    name: str | None = None,
    otherwise: Callable[[GateRefused], Z],
) -> Step[A, C | Z]: ...
@overload
def chain(first: Step[A, B], second: Step[B, C], third: Step[C, D], /, *, name: str | None = None) -> Step[A, D]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    /,
    *,
    name: str | None = None,
    otherwise: Callable[[GateRefused], Z],
) -> Step[A, D | Z]: ...
@overload
def chain(
    first: Step[A, B], second: Step[B, C], third: Step[C, D], fourth: Step[D, E], /, *, name: str | None = None
) -> Step[A, E]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    fourth: Step[D, E],
    /,
    *,
    name: str | None = None,
    otherwise: Callable[[GateRefused], Z],
) -> Step[A, E | Z]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    fourth: Step[D, E],
    fifth: Step[E, F],
    /,
    *,
    name: str | None = None,
) -> Step[A, F]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    fourth: Step[D, E],
    fifth: Step[E, F],
    /,
    *,
    name: str | None = None,
    otherwise: Callable[[GateRefused], Z],
) -> Step[A, F | Z]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    fourth: Step[D, E],
    fifth: Step[E, F],
    sixth: Step[F, G],
    /,
    *,
    name: str | None = None,
) -> Step[A, G]: ...
@overload
def chain(
    first: Step[A, B],
    second: Step[B, C],
    third: Step[C, D],
    fourth: Step[D, E],
    fifth: Step[E, F],
    sixth: Step[F, G],
    /,
    *,
    name: str | None = None,
    otherwise: Callable[[GateRefused], Z],
) -> Step[A, G | Z]: ...
@overload
def chain(
    first: Step[A, Any],
    second: Step[Any, Any],
    third: Step[Any, Any],
    fourth: Step[Any, Any],
    fifth: Step[Any, Any],
    sixth: Step[Any, Any],
    seventh: Step[Any, Any],
    /,
    *more: Step[Any, Any],
    name: str | None = None,
    otherwise: Callable[[GateRefused], Any] | None = None,
) -> Step[A, Any]: ...


def chain(
    *steps: Step[Any, Any],
    name: str | None = None,
    otherwise: Callable[[GateRefused], Any] | None = None,
) -> Step[Any, Any]:
    """Make a step that runs `steps` one after the other, each given what the one before it made.

    It ends early when a gate refuses: with `otherwise`, its answer is the result; without, `GateRefused` is raised.
    Later steps do not run, and the chain's span says which step stopped it.

    ```python
    answer = chain(gate(is_about_us), look_up, reply, otherwise=lambda refused: "That is not for us to answer.")
    replies = await parallelize(answer, questions)
    ```

    Args:
        steps: Two or more async functions of one input.
        name: What the chain is called in traces and messages; by default `chain` and the first step's name.
        otherwise: A function of the `GateRefused`, plain or async, that answers in place of the rest of the chain. Type
            checkers know only of plain ones.

    Raises:
        BaseException: From each call, what a step raised; a note on it names the step.
        GateRefused: From each call, if a gate refused and there is no `otherwise`.
        TypeError: There are fewer than two steps, or one cannot be called; from a call, if a step is not async.
    """
    if len(steps) < 2:  # noqa: PLR2004 - one step is no chain
        raise TypeError(f"chain takes two steps or more, not {len(steps)}: chain(first, second)")
    for step in steps:
        refuse_what_is_no_step(step)
    if otherwise is not None:
        refuse_what_cannot_be_called("otherwise", otherwise, "a function of the GateRefused")
    called = name_or(name, f"chain {step_name(steps[0])}")

    async def run(input: Any) -> Any:
        with span(called, attributes={names.STEPS: [step_name(step) for step in steps]}, input=input) as written:
            try:
                value = await _run_each(steps, input, called, written)
            except GateRefused as refused:
                if otherwise is None:
                    raise
                value = await answer_of(otherwise, refused)
            written.output(value)
            return value

    return named(called, run)


async def _run_each(steps: tuple[Step[Any, Any], ...], value: Any, name: str, written: SpanHandle) -> Any:
    for step in steps:
        try:
            value = await run_step(step, value)
        except BaseException as error:
            add_note(error, f"in step {step_name(step)!r} of {name!r}")
            written.set({names.STOPPED_BY: step_name(step)})
            raise
    return value
