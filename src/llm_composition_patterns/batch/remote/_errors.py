"""Errors as plain data: what a step raised in another process is raised here as what it was, as far as it is known."""

from __future__ import annotations

import builtins
import sys
import traceback
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from ...errors import add_note
from ...tracing import without_keys
from ...usage import Usage
from .._endings import text_of
from .._usage_text import read_usage, write_usage

_PLAIN: Final = (str, int, float, bool, type(None))


def write_error(error: BaseException) -> dict[str, Any]:
    """An error as plain data: its classes, its text, what it carries that is plain, and where it was raised."""
    return {
        "classes": [_place(kind) for kind in type(error).__mro__ if issubclass(kind, BaseException)],
        "text": text_of(error),
        "args": list(error.args) if _is_carried(error.args) else None,
        "carries": {name: _carried(value) for name, value in vars(error).items() if _is_carried(value)},
        "notes": [str(note) for note in getattr(error, "__notes__", ())],
        "raised": _raised(error),
    }


def read_error(shown: dict[str, Any], where: str) -> BaseException:
    """The error that is shown, of the nearest of its classes that this process knows.

    Args:
        shown: What `write_error` gave.
        where: Where it was raised, for its note.
    """
    known = (kind for place in shown["classes"] if (kind := _class_at(place)) is not None)
    kind = next(known, Exception)
    text, name = shown["text"], shown["classes"][0].rpartition(".")[2].rpartition(":")[2]
    error = _made(kind, shown["args"], text) if kind.__name__ == name else _made(kind, None, f"{name}: {text}")
    for name, value in shown["carries"].items():
        with suppress(Exception):  # a class may guard its attributes
            setattr(error, name, _uncarried(value))
    for note in (*shown["notes"], f"raised in {where}:\n{shown['raised']}"):
        add_note(error, note)
    return error


def _place(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class_at(place: str) -> type[BaseException] | None:
    """A class of a module that is imported already: nothing is imported because somebody says so."""
    module, _, name = place.partition(":")
    found: Any = builtins if module == "builtins" else sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _made(kind: type[BaseException], given: list[Any] | None, text: str) -> BaseException:
    """An error of a class with a text, though its class may want to be made of something else."""
    for arguments in ([text] if given is None else given, [text]):
        for make in (kind, lambda *arguments: _bare(kind, arguments)):
            with suppress(Exception):
                error = make(*arguments)
                if text_of(error) == text:
                    return error
    return RuntimeError(f"{kind.__name__}: {text}")


def _bare(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    error = kind.__new__(kind)
    error.args = arguments
    return error


def _raised(error: BaseException) -> str:
    try:
        return without_keys("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001 - it may be one that cannot even be told
        return "(no traceback)"


def _is_carried(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, _PLAIN) for part in value)
    return isinstance(value, (*_PLAIN, Decimal, Usage))


def _carried(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, Usage):
        return {"usage": write_usage(value)}
    return list(value) if isinstance(value, tuple) else value


def _uncarried(value: Any) -> Any:
    match value:
        case {"decimal": text}:
            return Decimal(text)
        case {"usage": text}:
            return read_usage(text)
        case list():
            return tuple(value)
    return value
