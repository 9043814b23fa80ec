"""Which item of a worker the caller is inside of."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

current: Final[ContextVar[int | None]] = ContextVar("llm_composition_item", default=None)


def inside() -> int | None:
    """The number of the item around the caller; None outside of all."""
    return current.get()
