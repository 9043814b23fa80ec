"""Limiters shared by endpoint, model and credential."""

import asyncio
import gc

from llm_composition_patterns.limits import _shared, shared_limiter

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
    assert (WHERE["endpoint"], "m", _shared._fingerprint("secret-key")) not in _shared._limiters


def test_the_end_of_the_interpreter_is_no_error():
    """A limiter that is still open then may have lost its caps already."""
    with shared_limiter(endpoint="at the end", model="m", credential=None, cap=1) as limiter:
        del _shared._caps[limiter]
