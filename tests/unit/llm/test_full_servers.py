"""Servers of few slots that answer 503 when their queue is full: a cap like any other, said or not."""

import asyncio

import pytest
from scripted import completion, model_over, refusal

from llm_composition_patterns import Success, connect, parallelize
from llm_composition_patterns.simulation import Capacity, Fault, Scenario


@pytest.mark.parametrize(
    ("slots", "queue", "refused", "makespan", "at_best"),
    [(1, 0, 33, 1067.6, 1000), (4, 0, 23, 267.4, 250), (4, 8, 14, 267.4, 250), (30, 10, 6, 37.3, 33.3)],
)
async def test_a_full_server_loses_nobody(slots, queue, refused, makespan, at_best):
    """2,000 calls of half a second: few are refused, and the slots are never long empty."""
    scenario = Scenario(capacity=Capacity(slots=slots, queue=queue), time_to_first_token=0.5, spread=0.1)
    async with connect(f"simulated:full-{slots}-{queue}", scenario=scenario, remember=False) as model:
        prompts = (f"hi {number}" for number in range(2000))
        outcomes = await parallelize(model.complete, prompts, max_concurrency=1000, on_error="collect")
        assert model.statistics().refused == refused
    assert sum(not isinstance(outcome, Success) for outcome in outcomes) == 0
    assert round(asyncio.get_running_loop().time(), 1) == makespan
    assert makespan < 1.13 * at_best


class Slots:
    """So many calls at once; the others are failed at once, without a word why."""

    def __init__(self, slots, retry_after):
        self.free, self.headers, self.failed = slots, retry_after, 0

    async def send(self, _, **__):
        """Answer after half a second, or fail."""
        if not self.free:
            self.failed += 1
            await asyncio.sleep(0.01)
            return refusal(503, "overloaded", headers=self.headers)
        self.free -= 1
        await asyncio.sleep(0.5)
        self.free += 1
        return completion()


@pytest.mark.parametrize(
    ("slots", "calls", "retry_after", "failed", "makespan"),
    [
        (1, 60, {}, 57, 30.0),
        (1, 60, {"retry-after": "1"}, 56, 31.5),
        (4, 200, {}, 49, 25.5),
        (4, 200, {"retry-after": "1"}, 50, 28.1),
        (30, 2000, {}, 382, 36.1),
        (30, 2000, {"retry-after": "1"}, 163, 38.1),
    ],
)
async def test_one_that_does_not_say_so_loses_nobody_either(slots, calls, retry_after, failed, makespan):
    """It answers while fewer are in flight; a few calls are failed until that is seen."""
    endpoint = Slots(slots, retry_after)
    async with model_over(endpoint) as model:
        outcomes = await parallelize(model.complete, map(str, range(calls)), max_concurrency=1000, on_error="collect")
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert (endpoint.failed, round(asyncio.get_running_loop().time(), 1)) == (failed, makespan)


async def test_a_provider_that_fails_by_chance_is_not_full():
    """Half of the calls, whoever is in flight: what is lost says that the provider failed, and not that it is full."""
    scenario = Scenario(seed=3, faults=(Fault(kind="server_overloaded", probability=0.5),))
    async with connect("simulated:chance", scenario=scenario, remember=False, attempts=2) as model:
        outcomes = await parallelize(model.complete, map(str, range(500)), max_concurrency=64, on_error="collect")
        assert model.statistics().refused == 0
    assert {getattr(outcome, "kind", None) for outcome in outcomes} == {None, "provider"}
