"""The simulated provider answers alike in process, in virtual time, and over HTTP: status, headers, errors, order."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from llm_composition_patterns.simulation import (
    Capacity,
    Change,
    Fault,
    RateLimit,
    Scenario,
    SimulatedProvider,
    serve,
)
from llm_composition_patterns.virtual_time import run

Seen = tuple[int, dict[str, str], Any]
Send = Callable[[dict[str, Any]], Awaitable[Seen]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a play: what it says, when it is sent, and when its sender gives up."""

    text: str
    at: float
    stream: bool = False
    patience: float = 10.0


def calls(*texts: str, every: float = 0.03, **settings: Any) -> list[Call]:
    return [Call(text=text, at=every * index, **settings) for index, text in enumerate(texts)]


TIMES = {"time_to_first_token": 0.1, "tokens_per_second": 10, "spread": 0}
"""An answer of n tokens takes (n + 1) / 10 seconds."""

# Rates so low that nothing refills while a play lasts.
MINUTE = {"requests_per_minute": 3, "tokens_per_minute": 60, "requests_per_day": 100}
DOWN = Fault(kind="server_overloaded", after=0.2, until=0.46, retry_after=1)
PLAYS = {
    "slots and a queue": (Scenario(**TIMES, capacity=Capacity(slots=1, queue=1)), calls(*"abc")),
    "more slots later": (
        Scenario(**TIMES, capacity=Capacity(slots=1, changes=(Change(at=0.3, factor=3),))),
        calls("a2", "b2", "c1", "d3"),
    ),
    "a hard knee": (Scenario(**TIMES, capacity=Capacity(knee=1)), calls("a3", "b1")),
    "a soft knee": (Scenario(**TIMES, capacity=Capacity(knee=2, beyond="soft")), calls("a4", "b1", "c2")),
    "thrashing": (Scenario(**TIMES, capacity=Capacity(knee=1, beyond="thrash")), calls("a3", "b1")),
    "a cap": (Scenario(**TIMES, capacity=Capacity(at_once=2), rate_limit=RateLimit(**MINUTE)), calls(*"abc")),
    "streams": (Scenario(**TIMES, capacity=Capacity(slots=1)), calls("a2", "b1", "c1", stream=True)),
    "one who gives up": (
        Scenario(**TIMES, capacity=Capacity(slots=1)),
        [Call(text="a9", at=0, patience=0.2), Call(text="b1", at=0.05), Call(text="c1", at=0.1)],
    ),
    "an outage": (Scenario(**TIMES, faults=(DOWN,)), calls(*"abcdef", every=0.13)),
    "a straggler": (Scenario(**TIMES, faults=(Fault(kind="straggler", match="slow", factor=3),)), calls("slow", "b")),
    "a share of errors": (Scenario(**TIMES, faults=(Fault(kind="server_error", probability=0.5),)), calls(*"abcdef")),
    "inside status 200": (
        Scenario(**TIMES, rate_limit=RateLimit(**MINUTE, dialect="openrouter", in_body=True)),
        calls(*"abcde"),
    ),
    **{
        f"limits as told by {dialect}": (
            Scenario(**TIMES, rate_limit=RateLimit(**MINUTE, dialect=dialect)),
            calls(*"abcde"),
        )
        for dialect in ("openai", "groq", "anthropic", "openrouter", "none")
    },
}


def tokens_of(request: dict[str, Any]) -> str:
    """An answer of as many tokens as the number behind the letter says."""
    return (
        "xxxx" * int(request["messages"][0]["content"][1:] or 1) if request["messages"][0]["content"] != "slow" else "x"
    )


async def play(send: Send, script: list[Call]) -> list[tuple[str, Any]]:
    """What became of each call, in the order in which they ended."""
    ended: list[tuple[str, Any]] = []

    async def one(call: Call) -> None:
        await asyncio.sleep(call.at)
        wire = {"model": "m", "messages": [{"role": "user", "content": call.text}], "stream": call.stream}
        try:
            async with asyncio.timeout(call.patience):
                ended.append((call.text, await send(wire)))
        except TimeoutError:
            ended.append((call.text, "gave up"))

    await asyncio.gather(*map(one, script))
    return ended


def told(status: int, headers: Any, body: Any) -> Seen:
    """What matters of a reply; times that depend on the moment are left out."""
    kept = {
        name.lower(): "some time" if "reset" in name.lower() else value
        for name, value in headers.items()
        if name.lower().startswith(("x-ratelimit", "anthropic", "retry-after", "x-simulated"))
    }
    error = json.dumps(body.get("error") if isinstance(body, dict) else None)
    return status, kept, re.sub(r'(?<=try again in )[\d.ms]+|(?<="X-RateLimit-Reset": ")\d+', "some time", error)


def in_process(scenario: Scenario, script: list[Call]) -> list[tuple[str, Any]]:
    async def main() -> list[tuple[str, Any]]:
        provider = SimulatedProvider(scenario)

        async def send(wire: dict[str, Any]) -> Seen:
            reply = await provider.respond(wire)
            chunks = [] if reply.chunks is None else [chunk async for chunk in reply.chunks]
            return told(reply.status, reply.headers, chunks or reply.body)

        return await play(send, script)

    return run(main())


def over_http(scenario: Scenario, script: list[Call]) -> list[tuple[str, Any]]:
    async def main() -> list[tuple[str, Any]]:
        async with serve(scenario) as server, aiohttp.ClientSession() as session:

            async def send(wire: dict[str, Any]) -> Seen:
                async with session.post(f"{server.url}/v1/chat/completions", json=wire) as response:
                    is_json = response.content_type == "application/json"
                    body = await response.json() if is_json else await response.text()
                    return told(response.status, response.headers, body)

            return await play(send, script)

    return asyncio.run(main())


@pytest.mark.parametrize("name", PLAYS)
def test_in_process_and_over_http_answer_alike(name):
    """The same script of calls meets the same statuses, headers and errors, and its answers come in the same order."""
    scenario, script = PLAYS[name]
    scenario = Scenario(**{field: getattr(scenario, field) for field in scenario.__slots__} | {"answer": tokens_of})
    expected = in_process(scenario, script)
    assert len(expected) == len(script)
    assert in_process(scenario, script) == expected
    assert over_http(scenario, script) == expected
