"""Checks of what callers give, made before anything runs."""

from __future__ import annotations

import inspect


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
