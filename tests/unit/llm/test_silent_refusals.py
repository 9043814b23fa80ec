"""Refusals that tell nothing: no time, no limit, sometimes not even that there is one."""

import asyncio
from collections import Counter

import pytest
from scripted import completion, model_over, refusal

from llm_composition_patterns import Success, parallelize
from llm_composition_patterns.errors import RateLimited

SILENT = ["Too many requests", "Requests rate limit exceeded"]


class Provider:
    """Takes calls where `takes` says so, given the time; refuses the others at once."""

    def __init__(self, takes, said, latency):
        self.takes, self.said, self.latency = takes, said, latency
        self.calls = self.refused = 0

    async def send(self, _, **__):
        """Answer after `latency`, every call a bit differently, or refuse."""
        self.calls += 1
        if self.takes(asyncio.get_running_loop().time()):
            await asyncio.sleep(self.latency * (0.8 + 0.4 * (self.calls * 0.618 % 1)))
            return completion()
        await asyncio.sleep(0.03)
        self.refused += 1
        return refusal(429, self.said)


def all_but(began, over):
    """Takes every call but in one time."""
    return lambda now: not began <= now < over


def window(most, seconds):
    """Takes so many in each window."""
    taken = Counter()

    def takes(now):
        taken[now // seconds] += 1
        return taken[now // seconds] <= most

    return takes


def strict(gap):
    """Takes one, and the next no sooner than after `gap`."""
    free_at = 0.0

    def takes(now):
        nonlocal free_at
        taken = now >= free_at
        free_at = now + gap if taken else free_at
        return taken

    return takes


async def lost(provider, count, **settings):
    """How many of `count` calls fail, all made at once."""
    async with model_over(provider, **settings) as model:
        outcomes = await parallelize(model.complete, map(str, range(count)), max_concurrency=count, on_error="collect")
    return sum(not isinstance(outcome, Success) for outcome in outcomes)


@pytest.mark.parametrize("said", SILENT)
async def test_refusals_of_everything_in_mid_job_lose_nothing_and_bring_no_storm(said):
    """12 s of them, 500 calls: single calls find out when they are over."""
    provider = Provider(all_but(2, 14), said, 1.0)
    assert await lost(provider, 500) == 0
    assert provider.refused < 100
    assert asyncio.get_running_loop().time() < 25


@pytest.mark.parametrize("said", SILENT)
async def test_refusals_of_everything_at_the_start_lose_nothing(said):
    """10 s of them, 200 calls."""
    provider = Provider(all_but(0, 10), said, 0.3)
    assert await lost(provider, 200) == 0
    assert provider.refused < 50
    assert asyncio.get_running_loop().time() < 20


@pytest.mark.parametrize("said", SILENT)
async def test_a_window_of_which_nothing_is_told_is_kept_to(said):
    """60 in 60 s: 180 calls take three of them."""
    provider = Provider(window(60, 60), said, 0.3)
    assert await lost(provider, 180) == 0
    assert provider.refused < 100
    assert asyncio.get_running_loop().time() < 180


@pytest.mark.parametrize("said", SILENT)
@pytest.mark.parametrize("latency", [0.1, 0.6])
async def test_one_call_a_second_of_which_nothing_is_told_is_kept_to(said, latency):
    """All of 60 calls are answered."""
    provider = Provider(strict(1.0), said, latency)
    assert await lost(provider, 60) == 0
    assert provider.refused < 40
    assert asyncio.get_running_loop().time() < 120


@pytest.mark.parametrize("said", SILENT)
async def test_calls_that_wait_take_turns_in_asking(said):
    """Nobody's attempts are spent on it: three calls bear a minute."""
    provider = Provider(all_but(0, 60), said, 0.3)
    assert await lost(provider, 3, attempts=2) == 0


@pytest.mark.parametrize("said", SILENT)
async def test_who_is_accepted_by_nobody_gives_up(said):
    """After about `max_rate_limit_wait`, and not before half of it."""
    clock = asyncio.get_running_loop().time
    async with model_over(Provider(all_but(0, 1e9), said, 0.3)) as model:

        async def ends(number):
            with pytest.raises(RateLimited, match=r"It accepted no call for 1[0-2]\d"):
                await model.complete(str(number))
            return clock()

        ends_at = await asyncio.gather(*map(ends, range(10)))
    assert 100 < min(ends_at) <= max(ends_at) <= 140
