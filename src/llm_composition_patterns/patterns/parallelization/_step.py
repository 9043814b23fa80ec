"""Steps: what they are, what they are called, and what is no step."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

A = TypeVar("A")
B = TypeVar("B")

Step: TypeAlias = Callable[[A], Awaitable[B]]
"""Any async function of one input: what patterns and wrappers take and give back."""


def step_name(step: Callable[..., Any]) -> str:
    """What a step is called: its function's name, through partials; else its class's."""
    while isinstance(step, functools.partial):
        step = step.func
    name = getattr(step, "__name__", None) or type(step).__name__
    return "step" if name == "<lambda>" else str(name)


def refuse_what_is_no_step(step: object) -> None:
    """Raise TypeError, with the repair, for what cannot be called."""
    if inspect.iscoroutine(step):
        step.close()
        raise TypeError(f"step is a coroutine; pass the function itself, {step.__name__}, without calling it")
    if not callable(step):
        raise TypeError(f"step must be an async function of one input, not {type(step).__name__}")


def not_async(step: Callable[..., Any], result: object) -> TypeError:
    """The refusal of a step that gave no awaitable, with the repair."""
    name = step_name(step)
    if inspect.isasyncgen(result):
        return TypeError(f"{name} is an async generator: let it return one value, such as a list, not yield several")
    return TypeError(
        f"{name} is not async: it returned {type(result).__name__}, not an awaitable. Make it `async def`, or wrap it: "
        f"in_threads({name}) for a function that waits, in_processes({name}) for one that computes"
    )
