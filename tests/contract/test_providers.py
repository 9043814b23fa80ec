"""One row for every provider: where its requests go, with which key, and what they do not carry."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import groq
import openai
import pytest
from aiohttp import web

from llm_composition_patterns.errors import ModelUnavailable, UnknownModel
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.llm import PROVIDERS, connect

PRIVATE = {
    "OPENAI_API_KEY": "sk-private-openai",
    "OPENAI_ORG_ID": "org-private",
    "OPENAI_PROJECT_ID": "proj-private",
    "OPENAI_ADMIN_KEY": "admin-private",
    "OPENAI_CUSTOM_HEADERS": "X-House: house-private\nAuthorization: Bearer header-private",
}
ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}


class Recorder:
    """A server that keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.models = ["first-model", "second-model"]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Keep the request and answer it."""
        self.paths.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": name} for name in self.models]})
        self.bodies.append(json.loads(await request.text()))
        return web.json_response(ANSWER)


@asynccontextmanager
async def serving(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    async with serving(recorder.answer) as recorder.url:
        yield recorder


@pytest.fixture(autouse=True)
def private_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must not travel to anybody else."""
    for name, value in PRIVATE.items():
        monkeypatch.setenv(name, value)


ROWS = [
    # provider, suffix of its base URL, path that is called, key that travels, model that is used
    ("groq", "", "/openai/v1/chat/completions", "key", "openai/gpt-oss-20b"),
    ("openrouter", "/api/v1", "/api/v1/chat/completions", "key", "openai/gpt-oss-20b"),
    ("openai", "/v1", "/v1/chat/completions", "key", "gpt-6-luna"),
    ("ollama", "", "/v1/chat/completions", "key", "first-model"),
    ("vllm", "", "/v1/chat/completions", "key", "first-model"),
    ("lmstudio", "/v1", "/v1/chat/completions", "key", "first-model"),
    ("llamacpp", "/v1/", "/v1/chat/completions", "key", "first-model"),
]


def test_every_provider_has_its_row():
    """A new provider is a row there and a row here."""
    assert [row[0] for row in ROWS] == [name for name in PROVIDERS if name != "simulated"]


@pytest.mark.parametrize(("row", "client"), [("groq", groq.AsyncGroq), ("openai", openai.AsyncOpenAI)])
def test_the_address_of_a_row_is_that_of_its_sdk(row, client):
    """The row repeats what the SDK would call by itself."""
    assert str(client(api_key="k").base_url).rstrip("/") == PROVIDERS[row].base_url


@pytest.mark.parametrize(("provider", "suffix", "path", "key", "model"), ROWS)
async def test_a_request_goes_where_it_should(provider, suffix, path, key, model):
    """To its own path, with the key that was given, for the default model; nothing private of OpenAI's with it."""
    async with recording() as server, connect(f"{provider}:", base_url=server.url + suffix, api_key=key) as opened:
        answer = await opened.complete("hello")
        await opened.complete("hello")
    assert server.paths[-1] == path
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {key}"}
    assert [body["model"] for body in server.bodies] == [model, model]
    assert answer.model == opened.name == f"{provider}:{model}"
    assert "private" not in json.dumps(server.headers)


@pytest.mark.parametrize("provider", ["ollama", "vllm", "lmstudio", "llamacpp", "openai"])
async def test_a_server_without_a_key_gets_a_dummy(provider):
    """Never the key of OpenAI, whatever the environment holds."""
    async with recording() as server, connect(f"{provider}:m", base_url=f"{server.url}/v1") as model:
        await model.complete("hello")
    assert server.headers[0]["authorization"] == "Bearer not-needed"
    assert "private" not in json.dumps(server.headers)


async def test_the_environment_moves_openai_with_its_key(monkeypatch):
    """OPENAI_BASE_URL is the user's own choice: key, organization and project go there, as with the SDK."""
    async with recording() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.delenv("OPENAI_CUSTOM_HEADERS")
        async with connect("openai:m") as model:
            await model.complete("hello")
    assert server.headers[0]["authorization"] == "Bearer sk-private-openai"
    assert server.headers[0]["openai-organization"] == "org-private"
    assert server.headers[0]["openai-project"] == "proj-private"


@pytest.mark.parametrize("suffix", ["", "/openai/v1"])
async def test_the_environment_moves_groq(monkeypatch, suffix):
    """With or without the path that the SDK adds."""
    async with recording() as server:
        monkeypatch.setenv("GROQ_BASE_URL", server.url + suffix)
        monkeypatch.setenv("GROQ_API_KEY", "gsk")
        async with connect("groq:") as model:
            await model.complete("hello")
    assert server.paths == ["/openai/v1/chat/completions"]
    assert server.headers[0]["authorization"] == "Bearer gsk"


async def test_ollama_host_moves_ollama(monkeypatch):
    """As Ollama's own client reads it."""
    async with recording() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://"))
        async with connect("ollama:qwen3:8b") as model:
            await model.complete("hello")
    assert server.bodies[0]["model"] == "qwen3:8b"


async def test_a_server_without_models_says_so():
    """There is nothing to use."""
    async with recording() as server:
        server.models = []
        with pytest.raises(UnknownModel, match="ollama has no model to use"):
            async with connect("ollama:", base_url=server.url):
                pass


async def test_a_server_that_does_not_run_says_what_to_start(unused_tcp_port):
    """Found when its models are asked for, and when it is called."""
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    with pytest.raises(ModelUnavailable, match="vllm serve MODEL"):
        async with connect("vllm:", base_url=url):
            pass
    async with connect("groq:", base_url=url, api_key="k", attempts=1) as model:
        with pytest.raises(ModelUnavailable, match="could not be reached") as caught:
            await model.complete("hello")
    assert caught.value.usage.cost == 0


async def test_many_calls_share_connections_and_are_not_queued_by_the_client():
    """150 at once are 150 at the server: no hidden cap in the HTTP client."""
    at_once, most, waiting = 0, 0, asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 150:
            waiting.set()
        await waiting.wait()
        at_once -= 1
        return web.json_response(ANSWER)

    async with (
        serving(answer) as url,
        connect("groq:", base_url=url, api_key="k", concurrency=Limiter(fixed=150)) as model,
    ):
        await asyncio.gather(*(model.complete("hello") for _ in range(150)))
    assert most == 150
