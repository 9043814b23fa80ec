"""Usage as text in a store."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from ..usage import NO_USAGE, Usage

_NUMBERS: Final = tuple(field.name for field in fields(Usage) if field.name != "by_model")
_MONEY: Final = frozenset({"known_cost", "estimated_cost"})


def write_usage(usage: Usage) -> str | None:
    """A usage as JSON; None where nothing was used."""
    return None if usage is NO_USAGE or usage == NO_USAGE else json.dumps(_shown(usage), separators=(",", ":"))


def read_usage(text: str | None) -> Usage:
    """The usage that a text stands for."""
    return NO_USAGE if text is None else _read(json.loads(text))


def _shown(usage: Usage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: str(value) if name in _MONEY else value for name in _NUMBERS if (value := getattr(usage, name))
    }
    if usage.by_model:
        shown["by_model"] = {model: _shown(part) for model, part in usage.by_model.items()}
    return shown


def _read(shown: dict[str, Any]) -> Usage:
    parts = {model: _read(part) for model, part in shown.get("by_model", {}).items()}
    numbers: dict[str, Any] = {
        name: Decimal(shown[name]) if name in _MONEY else shown[name] for name in _NUMBERS if name in shown
    }
    return Usage(**numbers, by_model=MappingProxyType(parts))
