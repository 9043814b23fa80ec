"""Secrets planted everywhere, and looked for in everything that leaves the process.

What is private is in inputs, outputs, prompts, answers, errors, notes, causes and metadata: masked, it is in no byte
that is exported. A key is sent to a provider that quotes it back wherever it can: it is in no span, log, message or
file.
"""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openinference.instrumentation import using_attributes
from pydantic import BaseModel

from llm_composition_patterns import (
    Limiter,
    ModelError,
    SqliteCache,
    Success,
    Verdict,
    ask,
    chain,
    connect,
    gate,
    in_threads,
    micro_batched,
    orchestrate,
    parallelize,
    refine,
    route,
    setup_tracing,
    together,
    track,
    vote,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)

CORE = "PrIvAtE7x9"
KEY = "Zq8vN3rT5yKw1LmX"
"""Without the prefix that keys have, so that nothing but its value tells that it is one."""


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": message}}


@dataclass
class Mean:
    """A provider that says whatever a test wants it to, and hears which key it was sent."""

    url: str = ""
    reply: tuple[int, dict[str, str], Any] = (200, {}, completion("fine"))
    heard: str = ""


@contextmanager
def mean_provider() -> Iterator[Mean]:
    mean = Mean()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            mean.heard = self.headers["authorization"]
            status, headers, body = mean.reply
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        mean.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mean
        finally:
            server.shutdown()
            thread.join()


class Note(BaseModel):
    """What a step takes and gives."""

    text: str
    of: dict[str, str]


class Frozen(Exception):
    """An error of somebody else's, with the secret in its attributes."""

    def __init__(self, secret: str) -> None:
        super().__init__({"detail": [secret]})
        self.secret = secret


async def everything(model: Any, secret: str, path: Any) -> None:  # noqa: C901 - a list of small steps
    """Every pattern and wrapper, with the secret in what goes in, comes out and goes wrong."""
    note = Note(text=secret, of={secret: secret})

    async def pass_on(given: Any) -> Any:
        return given

    async def fail(given: Any) -> Any:
        try:
            raise KeyError(secret)
        except KeyError as cause:
            raised = Frozen(secret)
            raised.add_note(f"while it read {given!r}")
            raise raised from cause

    async def call(given: Any) -> str:
        return await ask(model, f"translate {secret} {given!r}", system=secret)

    async def judge(_: Any, value: Any) -> Verdict:
        return Verdict(accepted=False, score=0.5, feedback=f"{value!r} {secret}")

    async def again(given: Any, _: Any) -> Any:
        return given

    async def plan(given: Any) -> list[Any]:
        return [given, secret]

    async def join(_: Any, outcomes: Any) -> str:
        return repr(outcomes)

    async def in_batches(given: Any) -> list[Any]:
        return [secret for _ in given]

    async def read(given: Any) -> str:
        return secret + repr(given)

    async def label(given: Any) -> str:
        return secret

    async with SqliteCache(path) as store:
        for step in (
            chain(pass_on, call),
            chain(gate(lambda _: False), call),
            route(label, {"other": call}, default=fail),
            refine(again, judge, max_rounds=2),
            orchestrate(plan, call, synthesize=join, max_subtasks=3, on_error="collect"),
            with_retry(fail, on=Frozen, attempts=2, backoff=lambda *_: 0.0),
            with_fallback(fail, call, on=Exception),
            with_timeout(fail, 5),
            with_cache(read, key=repr, store=store),
            micro_batched(in_batches, max_size=2, max_wait=0.01),
            in_threads(repr),
            fail,
        ):
            await parallelize(step, [note, secret, {"a": [secret]}], on_error="collect")
    with suppress(Exception):
        await together(call(1), fail(2), name="both")
    with suppress(Exception):
        await vote(call, note, n=2, by=lambda _: secret)
    with suppress(Exception):
        await ask(model, secret, output=Note)
    with suppress(Exception):
        await parallelize(fail, {secret: note})


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    around=st.tuples(st.text(max_size=8), st.text(max_size=8)),
    reply=st.sampled_from(["answer", "json", "refusal", "400", "500", "404", "junk", "headers"]),
    hidden=st.sampled_from([{"hide_inputs": True, "hide_outputs": True}]),
)
def test_what_is_private_is_in_no_byte_that_is_exported(receiver, tmp_path_factory, around, reply, hidden):
    """Whatever is called, whatever the provider answers, and whatever goes wrong."""
    secret = f"{around[0]}{CORE}{around[1]}"
    path = tmp_path_factory.mktemp("private")
    receiver.requests.clear()
    with mean_provider() as mean, setup_tracing("phoenix", endpoint=receiver.url, **hidden):
        mean.reply = _reply(reply, secret)

        async def run() -> None:
            context = using_attributes(
                metadata={"m": secret}, prompt_template=secret, prompt_template_variables={secret: secret}
            )
            model = connect("groq:m", base_url=mean.url, api_key=KEY, attempts=1, remember=False)
            with context:
                async with track("run"), model:
                    await everything(model, secret, path / "cache.db")

        asyncio.run(run())
    assert len(receiver.spans) > 40
    sent = b"".join(request.SerializeToString() for _, request in receiver.requests)
    assert CORE.encode() not in sent


