"""The backends: data, and nothing else.

Every kind of provider that a limiter meets, as scenarios of the simulated provider. The laws were tuned on `TUNED`;
`HELD_OUT` has other parameters of the same kinds, and no constant of the limiter was chosen by it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from llm_composition_patterns.simulation import Capacity, Change, Fault, RateLimit, Scenario

SEEDS: Final = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A provider, and the job that it is given.

    Attributes:
        name: As the table shows it.
        scenario: How the provider behaves; `seeded` adds what follows from a seed.
        calls: Calls of the job.
        prompt_tokens: Tokens of each prompt.
        answer_tokens: Tokens of an answer, on average.
        spread: How much the answers differ: the standard deviation of the logarithm of their length.
    """

    name: str
    scenario: Scenario
    calls: int = 2_000
    prompt_tokens: int = 50
    answer_tokens: int = 100
    spread: float = 0.35

    def seeded(self, seed: int) -> Scenario:
        """The scenario with this seed, whose answers are as long as `lengths` says."""
        lengths = self.lengths(seed)

        def answer(wire: Mapping[str, Any]) -> str:
            prompt: str = wire["messages"][-1]["content"]
            return "word" * lengths[int(prompt.split(" ", 1)[0])]

        return replace(self.scenario, seed=seed, answer=answer)

    def prompt(self, index: int) -> str:
        """The prompt of a call: its number, and dots to make it as long as wanted."""
        return f"{index} ".ljust(4 * self.prompt_tokens, ".")

    def lengths(self, seed: int) -> tuple[int, ...]:
        """Tokens of the answer to each call."""
        return _lengths(seed, self.calls, self.answer_tokens, self.spread)


@lru_cache(maxsize=64)
def _lengths(seed: int, calls: int, mean: int, spread: float) -> tuple[int, ...]:
    chance = random.Random(seed)  # noqa: S311 - no secret
    center = math.log(mean) - spread**2 / 2
    return tuple(max(1, round(chance.lognormvariate(center, spread))) for _ in range(calls))


def _scenario(**settings: Any) -> Scenario:
    """About a second for 100 tokens."""
    return Scenario(**{"time_to_first_token": 0.2, "tokens_per_second": 125.0, "spread": 0.2, **settings})


def _bursts(*at: float, lasting: float, probability: float = 1.0) -> tuple[Fault, ...]:
    return tuple(
        Fault(kind="server_overloaded", after=start, until=start + lasting, probability=probability) for start in at
    )


def _drop(at: float, back: float) -> tuple[Change, ...]:
    """A third of the capacity from `at` on, all of it from `back` on."""
    return Change(at=at, factor=1 / 3), Change(at=back, factor=1.0)


TUNED: Final = (
    Backend(
        name="Ollama, 1 slot",
        scenario=_scenario(capacity=Capacity(slots=1, queue=512), tokens_per_second=80.0),
    ),
    Backend(
        name="Ollama, 4 slots",
        scenario=_scenario(capacity=Capacity(slots=4, queue=512), tokens_per_second=60.0),
    ),
    Backend(
        name="tokens a minute, full headers",
        scenario=_scenario(rate_limit=RateLimit(tokens_per_minute=120_000)),
    ),
    Backend(
        name="tokens a minute, told in the text",
        scenario=_scenario(rate_limit=RateLimit(tokens_per_minute=90_000, burst=20.0, dialect="openrouter")),
    ),
    Backend(
        name="tokens a minute, Retry-After only",
        scenario=_scenario(rate_limit=RateLimit(tokens_per_minute=120_000, burst=10.0, dialect="none")),
    ),
    Backend(
        name="requests a minute, full headers",
        scenario=_scenario(rate_limit=RateLimit(requests_per_minute=900, burst=15.0)),
    ),
    Backend(
        name="requests a minute, told in the text",
        scenario=_scenario(rate_limit=RateLimit(requests_per_minute=600, dialect="groq")),
    ),
    Backend(
        name="requests a minute, Retry-After only",
        scenario=_scenario(rate_limit=RateLimit(requests_per_minute=1_200, burst=5.0, dialect="none")),
    ),
    Backend(
        name="Groq: tokens in headers, requests in text",
        scenario=_scenario(
            rate_limit=RateLimit(
                requests_per_minute=1_000, tokens_per_minute=250_000, requests_per_day=500_000, dialect="groq"
            )
        ),
    ),
    Backend(name="at most 40 at once, else refused", scenario=_scenario(capacity=Capacity(at_once=40))),
    Backend(name="vLLM, hard knee at 64", scenario=_scenario(capacity=Capacity(knee=64))),
    Backend(name="vLLM, soft knee at 24", scenario=_scenario(capacity=Capacity(knee=24, beyond="soft"))),
    Backend(name="vLLM, thrashing beyond 48", scenario=_scenario(capacity=Capacity(knee=48, beyond="thrash"))),
    Backend(
        name="capacity falls to a third, recovers",
        scenario=_scenario(capacity=Capacity(knee=48, beyond="thrash", changes=_drop(15.0, 45.0))),
    ),
    Backend(
        name="1 % stragglers, 20 times slower",
        scenario=_scenario(
            capacity=Capacity(knee=32), faults=(Fault(kind="straggler", probability=0.01, factor=20.0),)
        ),
    ),
    Backend(
        name="bursts of 503",
        scenario=_scenario(capacity=Capacity(knee=40), faults=_bursts(10.0, 30.0, lasting=1.0)),
    ),
    Backend(name="wide cloud, 400 at once", scenario=_scenario(capacity=Capacity(knee=400)), calls=20_000),
)
"""What the limiter was tuned on."""

HELD_OUT: Final = (
    Backend(
        name="Ollama, 2 slots, slow",
        scenario=_scenario(capacity=Capacity(slots=2, queue=512), time_to_first_token=0.6, tokens_per_second=30.0),
    ),
    Backend(name="8 slots, quick answers", scenario=_scenario(capacity=Capacity(slots=8)), answer_tokens=25),
    Backend(
        name="300,000 tokens a minute, full headers",
        scenario=_scenario(rate_limit=RateLimit(tokens_per_minute=300_000, burst=6.0, dialect="openai")),
        answer_tokens=220,
    ),
    Backend(
        name="1,800 requests a minute, full headers",
        scenario=_scenario(rate_limit=RateLimit(requests_per_minute=1_800, burst=20.0)),
    ),
    Backend(
        name="750 requests a minute, Retry-After only",
        scenario=_scenario(rate_limit=RateLimit(requests_per_minute=750, burst=12.0, dialect="none")),
        answer_tokens=160,
    ),
    Backend(name="at most 13 at once, else refused", scenario=_scenario(capacity=Capacity(at_once=13))),
    Backend(name="vLLM, hard knee at 20", scenario=_scenario(capacity=Capacity(knee=20)), spread=0.6),
    Backend(
        name="vLLM, thrashing beyond 100",
        scenario=_scenario(capacity=Capacity(knee=100, beyond="thrash")),
        calls=4_000,
    ),
    Backend(
        name="24 slots, a third of them for a minute",
        scenario=_scenario(capacity=Capacity(slots=24, changes=_drop(30.0, 90.0))),
    ),
    Backend(
        name="2 % stragglers, 12 times slower, bursts of 503",
        scenario=_scenario(
            capacity=Capacity(slots=30),
            faults=(
                *_bursts(12.0, 50.0, lasting=2.0, probability=0.7),
                Fault(kind="straggler", probability=0.02, factor=12.0),
            ),
        ),
    ),
)
"""The same kinds with other parameters, the last one two kinds at once; no constant was chosen by them."""
