"""Servers of few slots that answer 503 when their queue is full, as Ollama does: a cap like any other."""

import asyncio

import pytest

from llm_composition_patterns import Success, connect, parallelize
from llm_composition_patterns.simulation import Capacity, Scenario


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
