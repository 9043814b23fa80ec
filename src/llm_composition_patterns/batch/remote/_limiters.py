"""The limiters that workers share: kept by the dispatcher, as `shared_limiter` keeps those of one process."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from itertools import count
from typing import Any

from ...limits import Limiter, recall, remember, shared_limiter


class Limiters:
    """Finds the limiter that a model in a worker wants, and remembers them at the end."""

    def __init__(self) -> None:
        self._own: dict[str, Limiter] = {}
        self._remembered: dict[str, Limiter] = {}
        self._known: dict[Limiter, int] = {}
        self._numbers = count()
        self._turn = asyncio.Lock()

    async def open(self, wanted: dict[str, Any], stack: ExitStack) -> Limiter:
        """The limiter that is wanted; leaving the stack takes the model's cap back."""
        if "own" in wanted:
            place = json.dumps(wanted["own"], sort_keys=True)
            if place not in self._own:
                given = {name: value for name, value in wanted["own"]["given"].items() if value is not None}
                self._own[place] = Limiter(**given)
            return self._own[place]
        memory: str | None = wanted["memory"]
        async with self._turn:
            new = memory is not None and memory not in self._remembered
            remembered = await asyncio.to_thread(recall, memory) if new and memory is not None else None
            limiter = stack.enter_context(shared_limiter(**wanted["shared"], remembered=remembered))
        self._known.setdefault(limiter, next(self._numbers))  # what it has learned outlives a worker
        if memory is not None:
            self._remembered[memory] = limiter
        return limiter

    async def aclose(self) -> None:
        """Remember what was learned, where anything was."""
        for memory, limiter in self._remembered.items():
            if limiter.accepted:
                await asyncio.to_thread(remember, memory, limiter.remembered())
