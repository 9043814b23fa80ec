"""Requests that a provider cannot digest: they end by themselves, and are no outage."""

import asyncio
import logging
from random import Random

import pytest
from scripted import completion, model_over, refusal

from llm_composition_patterns.errors import ModelUnavailable
from llm_composition_patterns.limits import Limiter, retry_budget_of


class Picky:
    """Answers within about `seconds`, but fails some calls at once, or never answers them."""

    def __init__(self, seconds, bad, *, hangs=False, out=(0, 0)):
        self.seconds, self.bad, self.hangs, self.out = seconds, bad, hangs, out
        self.chance = Random(1)

    async def send(self, body, **_):
        number = int(body["messages"][0]["content"].split()[1])
        failing = self.out[0] <= asyncio.get_running_loop().time() < self.out[1]
        if failing or (self.bad(number) and not self.hangs):
            await asyncio.sleep(0.05)
            return refusal(500)
        await asyncio.sleep(1e6 if self.bad(number) else self.seconds * (0.7 + 0.6 * self.chance.random()))
        return completion()


async def lost(endpoint, calls, **settings):
    async with model_over(endpoint, **settings) as model:
        outcomes = await asyncio.gather(*(model.complete(f"call {n}") for n in range(calls)), return_exceptions=True)
    assert all(isinstance(outcome, ModelUnavailable) for outcome in outcomes if isinstance(outcome, Exception))
    return [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]


def tenth(number):
    return number % 10 == 0


def third(number):
    return number % 3 == 0


@pytest.mark.parametrize(("calls", "bad"), [(200, tenth), (500, tenth), (200, third)])
@pytest.mark.parametrize("seconds", [0.3, 1.5, 5.0])
async def test_bad_requests_do_not_hold_the_end_of_a_job(caplog, calls, bad, seconds):
    """A tenth or a third of them: each uses up its attempts, nobody else is lost, and nobody waits for an outage."""
    caplog.set_level(logging.WARNING, "llm_composition_patterns")
    gone = await lost(Picky(seconds, bad), calls, concurrency=40)
    assert gone == [number for number in range(calls) if bad(number)]
    assert asyncio.get_running_loop().time() < calls * seconds / 40 + 45


async def test_requests_that_are_never_answered_do_not_hold_it_either():
    """They take their timeouts and no more."""
    async with model_over(Picky(1.5, tenth, hangs=True), concurrency=40, timeout=10) as model:
        calls = (model.complete(f"call {number}") for number in range(200))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [bool(isinstance(outcome, Exception)) for outcome in outcomes] == [tenth(n) for n in range(200)]
    assert asyncio.get_running_loop().time() < 60


async def test_an_outage_among_bad_requests_loses_no_other():
    """Ten seconds in the middle of a job a tenth of which fails anyhow."""
    gone = await lost(Picky(1.5, tenth, out=(5, 15)), 500, concurrency=40)
    assert gone == [number for number in range(500) if tenth(number)]
    assert asyncio.get_running_loop().time() < 90


async def test_outages_that_come_again_and_again_lose_nobody():
    """Half of the time, for ten seconds each: what a call failed in one is not held against it in the next."""
    clock = asyncio.get_running_loop().time

    class Unsteady:
        async def send(self, *_, **__):
            failing = clock() >= 2 and (clock() - 2) % 20 < 10
            await asyncio.sleep(0.05 if failing else 1.5)
            return refusal(503) if failing else completion()

    assert await lost(Unsteady(), 400, concurrency=40) == []


async def test_models_of_one_limiter_have_one_retry_budget():
    """It is what the provider bears, whoever calls it."""
    limiter = Limiter()
    async with (
        model_over(Picky(1, tenth), concurrency=limiter) as one,
        model_over(Picky(1, tenth), concurrency=limiter) as other,
    ):
        assert one._connection.retry_budget is other._connection.retry_budget is retry_budget_of(limiter)
