"""Steps: what they are, what they are called, how they are called, and what is no step."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

from ._made import Made, say_of

A = TypeVar("A")
B = TypeVar("B")
P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])

Step: TypeAlias = Callable[[A], Awaitable[B]]
"""Any async function of one input: what patterns and wrappers take and give back."""


def step_name(step: Callable[..., Any]) -> str:
    """What a step is called: its function's name, through partials; else its class's."""
    while isinstance(step, functools.partial):
        step = step.func
    name = getattr(step, "__name__", None) or type(step).__name__
    return "step" if name == "<lambda>" else str(name)


def named(name: str, step: Step[A, B]) -> Step[A, B]:
    """The step that a pattern built, called `name` from now on."""
    step.__name__ = step.__qualname__ = name
    return step


def name_or(given: object, default: str) -> str:
    """The name that a caller gave to a pattern; the default for None."""
    if given is None:
        return default
    if not isinstance(given, str) or not given:
        raise TypeError(f"name must be a str that is not empty, or None for {default!r}; not {given!r}")
    return given


def refuse_what_is_no_step(step: object) -> None:
    """Raise TypeError, with the repair, for what cannot be called."""
    refuse_what_cannot_be_called("step", step, "an async function of one input")


def refuse_what_cannot_be_called(role: str, given: object, wanted: str) -> None:
    """Raise TypeError, with the repair, unless the function that plays a role can be called."""
    if inspect.iscoroutine(given):
        given.close()
        raise TypeError(f"{role} is a coroutine; pass the function itself, {given.__name__}, without calling it")
    if not callable(given):
        raise TypeError(f"{role} must be {wanted}, not {type(given).__name__}")


def not_async(step: Callable[..., Any], result: object) -> TypeError:
    """The refusal of a step that gave no awaitable, with the repair."""
    name = step_name(step)
    if inspect.isasyncgen(result):
        return TypeError(f"{name} is an async generator: let it return one value, such as a list, not yield several")
    return TypeError(
        f"{name} is not async: it returned {type(result).__name__}, not an awaitable. Make it `async def`, or wrap it: "
        f"in_threads({name}) for a function that waits, in_processes({name}) for one that computes"
    )


def wrapping(step: Callable[..., Any], wrapper: F, made: Made | None = None) -> F:
    """The wrapper of a step, called as the step is; without `made`, it answers whatever the step does."""
    functools.update_wrapper(wrapper, step, updated=())  # the attributes of a step that is an object stay its own
    wrapper.__name__ = step_name(step)
    say_of(wrapper, made or Made(steps=(step,)))
    return wrapper


async def run_step(step: Callable[P, Awaitable[B]], *given: P.args, **named: P.kwargs) -> B:
    """What an async function makes of what it is given; TypeError with the repair for one that is not async."""
    made = step(*given, **named)
    if not inspect.isawaitable(made):
        raise not_async(step, made)
    return await made


async def answer_of(function: Callable[..., B | Awaitable[B]], *given: Any) -> B:
    """What a function answers, which may be plain or async."""
    answer = function(*given)
    if inspect.isawaitable(answer):
        return await answer
    return answer