def _reply(kind: str, secret: str) -> tuple[int, dict[str, str], Any]:
    said = secret.encode("utf-8", "replace").decode()
    if kind == "answer":
        return 200, {}, completion(said)
    if kind == "json":
        return 200, {}, completion(json.dumps({"text": said, "of": {}}))
    if kind == "refusal":
        body = completion("")
        body["choices"][0]["message"]["refusal"] = said
        return 200, {}, body
    if kind == "junk":
        return 200, {}, said.encode()
    if kind == "headers":
        return 500, {"x-request-id": CORE, "retry-after": CORE}, error(said)
    return int(kind), {}, error(said)


QUOTES: dict[str, Callable[[str], tuple[int, dict[str, str], Any]]] = {
    "refused": lambda key: (401, {}, error(f"Incorrect API key provided: {key}.")),
    "in the middle of a word": lambda key: (400, {}, error(f"x{key}x")),
    "as a header": lambda key: (500, {}, error(f"Authorization: Bearer {key}")),
    "in headers": lambda key: (503, {"retry-after": key, "x-request-id": key, "location": f"/{key}"}, error("no")),
    "rate limit": lambda key: (429, {"x-ratelimit-reset-requests": key}, error(f"Limit 5, Used 5 for {key}")),
    "no model": lambda key: (404, {}, error(f"the model {key} does not exist")),
    "no JSON": lambda key: (200, {}, f"<html>{key}".encode()),
    "no error": lambda key: (502, {}, f"upstream said {key}".encode()),
    "another form": lambda key: (400, {}, {"detail": [{"msg": key, "input": {"authorization": key}}]}),
    "no credit": lambda key: (402, {}, error(f"{key} has no credit")),
    "an answer": lambda key: (200, {}, completion(f"your key is {key}")),
    "an answer that is not what was asked for": lambda key: (200, {}, completion(json.dumps({"text": key}))),
}


@pytest.mark.parametrize("how", QUOTES)
@pytest.mark.parametrize("provider", ["groq", "openai"])
def test_a_key_is_nowhere(receiver, tmp_path, monkeypatch, caplog, capsys, how, provider):
    """Not in spans, logs, messages, files or on the screen, with nothing masked, however the provider quotes it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    caplog.set_level(logging.DEBUG, logger="llm_composition_patterns")
    raised: list[BaseException] = []
    with mean_provider() as mean, setup_tracing("phoenix", endpoint=receiver.url):
        mean.reply = QUOTES[how](KEY)

        async def run() -> None:
            limiter = Limiter(fixed=2)
            model = connect(
                f"{provider}:m",
                base_url=mean.url + ("/v1" if provider == "openai" else ""),
                api_key=KEY,
                attempts=2,
                max_rate_limit_wait=1.0,
                concurrency=limiter,
            )
            async with track("run"), model:
                sys.stdout.write(f"{model!r} {model.statistics()}")
                outcomes = await parallelize(
                    lambda given: ask(model, given, output=Note), ["a", "b"], on_error="collect"
                )
                outcomes += await parallelize(lambda given: ask(model, given), ["a", "b"], on_error="collect")
            raised.extend(outcome.error for outcome in outcomes if not isinstance(outcome, Success))

        asyncio.run(run())
    assert mean.heard == f"Bearer {KEY}"
    assert all(isinstance(one, ModelError) for one in raised)
    sent = b"".join(request.SerializeToString() for _, request in receiver.requests)
    assert KEY.encode() not in sent
    shown = capsys.readouterr()
    said = [*caplog.messages, shown.out, shown.err]
    said += [
        part for one in raised if not how.startswith("an answer") for part in (repr(one), str(one), repr(vars(one)))
    ]
    assert not [line for line in said if KEY in line]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
