"""How values look on a span: as JSON, and whole afterwards."""

from __future__ import annotations

import json
import reprlib
from collections import deque
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import starmap
from operator import is_
from typing import Any

from pydantic_core import to_json

from ._keys import without_known_keys

_ATOMS = frozenset({str, int, float, bool, bytes, type(None)})
_SEVERAL = (list, tuple, set, frozenset, deque)


def as_json(value: object) -> str:
    """A value as JSON, without keys in use; what JSON has no form for, as its repr."""
    return without_known_keys(_as_json(value))


def _as_json(value: object) -> str:
    try:
        return to_json(_kept_whole(value), fallback=repr, serialize_unknown=True).decode()
    except RecursionError:
        return json.dumps(as_text(reprlib.repr, value))
    except Exception:  # noqa: BLE001 - somebody else's class, which must not fail for being traced
        return json.dumps(as_text(repr, value))


def as_text(form: Callable[[object], str], value: object) -> str:
    """`form(value)`, or what can be said of a value whose own form raises."""
    try:
        return form(value)
    except Exception:  # noqa: BLE001 - as above
        return f"<{type(value).__name__} that cannot be shown>"


def spelled(text: str) -> str:
    """The text without keys in use, and without the halves of characters that JSON can spell and UTF-8 cannot."""
    text = without_known_keys(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _kept_whole(value: object) -> Any:
    """The value, or a copy with a text for each iterator in it: writing an iterator would use it up."""
    kind: Any = type(value)
    return _keeper(kind)(value)


@lru_cache(maxsize=1024)
def _keeper(kind: type) -> Callable[[Any], Any]:
    """How values of a class are kept whole; asking a class what it is costs more than showing most values."""
    if hasattr(kind, "__next__"):
        return lambda value: as_text(repr, value)
    if issubclass(kind, _SEVERAL):
        return lambda value: _replaced(value) or value
    if issubclass(kind, dict):
        return lambda value: _with_fields(value, value)
    if hasattr(kind, "__dataclass_fields__"):
        names = tuple(kind.__dataclass_fields__)
        return lambda value: _with_fields(value, {name: getattr(value, name, None) for name in names})
    if hasattr(kind, "__pydantic_serializer__"):
        return lambda value: _with_fields(value, _fields_of_model(value))
    return lambda value: value


def _fields_of_model(model: Any) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(model, "__dict__", {})
    extra = getattr(model, "__pydantic_extra__", None)
    return {**fields, **extra} if extra else fields


def _with_fields(value: object, fields: dict[Any, Any]) -> Any:
    """The value, or its fields if one of them holds an iterator."""
    shown = _replaced(fields.values())
    return value if shown is None else dict(zip(fields, shown, strict=True))


def _replaced(parts: Collection[object]) -> list[Any] | None:
    """What is to be shown instead of these parts; None where it is the parts themselves."""
    if _ATOMS.issuperset(map(type, parts)):
        return None
    shown = [part if type(part) in _ATOMS else _kept_whole(part) for part in parts]
    return None if all(starmap(is_, zip(shown, parts, strict=True))) else shown
