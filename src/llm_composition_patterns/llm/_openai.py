"""Every OpenAI-compatible endpoint through the official SDK: its authentication and addressing; our parsing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, cast

import aiohttp
import httpx2
import openai

from ..errors import UnknownModel
from ._addresses import Address
from ._endpoint import AnswerTooLong, Reply
from ._provider_errors import error_of, unreachable
from ._sdk import CONNECT_TIMEOUT, CONNECTIONS, KEEP_ALIVE, BoundedStream, holds_a_file, meaning, streamed, whole

_PATH = "/chat/completions"
_FAILURES = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError)
_PRIVATE = ("OpenAI-Organization", "OpenAI-Project")


class OpenAIEndpoint:
    """Sends requests with `openai.AsyncOpenAI`."""

    def __init__(self, address: Address, *, timeout: float) -> None:
        times = httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout))
        limits = httpx2.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE
        )
        self.client = openai.AsyncOpenAI(
            api_key=address.api_key,
            base_url=address.base_url,
            timeout=times,
            max_retries=0,
            default_headers=None if _is_openai(address) else _blanked(address.api_key),
            http_client=openai.DefaultAioHttpClient(timeout=times, limits=limits, event_hooks={"response": [_bound]}),
        )

    async def send(self, body: dict[str, Any], *, on_text: Callable[[str], None] | None = None) -> Reply:
        """Send `body`; see `Endpoint`."""
        try:
            if on_text is None:
                return whole(await self.client.post(_PATH, cast_to=httpx2.Response, body=body))
            started = time.perf_counter()
            response = await self.client.post(
                _PATH, cast_to=httpx2.Response, body=body, stream=True, stream_cls=openai.AsyncStream[Any]
            )
            return await streamed(cast("Any", response), on_text, started)
        except openai.APIStatusError as error:
            return whole(error.response)
        except _FAILURES as error:
            problem = meaning(error)
        raise problem

    async def first_model(self, address: Address) -> str:
        """The first model that the server lists.

        Raises:
            ModelError: It cannot be asked, or lists none.
        """
        try:
            reply = whole(await self.client.get("/models", cast_to=httpx2.Response))
        except openai.APIStatusError as error:
            reply = whole(error.response)
        except (*_FAILURES, AnswerTooLong) as error:
            problem = unreachable(meaning(error), address)
            raise problem from None
        if (failed := error_of(reply, address)) is not None:
            raise failed
        return _first_id(reply.body, address)


def _first_id(body: Any, address: Address) -> str:
    listed = body.get("data") if isinstance(body, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"]:
            found: str = entry["id"]
            return found
    mend = "Fetch one, such as `ollama pull gpt-oss:20b`" if address.provider.name == "ollama" else "Load one"
    raise UnknownModel(f"{address.provider.name} has no model to use. {mend}, or name one", model=address.name)


def _is_openai(address: Address) -> bool:
    return address.provider.name == "openai" and address.own_endpoint


def _blanked(key: str | None) -> dict[str, Any]:
    """Headers without what the SDK would send to any server it is given, and is none of that server's business."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    of_environment = [line.partition(":")[0].strip() for line in lines if ":" in line]
    without = [name for name in (*_PRIVATE, *of_environment) if name.lower() != "authorization"]
    return {"Authorization": f"Bearer {key}", **{name: openai.Omit() for name in without}}


class _Bounded(BoundedStream, httpx2.AsyncByteStream):
    """As this SDK's HTTP client wants it."""


async def _bound(response: httpx2.Response) -> None:
    if not holds_a_file(response.request.url.path):
        response.stream = _Bounded(response.stream)
