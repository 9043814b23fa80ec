"""What a batch is known by, so that a store is never gone on with by another one."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from ..steps import made_of, step_name
from ._sqlite_file import Fingerprint


def fingerprint(name: str, version: str | None, output: Any) -> Fingerprint:
    """What decides the results of a batch: the step, its version, and the type that its results have."""
    return {"step": name, "version": version, "output": None if output is None else _type_name(output)}


def recorded_name(step: Callable[..., Any], given: str | None) -> str:
    """The name that a step is recorded by: the one given, else `module:qualname`.

    A leading `src.` is dropped, and a program that was started by `python -m` or by its path has its own name instead
    of `__main__`: however it is started, it is the same step.

    Raises:
        TypeError: It has no name of its own, or the one given is no text.
    """
    if given is not None:
        if not isinstance(given, str) or not given:
            raise TypeError(f"step_name must be a str that is not empty, not {given!r}")
        return given
    name = getattr(step, "__qualname__", "")
    plain = inspect.isfunction(step) and made_of(step) is None and not hasattr(step, "__wrapped__")
    if not plain or "<" in name:
        raise TypeError(
            f"{step_name(step)} has no name of its own to be recorded by: it is a lambda, a closure, a partial, a "
            "method, or wrapped. Give run_batch(..., step_name='translate'), the same one each time"
        )
    return f"{_module(step.__module__)}:{name}"


def is_whole(text: str) -> bool:
    """Whether a text can be written at all: a file name of another encoding has half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _module(name: str) -> str:
    if name == "__main__":
        main = sys.modules["__main__"]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        name = spec.name if spec is not None else Path(file).stem if file else name
    return name.removeprefix("src.")


def _type_name(output: Any) -> str:
    """A type as text that is the same in every process, whatever is said beside it in an `Annotated`."""
    origin, parts = get_origin(output), get_args(output)
    if origin is Annotated:
        return _type_name(parts[0])
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, parts))}]"
    if origin is not None:
        return f"{_type_name(origin)}[{', '.join(map(_type_name, parts))}]"
    if inspect.isclass(output):
        return f"{_module(output.__module__)}:{output.__qualname__}"
    return str(output)
