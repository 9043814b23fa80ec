"""Limiters shared by endpoint, model and credential."""

import asyncio
import contextlib
import gc

import pytest

from llm_composition_patterns.limits import Accepted, Reading, Refusal, Throttled, _shared, shared_limiter

WHERE = {"endpoint": "https://api.example/v1", "model": "m", "credential": "secret-key"}


def test_the_same_endpoint_model_and_key_share_one_limiter():
    """Two users of one model are bounded together."""
    with shared_limiter(**WHERE) as one, shared_limiter(**WHERE) as other:
        assert one is other
        assert one.statistics().limit == 16


def test_another_endpoint_model_or_key_has_its_own():
    """Nothing is shared across what the provider counts apart."""
    with shared_limiter(**WHERE) as one:
        for change in ({"endpoint": "other"}, {"model": "other"}, {"credential": "other"}, {"credential": None}):
            with shared_limiter(**{**WHERE, **change}) as other:
                assert other is not one


def test_of_several_caps_the_smallest_open_one_holds():
    """A cap counts as long as its user is there."""
    with shared_limiter(**WHERE, cap=50, start=64) as limiter:
        assert limiter.statistics().limit == 50
        with shared_limiter(**WHERE, cap=3), shared_limiter(**WHERE), shared_limiter(**WHERE, cap=9):
            assert limiter.statistics().limit == 3
        assert limiter.statistics().limit == 50


def test_it_begins_where_its_first_user_says():
    """Later users find it as it is."""
    with shared_limiter(**WHERE, start=5) as limiter, shared_limiter(**WHERE, start=50):
        assert limiter.statistics().limit == 5


async def test_what_an_earlier_run_learned_is_where_it_begins():
    """Its limit, and the rates that it learned."""
    with shared_limiter(**WHERE, start=5) as limiter:
        for used in (1.0, 2.0):
            async with limiter.permit() as permit:
                reading = Reading(unit="requests", limit=100.0, remaining=100.0 - used, reset=used)
                permit.end(Accepted(readings=(reading,)))
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(5):
                permit = await stack.enter_async_context(limiter.permit())
            permit.end(Throttled(Refusal(concurrent=True)))
        learned, before = limiter.remembered(), limiter.statistics()
    del limiter
    gc.collect()
    with shared_limiter(**WHERE, start=50, remembered=learned) as limiter:
        after = limiter.statistics()
    assert after.limit == before.limit == 4
    assert after.requests_per_minute == pytest.approx(before.requests_per_minute, rel=0.05)
    assert after.learned_from == "memory"


async def test_a_cap_that_goes_wakes_those_who_wait():
    """A raised limit is used at once."""

    async def call(limiter):
        async with limiter.permit() as permit:
            await asyncio.sleep(1)
        return permit.waited

    with shared_limiter(**WHERE) as limiter:
        with shared_limiter(**WHERE, cap=1):
            calls = [asyncio.create_task(call(limiter)) for _ in range(3)]
            await asyncio.sleep(0.5)
        assert await asyncio.gather(*calls) == [0, 0.5, 0.5]


def test_the_key_itself_is_not_kept():
    """Only a hash of a credential is part of what a limiter is found by."""
    with shared_limiter(**WHERE):
        assert "secret-key" not in repr(list(_shared._limiters.items()))


def test_a_limiter_that_nobody_uses_is_forgotten():
    """The registry keeps nothing alive."""
    with shared_limiter(**WHERE):
        pass
    gc.collect()
    assert (WHERE["endpoint"], "m", _shared.key_fingerprint("secret-key")) not in _shared._limiters


def test_the_end_of_the_interpreter_is_no_error():
    """A limiter that is still open then may have lost its caps already."""
    with shared_limiter(endpoint="at the end", model="m", credential=None, cap=1) as limiter:
        del _shared._caps[limiter]
    assert limiter not in _shared._caps
