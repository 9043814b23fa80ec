"""What tells a step from every other one.

A step is taken apart, layer by layer: partials, methods, our own wrappers, at last functions. A function is told by
where its code is written, for decorators give it the name of the one inside; what it closes over shows nowhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ._canonical import digest
from ._made import Made, made_of
from ._step import step_name


class HiddenError(TypeError):
    """A step holds on to something that does not show."""


def identity(step: Callable[..., Any], *, bound: bool = False) -> Any:
    """Names and values, of which no two steps that may answer differently have the same.

    Args:
        step: The step.
        bound: Whether a key has all arguments of a call, those by default included.

    Raises:
        HiddenError: A part of the step cannot be told from others of its name.
    """
    if made := made_of(step):
        return _of_wrapper(step, made, bound=bound)
    if inspect.isfunction(step):
        return _of_function(step, bound=bound)
    if inspect.isroutine(step) and not inspect.ismethod(step):
        owner = getattr(step, "__self__", None)
        return [*names_of(step), None if inspect.ismodule(owner) else _shown(step, owner, "belongs to an object")]
    if inspect.isclass(step):
        return names_of(step)
    if isinstance(step, functools.partial):
        inner, held = step.func, _shown(step, (step.args, step.keywords), "is given an argument")
    else:
        owner = step.__self__ if inspect.ismethod(step) else step
        inner, held = _code_of(step), _shown(step, owner, "belongs to an object")
    # Only what can be read off a signature is bound, and those of wrappers say nothing.
    return [identity(inner, bound=bound and made_of(inner) is None), held]


def names_of(step: Any) -> list[Any]:
    """What a step and its layers are called; enough where a key of the caller's own tells the rest."""
    if isinstance(step, functools.partial):
        return names_of(step.func)
    if made := made_of(step):
        inner = [names_of(one) for one in made.steps or made.helpers]
        return inner[0] if made.by is None else [made.by, *inner]
    if inspect.isfunction(step):  # with the place where it is written: decorators take the name of the one inside
        return [step.__module__, step.__qualname__, step.__globals__.get("__name__"), step.__code__.co_qualname]
    if inspect.isclass(step) or (inspect.isroutine(step) and not inspect.ismethod(step)):
        return [getattr(step, "__module__", None), getattr(step, "__qualname__", step_name(step))]
    return [step_name(step), names_of(_code_of(step))]


def _of_wrapper(step: Any, made: Made, *, bound: bool) -> Any:
    inside = [identity(one, bound=bound and made.same_arguments and not place) for place, one in enumerate(made.steps)]
    if made.by is None:
        return inside[0]
    return [made.by, inside, [identity(one) for one in made.helpers], _shown(step, made.settings, "has a setting")]


def _of_function(step: Any, *, bound: bool) -> list[Any]:
    code, name = step.__code__, step_name(step)
    if "<lambda>" in code.co_qualname:
        raise HiddenError(f"{name} is a lambda, which has no name that tells it from others")
    if code.co_freevars:
        raise HiddenError(f"what {name} answers depends on {', '.join(code.co_freevars)}, which its name does not tell")
    defaults = None if bound else _shown(step, (step.__defaults__, step.__kwdefaults__), "has a default")
    return [*names_of(step), defaults]


def _code_of(step: Any) -> Any:
    """The function of a method, or of an object that can be called."""
    return step.__func__ if inspect.ismethod(step) else type(step).__call__


def _shown(step: Any, held: object, how: str) -> object:
    """What a layer brings, if it has a canonical form."""
    try:
        digest(held)
    except TypeError as error:
        raise HiddenError(f"{step_name(step)} {how}, and {error}") from None
    return held
