"""The canonical form of a value: one text for equal values, another one for any other.

Where JSON would confuse two values (a tuple and a list, a date and its text), the form names the type. What has no
form of its own is refused: a form that leaves something out would take two different inputs for the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID


def digest(*values: object) -> str:
    """A SHA-256 over the canonical form of these values, 64 hexadecimal digits.

    Raises:
        TypeError: A value has no canonical form.
    """
    try:
        text = _text([canonical(value) for value in values])
    except RecursionError:
        raise TypeError("a value that contains itself has no canonical form") from None
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """A value as lists, texts and numbers.

    Raises:
        TypeError: It has no canonical form.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if (form := _FORMS.get(kind)) is not None:
        return [kind.__name__, form(value)]
    return _form_of_class(value, kind)


def _form_of_class(value: Any, kind: Any) -> list[Any]:
    if isinstance(value, type):  # first: a dataclass is taken for one of its instances otherwise
        return ["class", _qualified(value)]
    if isinstance(value, Enum):
        return ["enum", _qualified(kind), value.name]
    if isinstance(value, PurePath):
        return ["path", str(value)]
    if dataclasses.is_dataclass(value):
        return ["dataclass", _qualified(kind), _fields(value, [field.name for field in dataclasses.fields(value)])]
    if hasattr(kind, "__pydantic_fields__"):
        extra = getattr(value, "__pydantic_extra__", None) or {}
        return ["model", _qualified(kind), _fields(value, [*kind.__pydantic_fields__, *extra])]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return ["namedtuple", _qualified(kind), _each(value)]
    raise TypeError(f"{_qualified(kind)} has no canonical form")


def _fields(value: Any, names: list[str]) -> list[Any]:
    return [[name, canonical(getattr(value, name))] for name in sorted(names)]


def _each(values: Any) -> list[Any]:
    return [canonical(value) for value in values]


def _in_order(values: Any) -> list[Any]:
    return sorted(_each(values), key=_text)


def _pairs(value: dict[Any, Any]) -> list[Any]:
    return _in_order(value.items())


def _text(form: Any) -> str:
    return json.dumps(form, separators=(",", ":"))


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_AS_THEY_ARE: Final = frozenset({str, int, float, bool, type(None)})

_FORMS: Final[dict[type, Callable[[Any], Any]]] = {
    list: _each,
    tuple: _each,
    dict: _pairs,
    set: _in_order,
    frozenset: _in_order,
    bytes: bytes.hex,
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: repr,
}
