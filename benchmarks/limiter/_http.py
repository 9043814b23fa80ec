"""Over real HTTP, in real time: the groq SDK against `llm-patterns simulate` in a process of its own."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from llm_composition_patterns import Limiter, connect, parallelize
from llm_composition_patterns.llm._endpoint import Reply
from llm_composition_patterns.llm._groq import GroqEndpoint
from llm_composition_patterns.outcome import Failure

from .._contest import Figures
from .._run import environment

RATE: Final = 40.0
"""Requests a second, and the burst, of the hidden limit."""

HIDDEN_LIMIT: Final = f"""
time_to_first_token = 0.1
tokens_per_second = inf
[rate_limit]
requests_per_minute = {60 * RATE:g}
burst = 1.0
dialect = "none"
"""
SLOTS: Final = """
time_to_first_token = 0.05
tokens_per_second = inf
spread = 0.0
[capacity]
slots = 4
"""
OUTAGE_FROM: Final = 5.0
OUTAGE_UNTIL: Final = 25.0
OUTAGE: Final = f"""
time_to_first_token = 1.0
tokens_per_second = inf
[capacity]
knee = 40
[[faults]]
kind = "server_overloaded"
after = {OUTAGE_FROM}
until = {OUTAGE_UNTIL}
"""


@dataclass(slots=True)
class Seen:
    """What the client saw.

    Attributes:
        calls: Calls that were to be made.
        sent: When each request was sent.
        answered: When each answer came.
        latencies: Seconds from sending to the answer.
        refused: Answers with 429.
        failed: Answers with another error.
        lost: Calls that were never answered.
        most: The most in flight that the limiter allowed.
    """

    calls: int
    sent: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    lost: int = 0
    most: int = 0

    def rate(self, *, leaving_out: int = 0) -> float:
        """Answers a second, from the first of them on that is not left out."""
        return (len(self.answered) - leaving_out) / (self.answered[-1] - self.answered[max(0, leaving_out - 1)])

    def latency(self) -> float:
        """What 99 of 100 calls took at most."""
        return sorted(self.latencies)[int(0.99 * len(self.latencies))]


def hidden_limit(calls: int, fixed: int | None = None) -> Figures:
    """A limit of 40 requests a second with a burst of 40, of which nothing is told but Retry-After."""
    seen = _job(HIDDEN_LIMIT, calls, fixed)
    return {
        "rejected": seen.refused / calls,
        "of the limit": seen.rate(leaving_out=int(RATE)) / RATE,
        "lost": seen.lost,
    }


def slots(calls: int, fixed: int | None = None) -> Figures:
    """A server that works on 4 requests at once, each for 50 ms."""
    seen = _job(SLOTS, calls, fixed)
    return {"rate": seen.rate(), "p99": 1e3 * seen.latency(), "lost": seen.lost}


def outage(calls: int, fixed: int | None = None) -> Figures:
    """20 s in which everything is answered with 503."""
    seen = _job(OUTAGE, calls, fixed)
    back = seen.sent[0] + OUTAGE_UNTIL
    storm = sum(back <= sent < back + 1.0 for sent in seen.sent)
    return {"failed": seen.failed, "lost": seen.lost, "storm": storm / seen.most, "rate": seen.rate()}


def _job(scenario: str, calls: int, fixed: int | None) -> Seen:
    with serving(scenario) as url:
        return asyncio.run(_calls(url, calls, fixed))


@contextmanager
def serving(scenario: str) -> Iterator[str]:
    """Run `llm-patterns simulate` with this scenario; gives its address."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "scenario.toml")
        file.write_text(scenario)
        command = [sys.executable, "-m", "llm_composition_patterns", "simulate", "--port", "0", "--scenario", str(file)]
        with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as server:
            try:
                line = server.stderr.readline() if server.stderr is not None else ""
                found = re.search(r"GROQ_BASE_URL=(\S+)", line)
                if found is None:
                    raise RuntimeError(f"the simulated provider did not start: {line}")
                yield found[1]
            finally:
                server.terminate()


async def _calls(url: str, calls: int, fixed: int | None) -> Seen:
    seen = Seen(calls)
    given: dict[str, Any] = {"concurrency": "auto"} if fixed is None else {"concurrency": Limiter(fixed=fixed)}
    workers = calls if fixed is None else fixed
    async with connect("groq:any", base_url=url, api_key="any", attempts=1_000, **given) as model:

        async def call(index: int) -> None:
            await model.complete(f"call {index}")

        def limit() -> int:
            statistics = model.statistics()
            return 0 if statistics is None else statistics.limit

        with _watching(seen, limit):
            outcomes = await parallelize(call, range(calls), max_concurrency=workers, on_error="collect")
    seen.lost = sum(isinstance(outcome, Failure) for outcome in outcomes)
    return seen


@contextmanager
def _watching(seen: Seen, limit: Callable[[], int]) -> Iterator[None]:
    send = GroqEndpoint.send

    async def watched(endpoint: GroqEndpoint, body: dict[str, Any], **settings: Any) -> Reply:
        sent = time.perf_counter()
        seen.sent.append(sent)
        reply = await send(endpoint, body, **settings)
        now = time.perf_counter()
        if reply.status == 200:  # noqa: PLR2004 - HTTP's own
            seen.answered.append(now)
            seen.latencies.append(now - sent)
        else:
            seen.refused += reply.status == 429  # noqa: PLR2004 - HTTP's own
            seen.failed += reply.status != 429  # noqa: PLR2004 - HTTP's own
        seen.most = max(seen.most, limit())
        return reply

    with patch.object(GroqEndpoint, "send", watched):
        yield
