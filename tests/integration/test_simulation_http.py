"""The simulated server itself: bad requests, many requests, and its end."""

import asyncio
import io
import json
import time

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_composition_patterns.simulation import Fault, Scenario, serve

QUICK = {"time_to_first_token": 0.0, "tokens_per_second": 1e9, "spread": 0}
PATH = "/v1/chat/completions"
GOOD = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


async def posted(url, **content):
    async with aiohttp.ClientSession() as session, session.post(url, **content) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("path", [PATH, "/openai/v1/chat/completions", "/chat/completions", PATH + "/"])
async def test_every_clients_path(path):
    """OpenAI's, Groq's and bare paths are served, with a slash at the end or not."""
    async with serve(Scenario(**QUICK)) as server:
        assert (await posted(server.url + path, json=GOOD))[0] == 200


BAD_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe",
    b'"text"',
    b"1" * 10_000,
    b'{"model": "m"}',
    b'{"model": "m", "messages": []}',
    b'{"model": "m", "messages": [{"role": "user", "content": 5}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": -1}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b" " * (4 * 2**20 + 1),
    json.dumps({**GOOD, "messages": [{"role": "user", "content": "x" * 2**20}]}).encode(),
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:30]))
async def test_bad_bodies_are_400(body):
    """What is no request gets 400 in the dialect."""
    async with serve(Scenario(**QUICK)) as server, asyncio.timeout(10):
        status, answer = await posted(server.url + PATH, data=io.BytesIO(body))
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"]


async def test_a_large_body_in_chunks_is_400():
    """A body without a length is cut off at the same size."""

    async def endless():
        for _ in range(10):
            yield b" " * 2**20

    async with serve(Scenario(**QUICK)) as server, asyncio.timeout(10):
        status, answer = await posted(server.url + PATH, data=endless())
    assert (status, "more than" in answer["error"]["message"]) == (400, True)


async def test_a_body_that_does_not_come(monkeypatch):
    """Who promises a body and sends none is answered after a while."""
    monkeypatch.setattr("llm_composition_patterns.simulation._http._SECONDS_FOR_A_BODY", 0.05)
    async with serve(Scenario(**QUICK)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode())
        async with asyncio.timeout(5):
            assert b"400" in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 405), ("POST", "/v1/models", 405), ("GET", "/", 404), ("POST", "/v1/embeddings", 404)],
)
async def test_other_requests_are_told_so(method, path, status):
    """Unknown paths and wrong methods get an error in the dialect."""
    async with (
        serve(Scenario(**QUICK)) as server,
        aiohttp.ClientSession() as session,
        session.request(method, server.url + path) as response,
    ):
        assert response.status == status
        assert "message" in (await response.json())["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["model", "messages", "stream", "stop", "max_tokens", "response_format", "stream_options", "temperature"]
SCHEMA = JSON.map(lambda schema: {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
BODIES = (
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(KEYS), JSON).map(lambda change: json.dumps(GOOD | change).encode())
    | SCHEMA.map(lambda schema: json.dumps(GOOD | {"response_format": schema}).encode())
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(BODIES, min_size=40, max_size=40))
def test_any_body_is_answered(bodies):
    """Whatever the body, the answer is 200 or 400, soon."""

    async def check():
        async with serve(Scenario(**QUICK)) as server, aiohttp.ClientSession() as session, asyncio.timeout(20):
            for body in bodies:
                async with session.post(server.url + PATH, data=body) as response:
                    await response.read()
                    assert response.status in {200, 400}, body

    asyncio.run(check())


async def test_an_answer_that_raises_is_500():
    """A scenario's own function that fails is the scenario's fault, and the server goes on."""

    def fail(_):
        raise RuntimeError("secret detail")

    async with serve(Scenario(answer=fail, **QUICK)) as server:
        status, answer = await posted(server.url + PATH, json=GOOD)
        assert (status, "RuntimeError" in answer["error"]["message"]) == (500, True)
        assert "secret" not in answer["error"]["message"]
        assert (await posted(server.url + PATH, json={}))[0] == 400


async def test_a_stream_ends_with_done():
    """A stream is server-sent events, the last one `[DONE]`."""
    async with (
        serve(Scenario(**QUICK)) as server,
        aiohttp.ClientSession() as session,
        session.post(server.url + PATH, json=GOOD | {"stream": True}) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        events = (await response.text()).strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: "))["object"] for event in events[:-1])


async def test_who_leaves_a_stream_is_forgotten():
    """A client that disconnects in the midst of a stream ends the work."""
    slow = Scenario(time_to_first_token=0, tokens_per_second=5, spread=0)
    async with serve(slow) as server:
        body = GOOD | {"stream": True}
        async with aiohttp.ClientSession() as session, session.post(server.url + PATH, json=body) as response:
            await response.content.readline()
            assert server.provider.statistics().in_flight == 1
        async with asyncio.timeout(5):
            while server.provider.statistics().in_flight:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)


async def test_five_hundred_at_once():
    """500 requests are in flight together, and take the time of one."""
    scenario = Scenario(time_to_first_token=0.5, tokens_per_second=1e9, spread=0)
    connector = aiohttp.TCPConnector(limit=0)
    async with serve(scenario) as server, aiohttp.ClientSession(connector=connector) as session:

        async def call():
            async with session.post(server.url + PATH, json=GOOD) as response:
                await response.read()
                return response.status

        assert await asyncio.gather(*(call() for _ in range(500))) == [200] * 500
        assert server.provider.statistics().peak_in_flight > 250


@pytest.mark.alone
async def test_the_end_is_quick_with_requests_in_flight():
    """Leaving ends hanging requests and streams at once, and nothing stays in flight."""
    scenario = Scenario(faults=(Fault(kind="hang", match="hang"),), tokens_per_second=1, spread=0)
    async with aiohttp.ClientSession() as session:
        async with serve(scenario) as server:

            async def call(body):
                async with session.post(server.url + PATH, json=body) as response:
                    return await response.read()

            hanging = {**GOOD, "messages": [{"role": "user", "content": "hang"}]}
            calls = [asyncio.create_task(call(body)) for body in [hanging, GOOD | {"stream": True}] * 10]
            async with asyncio.timeout(5):
                while server.provider.statistics().in_flight < 20:  # noqa: ASYNC110 - the server has no event for it
                    await asyncio.sleep(0.01)
            began = time.perf_counter()
        assert time.perf_counter() - began < 2
        assert server.provider.statistics().in_flight == 0
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, aiohttp.ClientError) for end in ended)


async def test_a_taken_port_is_an_error():
    """Two servers cannot have one port."""
    async with serve() as server:
        with pytest.raises(OSError, match="in use"):
            async with serve(port=int(server.url.rsplit(":", 1)[1])):
                pass


async def test_the_other_loopback():
    """IPv6 is served under an address that clients can use."""
    try:
        async with serve(Scenario(**QUICK), host="::1") as server:
            assert server.url.startswith("http://[::1]:")
            assert (await posted(server.url + PATH, json=GOOD))[0] == 200
    except OSError:
        pytest.skip("this machine has no IPv6")
