"""Refusals that name a time which is too short: it is the least that is waited, and nobody is lost to it."""

import asyncio
import math

import pytest
from pydantic import BaseModel
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns import Success, ask, connect, parallelize
from llm_composition_patterns.errors import RateLimited
from llm_composition_patterns.simulation import Fault, Scenario


@pytest.mark.parametrize(
    ("retry_after", "refused", "makespan"),
    [(0.0, 12, 109.9), (0.5, 12, 110.6), (1.0, 11, 107.7), (2.0, 10, 108.0), (5.0, 6, 108.0), (None, 11, 109.9)],
)
async def test_half_a_minute_of_refusals_loses_nothing(retry_after, refused, makespan):
    """2,000 calls of 1.5 s, 40 at once: 75 s, the 30 s of refusals, and a few to be sure that those are over."""
    storm = Fault(kind="rate_limit", after=10, until=40, retry_after=retry_after)
    scenario = Scenario(seed=1, time_to_first_token=1.5, tokens_per_second=1e5, faults=(storm,))
    async with connect(f"simulated:storm-{retry_after}", scenario=scenario, concurrency=40) as model:
        calls = (f"hello {number}" for number in range(2000))
        outcomes = await parallelize(model.complete, calls, max_concurrency=1000, on_error="collect")
        assert model.statistics().refused == refused
    assert sum(not isinstance(outcome, Success) for outcome in outcomes) == 0
    assert round(asyncio.get_running_loop().time(), 1) == makespan


class Windows:
    """So many calls in each window; the others are refused at once, and told a time that is seldom true."""

    def __init__(self, most, seconds, retry_after):
        self.most, self.seconds, self.wish = most, seconds, {"retry-after": retry_after}
        self.window, self.taken, self.refused, self.calls = -1, 0, 0, 0

    async def send(self, _, **__):
        """Answer after about 0.3 s, or refuse."""
        window = asyncio.get_running_loop().time() // self.seconds
        if window != self.window:
            self.window, self.taken = window, 0
        self.taken += 1
        self.calls += 1
        if self.taken <= self.most:
            await asyncio.sleep(0.24 + 0.12 * (self.calls * 0.618 % 1))
            return completion()
        await asyncio.sleep(0.05)
        self.refused += 1
        return refusal(429, "slow down", headers=self.wish)


@pytest.mark.parametrize(
    ("retry_after", "seconds", "refused", "makespan"),
    [("0", 15, 47, 132.4), ("1", 15, 52, 132.2), ("0", 60, 66, 600.2), ("1", 60, 61, 594.6)],
)
async def test_windows_that_name_a_second_at_most_lose_nobody(retry_after, seconds, refused, makespan):
    """60 in a window: 480 calls take eight of them, and few are refused."""
    endpoint = Windows(60, seconds, retry_after)
    async with model_over(endpoint) as model:
        outcomes = await parallelize(model.complete, map(str, range(480)), max_concurrency=480, on_error="collect")
    assert sum(not isinstance(outcome, Success) for outcome in outcomes) == 0
    assert (endpoint.refused, round(asyncio.get_running_loop().time(), 1)) == (refused, makespan)


async def test_those_who_wait_take_turns_in_asking():
    """The refused call goes behind the others when the pause that was named was too short."""
    endpoint = ScriptedEndpoint(*[refusal(429, headers={"retry-after": "1"})] * 3, *[(1, completion())] * 3)
    async with model_over(endpoint, concurrency=1) as model:
        await asyncio.gather(*(model.complete(name) for name in "abc"))
    asked = [body["messages"][0]["content"] for body in endpoint.bodies]
    assert asked == ["a", "a", "b", "c", "a", "b"]


async def test_a_call_that_nobody_rivals_ends_with_its_attempts():
    """Nobody else can ask for it: four attempts and the free one, with pauses of 1 s, 1 s, 1 s and 2 s."""
    endpoint = ScriptedEndpoint(*[refusal(429, headers={"retry-after": "1"})] * 9)
    async with model_over(endpoint) as model:
        with pytest.raises(RateLimited, match="Tried 5 times"):
            await model.complete("alone")
    assert [math.floor(time) for time in endpoint.times] == [0, 1, 2, 3, 5]


class Text(BaseModel):
    text: str


async def test_faults_cost_only_their_own_call():
    """One refused for ever, one hanging, one malformed three times, one fine: each has its kind and its attempts."""
    faults = (
        Fault(kind="rate_limit", match="into Spanish", retry_after=0.1),
        Fault(kind="hang", match="into French"),
        Fault(kind="malformed_json", match="into German", times=3),
    )
    async with connect("simulated:four", scenario=Scenario(seed=1, faults=faults), remember=False) as model:
        outcomes = await parallelize(
            lambda language: ask(model, f"Translate into {language}.", output=Text),
            ["Spanish", "French", "German", "Italian"],
            timeout=30,
            on_error="collect",
        )
    became = [(getattr(outcome, "kind", None), outcome.attempts) for outcome in outcomes]
    # Of the 11 refusals 6 are excused: they came between the answers to the others.
    assert became == [("rate_limit", 11), ("timeout", 1), ("invalid_output", 3), (None, 1)]
    assert asyncio.get_running_loop().time() == pytest.approx(30.6, abs=0.1)
