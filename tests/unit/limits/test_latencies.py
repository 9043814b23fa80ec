"""After which time a call is worth a second one, and how many may have one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits import Accepted, Failed, Limiter, Refusal, Throttled
from llm_composition_patterns.limits._latencies import Latencies


def after(*latencies):
    known = Latencies()
    for latency in latencies:
        known.add(latency)
    return known


def test_nothing_is_late_while_little_is_known():
    """Twenty answers are enough."""
    assert after(*[1.0] * 19).hedge_after() is None
    assert after(*[1.0] * 20).hedge_after() == 3.0


def test_late_is_far_beyond_the_usual_and_beyond_nearly_all():
    """One and a half times what 19 of 20 take, or three times what half of them take."""
    assert after(*[1.0] * 18, *[10.0] * 2).hedge_after() == 15.0
    assert after(*[1.0] * 19, 10.0).hedge_after() == 15.0
    assert after(*[1.0] * 20, *[1.5] * 32).hedge_after() == 4.5


def test_old_latencies_are_forgotten():
    """After 128 others, and a few more until it is noticed."""
    assert after(*[9.0] * 300, *[1.0] * 144).hedge_after() == 3.0


def test_at_most_one_call_in_twenty_is_hedged():
    """What is not used is saved, up to a point."""
    known = after(*[1.0] * 20)
    known.hedged()
    assert known.hedge_after() is None
    known = after(*[1.0] * 10_000)
    hedges = 0
    while known.hedge_after() is not None:
        known.hedged()
        hedges += 1
    assert hedges == 25


@given(st.lists(st.floats(0.001, 1000), min_size=20, max_size=60))
def test_late_is_never_sooner_than_what_half_of_the_calls_take(latencies):
    """Whatever they are."""
    known = after(*latencies)
    assert known.hedge_after() >= 1.5 * sorted(latencies[:20])[9]


@pytest.mark.parametrize("endings", [[Throttled(Refusal(retry_after=5.0))], [Failed()] * 3])
async def test_nothing_is_hedged_while_the_provider_wants_no_calls(endings):
    """A pause or an outage is no time for more."""
    limiter = Limiter()
    await _calls(limiter, *[Accepted()] * 40)
    assert limiter.hedge_after() == 3.0
    await _calls(limiter, *endings)
    assert limiter.hedge_after() is None


async def test_only_accepted_calls_are_measured():
    """Others may have ended at once."""
    limiter = Limiter()
    await _calls(limiter, *[None] * 40)
    assert limiter.hedge_after() is None
    await _calls(limiter, *[Accepted()] * 39)
    limiter.hedged()
    assert limiter.hedge_after() is None
    await _calls(limiter, Accepted())
    assert limiter.hedge_after() == 3.0


async def _calls(limiter, *endings):
    for ending in endings:
        async with limiter.permit() as permit:
            await asyncio.sleep(1)
            permit.end(ending)
