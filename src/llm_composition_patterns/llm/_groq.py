"""Groq through its official SDK: its authentication and addressing; our parsing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import aiohttp
import groq
import httpx

from ._addresses import Address
from ._endpoint import Reply
from ._sdk import CONNECT_TIMEOUT, CONNECTIONS, KEEP_ALIVE, BoundedStream, holds_a_file, meaning, streamed, whole

_PATH = "/openai/v1/chat/completions"
_FAILURES = (groq.GroqError, httpx.HTTPError, httpx.StreamError, aiohttp.ClientError)


class GroqEndpoint:
    """Sends requests with `groq.AsyncGroq`."""

    def __init__(self, address: Address, *, timeout: float) -> None:
        times = httpx.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout))
        limits = httpx.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE
        )
        self.client = groq.AsyncGroq(
            api_key=address.api_key,
            base_url=address.base_url,
            timeout=times,
            max_retries=0,
            http_client=groq.DefaultAioHttpClient(timeout=times, limits=limits, event_hooks={"response": [_bound]}),
        )

    async def send(self, body: dict[str, Any], *, on_text: Callable[[str], None] | None = None) -> Reply:
        """Send `body`; see `Endpoint`."""
        try:
            if on_text is None:
                return whole(await self.client.post(_PATH, cast_to=httpx.Response, body=body))
            started = time.perf_counter()
            response = await self.client.post(
                _PATH, cast_to=httpx.Response, body=body, stream=True, stream_cls=groq.AsyncStream[Any]
            )
            return await streamed(cast("Any", response), on_text, started)
        except groq.APIStatusError as error:
            return whole(error.response)
        except _FAILURES as error:
            problem = meaning(error)
        raise problem


class _Bounded(BoundedStream, httpx.AsyncByteStream):
    """As this SDK's HTTP client wants it."""


async def _bound(response: httpx.Response) -> None:
    if not holds_a_file(response.request.url.path):
        response.stream = _Bounded(response.stream)
