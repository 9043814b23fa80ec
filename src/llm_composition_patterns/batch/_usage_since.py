"""What was used between two moments."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import Any

from ..usage import MONEY, NO_USAGE, Usage


def usage_since(before: Usage, now: Usage) -> Usage:
    """What was added to a usage that has become another one."""
    if now is before or now == before:
        return NO_USAGE
    parts = {
        model: usage_since(before.by_model.get(model, NO_USAGE), part)
        for model, part in now.by_model.items()
        if part != before.by_model.get(model)
    }
    numbers = {
        field.name: _less(getattr(now, field.name), getattr(before, field.name))
        for field in fields(Usage)
        if field.name != "by_model"
    }
    return Usage(**numbers, by_model=MappingProxyType(parts))


def _less(one: Any, other: Any) -> Any:
    return one - other if isinstance(one, int) else MONEY.subtract(one, other)
