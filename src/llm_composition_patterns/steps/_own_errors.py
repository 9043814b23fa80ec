"""One exception that is raised to several callers: each has its own, for notes are written on it."""

from __future__ import annotations

import copy


def own_error(error: BaseException) -> BaseException:
    """A copy of an exception, caused by it; the exception itself where it cannot be copied faithfully."""
    if not isinstance(error, Exception) or _has_slots(type(error)):
        return error
    try:
        own = copy.copy(error)
        if own is error or type(own) is not type(error) or not _same(own.args, error.args):
            return error
        own.__cause__ = error
        if notes := getattr(error, "__notes__", None):
            own.__notes__ = list(notes)
    except Exception:  # noqa: BLE001 - somebody else's class, which cannot be made of its arguments, or is frozen
        return error
    return own


def _same(args: tuple[object, ...], others: tuple[object, ...]) -> bool:
    return len(args) == len(others) and all(one is other for one, other in zip(args, others, strict=True))


def _has_slots(kind: type) -> bool:
    """Whether exceptions of a class hold something that a copy would lack."""
    return any(vars(one).get("__slots__") for one in kind.__mro__)
