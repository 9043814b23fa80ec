"""Checks of what callers give, made before anything runs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from numbers import Real
from typing import Final

MISTAKES: Final = (TypeError, AttributeError, NameError, AssertionError, ImportError, SyntaxError)
"""Errors that tell of a mistake in the program: no other call, and no other step, is an answer to them."""


def is_plain_function(given: object) -> bool:
    """Whether something can be called for its result; what an async function gives is none yet."""
    if not callable(given):
        return False
    return not (inspect.iscoroutinefunction(given) or inspect.iscoroutinefunction(given.__call__))


def check_count(name: str, value: object, *, least: int) -> None:
    """Raise unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def check_seconds(name: str, value: object, *, or_none: bool = False, or_zero: bool = False) -> None:
    """Raise unless `value` is a positive number of seconds, or one of the exceptions."""
    if value is None and or_none:
        return
    or_else = ", or None for no limit" if or_none else ""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number of seconds{or_else}; not {value!r}")
    if not (0 < float(value) < math.inf or (or_zero and value == 0)):
        wanted = "a number of seconds from 0 on" if or_zero else "a positive number of seconds"
        raise ValueError(f"{name} must be {wanted}{or_else}; not {value!r}")


def check_errors(on: object, *, verb: str, never: Mapping[type[Exception], str]) -> tuple[type[Exception], ...]:
    """The exception classes that a wrapper acts on, as a tuple; raise for what is none, or must not be acted on.

    Args:
        on: A class of exceptions, or a tuple of such.
        verb: What the wrapper would do, for messages.
        never: Classes that must not be named, their subclasses included, and why.
    """
    classes = on if isinstance(on, tuple) else (on,)
    if not classes:
        raise ValueError(f"on is empty; name the exceptions to {verb}")
    for one in classes:
        if not isinstance(one, type) or not issubclass(one, Exception):
            raise TypeError(
                f"on must be a class of exceptions to {verb}, or a tuple of such, below Exception; not {one!r}"
            )
        if (why := next((why for refused, why in never.items() if issubclass(one, refused)), None)) is not None:
            raise ValueError(f"on must not name {one.__name__}: {why}")
    return classes
