"""What annotations say of a function's answer."""

from __future__ import annotations

import functools
import inspect
import typing
from collections import abc
from collections.abc import Callable
from typing import Any, Union, cast

from ._made import made_of

_AWAITABLE = frozenset({abc.Awaitable, abc.Coroutine})


def answer_type(function: Callable[..., Any]) -> Any:
    """The type that a function, plain or async, is annotated to answer; None where nothing can be said."""
    if made := made_of(function):
        return _any_of([answer_type(step) for step in made.steps])
    if inner := _looked_through(function):
        return answer_type(inner)
    answer = hints(function if inspect.isroutine(function) else type(function).__call__).get("return")
    if typing.get_origin(answer) in _AWAITABLE:  # of a plain function that gives an awaitable
        answer = typing.get_args(answer)[-1]
    return answer


def _looked_through(function: Any) -> Any:
    """What a partial, a method or a decorated function is one of; None for what is none of them."""
    if isinstance(function, functools.partial):
        return function.func
    if inspect.ismethod(function):
        return function.__func__
    return getattr(function, "__wrapped__", None)


def _any_of(answers: list[Any]) -> Any:
    """The union of the types of answers; None where nothing can be said of one of them."""
    if not answers or None in answers:
        return None
    try:
        return cast(Any, Union)[tuple(answers)]
    except TypeError:  # an annotation need not be a type
        return None


def hints(annotated: Any) -> dict[str, Any]:
    """The annotations of a function or a class, resolved as far as that can be."""
    try:
        return typing.get_type_hints(annotated)
    except Exception:  # noqa: BLE001 - annotations are somebody else's, and may name what is only there for checkers
        return {}
