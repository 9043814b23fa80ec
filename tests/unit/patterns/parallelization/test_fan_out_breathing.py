"""Branches that never suspend give the loop its turns. Computing is played by moving the virtual clock."""

import asyncio

import pytest
from fan_out_steps import kinds, slowly, spend

from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes

BREATH = 0.010


class Ticker:
    """Takes a turn of the loop whenever it gets one, and knows the longest it was kept waiting."""

    def __init__(self, now):
        self._now = now
        self.longest = 0.0

    async def tick(self):
        while True:
            before = self._now()
            await asyncio.sleep(0)
            self.longest = max(self.longest, self._now() - before)

    async def during(self, running):
        ticking = asyncio.ensure_future(self.tick())
        try:
            return await running
        finally:
            ticking.cancel()


@pytest.fixture
def ticker(now):
    return Ticker(now)


async def compute(milliseconds):
    spend(milliseconds / 1000)


async def compute_and_fail(milliseconds):
    spend(milliseconds / 1000)
    raise ValueError


async def compute_and_mostly_suspend(milliseconds):
    spend(milliseconds / 1000)
    if milliseconds > 1:
        await asyncio.sleep(0)


@pytest.mark.parametrize("step", [compute, compute_and_fail])
@pytest.mark.parametrize("limit", [1, 3, 256])
async def test_the_loop_breathes_every_ten_milliseconds(step, limit, ticker):
    """Whether branches succeed or fail, and however many workers there are."""
    await ticker.during(parallelize(step, [1] * 500, max_concurrency=limit, on_error="collect"))
    assert ticker.longest <= BREATH + 0.001


async def test_a_branch_longer_than_that_is_followed_by_a_breath(ticker):
    """Nobody can interrupt it, but the next one waits for a turn."""
    await ticker.during(parallelize(compute, [50] * 20, max_concurrency=5))
    assert ticker.longest <= 0.050 + BREATH


async def test_branches_that_suspend_between_them_count_for_nothing(ticker):
    """A worker that suspends hands on to the next, not to the loop: what they spend in one turn adds up."""
    inputs = [1, 1, 1, 1, 1, 1, 1, 1, 2] * 60
    await ticker.during(parallelize(compute_and_mostly_suspend, inputs, max_concurrency=50))
    assert ticker.longest <= BREATH + 0.003


async def test_an_async_source_that_never_suspends(ticker):
    """It changes nothing."""

    async def numbers():
        for _ in range(300):
            yield 1

    await ticker.during(parallelize(compute, numbers(), max_concurrency=20))
    assert ticker.longest <= BREATH + 0.001


async def test_a_stream_of_branches_that_never_suspend(ticker):
    """Its workers breathe too."""

    async def consume():
        async with stream_outcomes(compute, slowly([1] * 300), max_concurrency=100) as outcomes:
            return [outcome async for outcome in outcomes]

    assert len(await ticker.during(consume())) == 300
    assert ticker.longest <= BREATH + 0.001


@pytest.mark.parametrize("step", [compute, compute_and_fail])
async def test_a_deadline_ends_a_fan_out_that_never_suspends(step, now):
    """Also over a source that never ends."""

    def endless():
        while True:
            yield 1

    outcomes = await parallelize(step, endless(), deadline=0.1, on_error="collect")
    assert 0.1 <= now() <= 0.1 + BREATH + 0.001
    assert len(outcomes) == pytest.approx(100, abs=12)
    assert set(kinds(outcomes)) == {"success" if step is compute else "error"}


async def test_a_cancellation_reaches_a_fan_out_that_never_suspends(now):
    """The caller is not cut off by its branches."""

    def endless():
        while True:
            yield 1

    caller = asyncio.ensure_future(parallelize(compute, endless(), on_error="collect"))
    asyncio.get_running_loop().call_at(0.05, caller.cancel)
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert now() <= 0.05 + 2 * BREATH + 0.002


async def test_branches_that_cost_nothing_take_no_extra_turns():
    """Breathing is by time, not by count."""
    turns = 0

    def count():
        nonlocal turns
        turns += 1
        loop.call_soon(count)

    loop = asyncio.get_running_loop()
    loop.call_soon(count)
    await parallelize(compute, [0] * 5000)
    assert turns < 10
