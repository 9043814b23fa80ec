"""HTTP around a simulated provider: routes, bodies, server-sent events.

Uses aiohttp's server without its router and middlewares: a path is looked up in a table, and what is left of a
request's cost is parsing and writing. Import this module only to serve; it is what needs aiohttp.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from aiohttp import web

from ._http_batches import BatchRoutes, Refused
from ._provider import ConnectionDropped, Reply, SimulatedProvider
from ._wire import ERRORS, error_body, model_body, models_body

MOST_BYTES = 4 * 2**20
"""A body of a whole context window, with room to spare."""

_SECONDS_FOR_A_BODY = 30.0
_SECONDS_TO_END = 0.05
_BACKLOG = 1024
_BASES = ("/v1", "/openai/v1", "")
_COMPLETIONS = frozenset(f"{base}/chat/completions" for base in _BASES)
_MODELS = tuple(f"{base}/models" for base in _BASES)
_SIMULATED = {"x-simulated": "true"}


@asynccontextmanager
async def listening_on(provider: SimulatedProvider, address: str, port: int) -> AsyncIterator[int]:
    """Serve `provider`; gives the port."""
    handler = _Handler(provider)
    server = web.Server(handler.handle, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=_SECONDS_TO_END)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, backlog=_BACKLOG).start()
        yield runner.addresses[0][1]
    finally:
        await handler.batches.aclose()
        await runner.cleanup()


class _Handler:
    def __init__(self, provider: SimulatedProvider) -> None:
        self._provider = provider
        self._keys = frozenset(provider.scenario.keys)
        self.batches: Final = BatchRoutes(provider.scenario)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if self._keys and not self._is_admitted(request):
            return _error("unauthorized")
        if path in _COMPLETIONS:
            return await self._complete(request) if request.method == "POST" else _error("method_not_allowed")
        for models in _MODELS:
            if path == models or path.startswith(f"{models}/"):
                return self._models(request, path.removeprefix(models).removeprefix("/"))
        for base in _BASES:
            if path.startswith((f"{base}/files", f"{base}/batches")):
                return await self._batch(request, path.removeprefix(base).removeprefix("/"))
        return _error("not_found", message=f"Unknown request URL: {request.method} {request.path}. (simulated)")

    def _is_admitted(self, request: web.BaseRequest) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and key.strip() in self._keys

    def _models(self, request: web.BaseRequest, name: str) -> web.Response:
        if request.method != "GET":
            return _error("method_not_allowed")
        known = self._provider.scenario.models
        if not name:
            return _json(200, models_body(known), _SIMULATED)
        return _error("unknown_model", model=name) if known and name not in known else _json(200, model_body(name), {})

    async def _batch(self, request: web.BaseRequest, path: str) -> web.Response:
        try:
            answer = await self.batches.handle(request, path)
        except Refused as refused:
            return _error(refused.kind, message=str(refused))
        if isinstance(answer, bytes):
            return web.Response(body=answer, headers=_SIMULATED, content_type="application/jsonl")
        return _json(200, answer, _SIMULATED)

    async def _complete(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            wire = json.loads(await _body(request))
        except (ValueError, RecursionError) as error:
            return _error("bad_request", message=f"the body is not JSON that can be read: {error}")
        try:
            reply = await self._provider.respond(wire)
        except ConnectionDropped:
            return _dropped(request)
        return _json(reply.status, reply.body, reply.headers) if reply.chunks is None else await _stream(request, reply)


async def _body(request: web.BaseRequest) -> bytes:
    """The whole body.

    Raises:
        ValueError: It is too large, or does not come.
    """
    if (request.content_length or 0) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            async for part in request.content.iter_any():
                body += part
                if len(body) > MOST_BYTES:
                    raise ValueError(f"it has more than {MOST_BYTES} bytes")
    except TimeoutError as error:
        raise ValueError(f"it did not come within {_SECONDS_FOR_A_BODY:g} s") from error
    return bytes(body)


async def _stream(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    headers = {**reply.headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    response = web.StreamResponse(status=reply.status, headers=headers)
    chunks: Any = reply.chunks
    async with aclosing(chunks):
        await response.prepare(request)  # the client may be gone by now
        async for chunk in chunks:
            await response.write(b"data: " + _encoded(chunk) + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # goes nowhere: the connection is gone


def _error(kind: str, **details: Any) -> web.Response:
    return _json(ERRORS[kind].status, error_body(kind, **details), _SIMULATED)


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=_encoded(body), headers=headers, content_type="application/json")


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")
