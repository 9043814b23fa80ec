"""Where limiters come from when they are not kept in this process, as in a worker of a batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from ._limiter import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The limiter that a model wants, as `shared_limiter` has it.

    Attributes:
        own: The one that the user gave instead.
        memory: Under which name it is remembered between runs; None where it is not.
    """

    endpoint: Hashable
    model: str
    fingerprint: str | None
    own: Limiter | None
    cap: int | None
    start: int
    local: bool
    memory: str | None


LimiterSource: TypeAlias = Callable[[Wanted, AsyncExitStack], Awaitable[Limiter]]
"""Gives a limiter, and lets go of it when the stack is closed."""

limiter_source: ContextVar[LimiterSource | None] = ContextVar("llm_composition_limiter_source", default=None)
"""Where models that are opened take their limiters from; None for this process."""
