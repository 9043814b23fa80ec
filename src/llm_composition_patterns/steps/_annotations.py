"""What annotations say of a function's answer."""

from __future__ import annotations

import functools
import inspect
import typing
from collections import abc
from collections.abc import Callable
from typing import Any

_AWAITABLE = frozenset({abc.Awaitable, abc.Coroutine})


def answer_type(function: Callable[..., Any]) -> Any:
    """The type that a function, plain or async, is annotated to answer; None where nothing can be said."""
    function, _ = innermost(function)
    answer = hints(function).get("return")
    if typing.get_origin(answer) in _AWAITABLE:  # of a plain function that gives an awaitable
        answer = typing.get_args(answer)[-1]
    return answer


def innermost(step: Callable[..., Any]) -> tuple[Any, list[Any]]:
    """The function that a step comes down to, and what the step brings to it.

    Partials bring arguments, methods and other things that can be called the object. Wrappers bring nothing.
    """
    brought: list[Any] = []
    while True:
        if isinstance(step, functools.partial):
            brought.append((step.args, step.keywords))
            step = step.func
        elif inspect.ismethod(step):
            brought.append(step.__self__)
            step = step.__func__
        elif hasattr(step, "__wrapped__"):
            step = step.__wrapped__
        elif inspect.isroutine(step) or inspect.isclass(step):
            return step, brought
        else:
            brought.append(step)
            return type(step).__call__, brought


def hints(annotated: Any) -> dict[str, Any]:
    """The annotations of a function or a class, resolved as far as that can be."""
    try:
        return typing.get_type_hints(annotated)
    except Exception:  # noqa: BLE001 - annotations are somebody else's, and may name what is only there for checkers
        return {}
