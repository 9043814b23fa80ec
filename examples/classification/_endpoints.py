"""Several servers that have the same model, each with its own limiter.

Each limiter finds out what its server can do, so nobody has to say how the work is to be shared: a call goes where the
fewest are for each that may be in flight, and waits here, not there, once a server has about as many waiting as in
flight. A fast server takes more; one that is away takes single calls, which find out whether it is back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from llm_composition_patterns import ConnectedModel, ModelUnavailable

_SPARE: Final = 2
"""Calls at a server beyond twice its limit, so that some always wait there: by these its limiter sees that it binds."""

_REST: Final = 5.0
"""Seconds for which a server that failed a call is left alone where there are others."""


class Endpoints:
    """The servers.

    Args:
        models: The model at each of them, open.
    """

    def __init__(self, models: Sequence[ConnectedModel]) -> None:
        self.models = tuple(models)
        self._taken = dict.fromkeys(self.models, 0)
        self._rests_until = dict.fromkeys(self.models, 0.0)
        self._waiting: deque[asyncio.Future[ConnectedModel]] = deque()

    @asynccontextmanager
    async def nearest(self, *, besides: Collection[ConnectedModel] = ()) -> AsyncIterator[ConnectedModel]:
        """The model at the server whose turn it is.

        Args:
            besides: Where the call has failed already; it does not wait in line again.
        """
        model = self._taking(self._best(besides)) if besides else await self._turn()
        try:
            yield model
        except ModelUnavailable:
            self._rests_until[model] = asyncio.get_running_loop().time() + _REST
            raise
        finally:
            self._release(model)

    async def _turn(self) -> ConnectedModel:
        if not self._waiting and self._has_room(model := self._best()):
            return self._taking(model)
        future: asyncio.Future[ConnectedModel] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self._release(future.result())
            raise

    def _taking(self, model: ConnectedModel) -> ConnectedModel:
        self._taken[model] += 1
        return model

    def _release(self, model: ConnectedModel) -> None:
        self._taken[model] -= 1
        while self._waiting:
            if self._waiting[0].done():  # cancelled
                self._waiting.popleft()
            elif self._has_room(best := self._best()):
                self._waiting.popleft().set_result(self._taking(best))
            else:
                return

    def _best(self, besides: Collection[ConnectedModel] = ()) -> ConnectedModel:
        models = [model for model in self.models if model not in besides]
        there = [model for model in models if self._is_there(model)]
        return min(there or models, key=lambda model: (self._taken[model] + 1) / _limit(model))

    def _is_there(self, model: ConnectedModel) -> bool:
        now = model.statistics()
        fails = now is not None and now.outage_for is not None
        rests = asyncio.get_running_loop().time() < self._rests_until[model]
        return not rests and not (fails and self._taken[model])

    def _has_room(self, model: ConnectedModel) -> bool:
        """Whether a call is to wait there; where it is the only server always, for its limiter holds what must wait."""
        return len(self.models) == 1 or self._taken[model] < 2 * _limit(model) + _SPARE


def _limit(model: ConnectedModel) -> int:
    now = model.statistics()
    return 1 if now is None else max(1, now.limit)
