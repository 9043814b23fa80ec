"""The simulated provider in this process, as an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, cast

from ..simulation import Scenario, SimulatedProvider
from ._endpoint import Reply
from ._streams import StreamedAnswer


class SimulatedEndpoint:
    """Gives requests to a `SimulatedProvider`: its own, or one that others call too."""

    def __init__(self, scenario: Scenario | None = None, *, provider: SimulatedProvider | None = None) -> None:
        self.provider: SimulatedProvider = provider or SimulatedProvider(scenario)

    async def send(self, body: dict[str, Any], *, on_text: Callable[[str], None] | None = None) -> Reply:
        """Send `body`; see `Endpoint`."""
        reply = await self.provider.respond(body)
        if reply.chunks is None or on_text is None:
            return Reply(reply.status, reply.headers, reply.body)
        clock = asyncio.get_running_loop().time
        answer, started, first = StreamedAnswer(), clock(), None
        async with aclosing(cast("AsyncGenerator[dict[str, Any]]", reply.chunks)) as chunks:
            async for chunk in chunks:
                for piece in answer.take(chunk):
                    first = first if first is not None else clock() - started
                    on_text(piece)
        return Reply(reply.status, reply.headers, answer.body(), first)
