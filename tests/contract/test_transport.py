"""What HTTP does to a call, through both official SDKs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from llm_composition_patterns.errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited
from llm_composition_patterns.llm import ConnectedModel, _sdk, connect

ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(params=["groq", "openai"])
def through(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A model of each SDK over a server that answers in a given way."""

    @asynccontextmanager
    async def opened(answer: Answer, **settings: Any) -> AsyncIterator[ConnectedModel]:
        async with (
            server(answer) as url,
            connect(f"{request.param}:m", base_url=url, api_key="key-key", **{"attempts": 1, **settings}) as model,
        ):
            yield model

    return opened


def stream_of(*parts: bytes, breaks: bool = False, waits: float = 0.0) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        await asyncio.sleep(waits)
        if breaks:
            request.transport.close()
        return response

    return answer


def event(**choice: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


def whole(body: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")

    return answer


HALF = event(delta={"content": "hal"})
END = event(delta={}, finish_reason="stop")


async def test_a_stream_is_read(through):
    """Pieces, the time to the first of them, and the end."""
    pieces: list[str] = []
    async with through(stream_of(HALF, event(delta={"content": "lo"}), END, b"data: [DONE]\n\n")) as model:
        answer = await model.complete("hello", on_text=pieces.append)
    assert (pieces, answer.text) == (["hal", "lo"], "hallo")


async def test_the_last_event_needs_no_empty_line(through):
    """Some servers close the stream right behind it."""
    pieces: list[str] = []
    last = event(delta={"content": "lo"}, finish_reason="stop").rstrip()
    async with through(stream_of(HALF, last)) as model:
        answer = await model.complete("hello", on_text=pieces.append)
    assert (pieces, answer.text) == (["hal", "lo"], "hallo")


@pytest.mark.parametrize("breaks", [True, False], ids=["connection cut", "stream ended"])
async def test_a_stream_that_breaks_off_is_a_failure(through, breaks):
    """Half an answer is none."""
    async with through(stream_of(HALF, breaks=breaks)) as model:
        with pytest.raises(ModelUnavailable, match="dropped the connection"):
            await model.complete("hello", on_text=[].append)


async def test_a_stream_that_stalls_ends_at_the_timeout(through):
    """The timeout bounds the whole attempt."""
    async with through(stream_of(HALF, waits=30), timeout=0.3) as model:
        with pytest.raises(ModelTimeout):
            await model.complete("hello", on_text=[].append)


async def test_an_error_inside_a_stream_is_found(through):
    """With the class of its code."""
    error = b'data: {"error": {"message": "slow down", "code": 429}}\n\n'
    async with through(stream_of(error)) as model:
        with pytest.raises(RateLimited, match="slow down"):
            await model.complete("hello", on_text=[].append)


async def test_a_server_that_does_not_stream_is_understood(through):
    """Its whole answer is the answer."""
    async with through(whole(ANSWER)) as model:
        assert (await model.complete("hello", on_text=[].append)).text == "hi"


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("body", ["", "not json", "<html>", "null", "[]", '{"choices": null}', "[" * 100_000])
async def test_nonsense_is_a_failure_of_the_provider(through, body, streams):
    """Nothing but a ModelError comes of it."""
    settings: dict[str, Any] = {"on_text": [].append} if streams else {}
    async with through(whole(body)) as model:
        with pytest.raises(ModelError):
            await model.complete("hello", **settings)


@pytest.mark.parametrize("streams", [False, True])
async def test_headers_of_refusals_are_read(through, streams):
    """Retry-After reaches the error, whatever the case of its name."""
    settings: dict[str, Any] = {"on_text": [].append} if streams else {}
    async with through(whole({"error": {"message": "no"}}, 429, **{"Retry-After": "500"})) as model:
        with pytest.raises(RateLimited) as caught:
            await model.complete("hello", **settings)
    assert caught.value.retry_after == 500


async def test_the_sdk_itself_never_tries_again(through):
    """One attempt is one request."""
    requests = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.json_response({"error": {"message": "no"}}, status=500)

    async with through(answer) as model:
        with pytest.raises(ModelUnavailable):
            await model.complete("hello")
    assert requests == 1


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_answer_is_not_read_to_its_end(through, monkeypatch, status, kind):
    """Memory is kept; whole, streamed and as an error."""
    monkeypatch.setattr(_sdk, "MOST_BYTES", 2**20)
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(status=status, headers={"content-type": kind})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b" " * 2**16)
                written += 2**16
        return response

    async with through(endless, timeout=20) as model:
        for settings in ({}, {"on_text": [].append}):
            with pytest.raises(ModelUnavailable, match="answered with more than 1 MiB: that is no chat completion"):
                await model.complete("hello", **settings)
    assert written < 2**25


async def test_a_broken_body_is_a_lost_connection(through):
    """Fewer bytes than were promised."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "1000", "content-type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"choices"')
        request.transport.close()
        return response

    async with through(answer) as model:
        with pytest.raises(ModelUnavailable, match="dropped the connection") as caught:
            await model.complete("hello")
    assert caught.value.usage.unpriced == 1


@pytest.mark.parametrize(("provider", "path"), [("groq", "/openai/v1"), ("openai", "/v1")])
async def test_proxies_of_the_environment_are_used(monkeypatch, provider, path):
    """As the SDKs do as shipped."""
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.json_response(ANSWER)

    async with server(proxy) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with connect(f"{provider}:m", base_url="http://models.example/v1", api_key="k") as model:
            assert (await model.complete("hello")).text == "hi"
    assert asked == [f"http://models.example{path}/chat/completions"]
