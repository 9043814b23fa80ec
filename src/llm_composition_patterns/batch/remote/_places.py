"""Functions by their names, so that another process can import them."""

from __future__ import annotations

import base64
import inspect
import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ...steps import hints, step_name

_MAIN: Final = "__main__"


def place_of(role: str, function: Callable[..., Any]) -> str:
    """Where another process can import a function from, as `module:name`.

    Raises:
        TypeError: It cannot.
    """
    home = getattr(function, "__module__", None) or ""
    for module in dict.fromkeys((home, _MAIN)):
        name = _name_in(module, function)
        if name is not None and (importable := _importable(module)) is not None:
            return f"{importable}:{name}"
    raise TypeError(
        f"{role} {step_name(function)} cannot be imported by another process: under Ray it must be a function at the "
        "top level of a module or of a script file (no lambda, closure, partial, method, notebook cell). Move it there "
        "and pass it by its name"
    )


def function_at(place: str) -> Any:
    """The function at a place.

    Raises:
        ImportError: There is none here.
    """
    module, _, name = place.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ImportError(f"{module} has no {name} here: do all nodes have the same code?")
        found = getattr(found, part)
    return found


def input_type(step: Callable[..., Any], *, after_resource: bool) -> Any:
    """The type that a step's input is annotated with; None where nothing is said."""
    plain = inspect.unwrap(step)
    try:
        names = [*inspect.signature(plain).parameters]
    except (TypeError, ValueError):
        return None
    place = int(after_resource)
    return hints(plain).get(names[place]) if len(names) > place else None


def write_type(kind: Any) -> str | None:
    """A type as text for another process.

    Raises:
        TypeError: It cannot be imported there.
    """
    if kind is None:
        return None
    try:
        pickled = pickle.dumps(kind)
    except Exception as error:
        raise TypeError(f"output={kind!r} cannot be sent to other processes: define it in a module") from error
    if _MAIN.encode() in pickled:
        raise TypeError(f"output={kind!r} is defined in a script: move it to a module, or annotate the step with it")
    return base64.b64encode(pickled).decode()


def read_type(text: str | None) -> Any:
    """The type that was written, by the process that this one was started by."""
    return None if text is None else pickle.loads(base64.b64decode(text))  # noqa: S301 - it brought the step, too


def _name_in(module: str, function: Callable[..., Any]) -> str | None:
    """What a function is called in a module: its own name, or that of what a wrapper made of it."""
    within = sys.modules.get(module)
    if within is None:
        return None
    name = getattr(function, "__qualname__", "")
    if name and "<" not in name and _at(within, name) is function:
        return str(name)
    return next((name for name, value in [*vars(within).items()] if value is function), None)


def _at(within: Any, name: str) -> Any:
    for part in name.split("."):
        within = getattr(within, part, None)
    return within


def _importable(module: str) -> str | None:
    """The name under which another process can import a module; None where it cannot."""
    if module == _MAIN:
        main = sys.modules[_MAIN]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name if spec is not None else Path(file).stem if file else ""
    try:
        return module if module and find_spec(module) is not None else None
    except (ImportError, ValueError, AttributeError):
        return None
