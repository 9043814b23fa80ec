"""The server that every snippet calls, in the formats that their libraries ask for. It prints its port.

It answers after 50 ms, or as its paths say. Below `/limited` it lets 20 requests a second through. Below `/outage` it
answers with 503 for five seconds, half a second after the first request. Below `/hopeless` every tenth ticket gets 500,
always. `GET /requests` gives the number of requests so far.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ._facts import NEVER_VALID, TOO_LONG, number, ruling

LATENCY = 0.050
RATE, BURST = 20, 20
OUTAGE = (0.5, 5.5)


class Provider:
    """What is answered to what, and how many requests there were."""

    def __init__(self) -> None:
        self.requests = 0
        self._ballots: Counter[int] = Counter()
        self._first: dict[str, float] = {}
        self._let_through: Counter[str] = Counter()

    def status(self, path: str, asked: str) -> int:
        """The status of an answer: 200 unless something is wrong."""
        seconds = time.monotonic() - self._first.setdefault(path, time.monotonic())
        if path.startswith("/limited") and not self._has_room(path, seconds):
            return 429
        if path.startswith("/outage") and OUTAGE[0] <= seconds < OUTAGE[1]:
            return 503
        if path.startswith("/hopeless") and number("Ticket", asked, 1) % 10 == 0:
            return 500
        return 400 if number("Ticket", asked) in TOO_LONG or self._ballot_fails(asked) else 200

    def values(self, asked: str) -> dict[str, object]:
        """What the model knows, by the names of the fields that it is asked for."""
        letter, review = number("Letter", asked), number("Review", asked)
        return {
            "topic": "weather" if number("Ticket", asked) == NEVER_VALID else "repair",
            "urgent": False,
            "summary": "A zipper is broken." if letter % 10 == 0 else f"The zipper of order {1000 + letter} is broken.",
            "reply": "We will mend it.",
            "ruling": ruling(review, dissenting=self._ballots[review] % 5 == 4),  # noqa: PLR2004 - the fifth ballot
        }

    def _ballot_fails(self, asked: str) -> bool:
        """Of five ballots on a review the third fails, and the fifth dissents."""
        if (review := number("Review", asked)) < 0:
            return False
        self._ballots[review] += 1
        return self._ballots[review] % 5 == 3  # noqa: PLR2004 - the third ballot

    def _has_room(self, path: str, seconds: float) -> bool:
        if self._let_through[path] >= BURST + seconds * RATE:
            return False
        self._let_through[path] += 1
        return True


def message(request: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, Any]:
    """The answer in the format that is asked for: a tool's arguments, JSON, DSPy's fields, or text."""
    told = "\n".join(str(one.get("content") or "") for one in request["messages"])
    if request.get("tools"):
        function = request["tools"][0]["function"]
        arguments = json.dumps(filled(function["parameters"], values))
        call = {"id": "call-1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"role": "assistant", "content": text(request.get("response_format") or {}, told, values)}


def text(wanted: Mapping[str, Any], told: str, values: Mapping[str, object]) -> str:
    """The answer as JSON, as DSPy's fields, or as text."""
    if wanted.get("type") == "json_schema":
        return json.dumps(filled(wanted["json_schema"]["schema"], values))
    fields = re.findall(r"`\[\[ ## (\w+) ## \]\]`|`(\w+)`", told.rpartition("Respond with")[2])
    named = [one or other for one, other in fields if (one or other) in values]
    if wanted.get("type") == "json_object":
        return json.dumps({name: values[name] for name in named})
    if named:
        return "\n\n".join(f"[[ ## {name} ## ]]\n{values[name]}" for name in named) + "\n\n[[ ## completed ## ]]"
    return str(values["reply" if "Write a reply" in told else "summary"])


def filled(schema: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, object]:
    """An object of a schema; the field that a library wraps a single label in is the ruling."""
    return {name: values.get(name, values["ruling"]) for name in schema["properties"]}


def completion(said: Mapping[str, Any]) -> dict[str, object]:
    """A chat completion, as the wire has it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "openai/gpt-oss-20b",
        "choices": [
            {
                "index": 0,
                "message": said,
                "finish_reason": "tool_calls" if "tool_calls" in said else "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 60, "completion_tokens": 30, "total_tokens": 90},
    }


PROBLEMS = {
    400: ("context_length_exceeded", "Please reduce the length of the messages."),
    429: ("rate_limit_exceeded", "Rate limit reached."),
    500: ("internal_server_error", "Internal server error."),
    503: ("service_unavailable", "Service unavailable."),
}


async def serve() -> None:
    """Answer until standard input ends, with the parent process at the latest."""
    from aiohttp import web

    logging.disable()  # clients that hang up are part of it
    provider = Provider()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(provider.requests)
        provider.requests += 1
        wanted = await request.json()
        asked = str(wanted["messages"])
        status, values = provider.status(request.path, asked), provider.values(asked)
        if status == 429:  # noqa: PLR2004 - it costs the provider nothing
            return problem(status, {"Retry-After": "1"})
        await asyncio.sleep(LATENCY)
        return problem(status, {}) if status in PROBLEMS else web.json_response(completion(message(wanted, values)))

    def problem(status: int, headers: Mapping[str, str]) -> web.Response:
        code, said = PROBLEMS[status]
        error = {"message": said, "type": "invalid_request_error" if status == 400 else code, "code": code}  # noqa: PLR2004
        return web.json_response({"error": error}, status=status, headers=headers)

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
