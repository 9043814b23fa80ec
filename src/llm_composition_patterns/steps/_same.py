"""Whether a value that was written and read again is the one that it was, type by type, all the way down.

`==` is not enough: it takes True for 1, and a label for its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from ._canonical import canonical


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types throughout; an int may stand for a float."""
    if not (_alike(type(one), type(other)) and bool(one == other)):
        return False
    try:
        return _same_parts(canonical(one), canonical(other))
    except TypeError:
        return _same_parts(one, other)


def _same_parts(one: Any, other: Any) -> bool:
    """Whether equal values have parts of the same types, as far as their parts can be seen."""
    if not _alike(type(one), type(other)):
        return False
    if isinstance(one, Mapping):
        return _same_parts(list(one.values()), [other[key] for key in one]) and _same_members(one.keys(), other.keys())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same_parts, one, other))
    if isinstance(one, AbstractSet):
        return _same_members(one, other)
    if held := getattr(one, "__dict__", None):
        return _same_parts(held, other.__dict__)
    return bool(one == other)


def _same_members(one: AbstractSet[Any], other: AbstractSet[Any]) -> bool:
    own = {member: member for member in other}
    return all(member in own and _same_parts(member, own[member]) for member in one)


def _alike(one: type, other: type) -> bool:
    """Whether values of two types may be the same value: an int is a float to type checkers."""
    return one is other or {one, other} == {int, float}
