"""Endings and states as plain data."""

import json

import pytest

from llm_composition_patterns import Limiter
from llm_composition_patterns.batch.remote._endings import read_ending, read_state, write_ending, write_state
from llm_composition_patterns.limits import Accepted, Answered, Failed, Overdue, Reading, Refusal, Throttled

READING = Reading(unit="tokens", limit=6000.0, remaining=12.5, reset=1.25, window=60.0)


@pytest.mark.parametrize(
    "ending",
    [
        Accepted((READING,), 120.0, 30),
        Accepted(),
        Throttled(Refusal(retry_after=2.0, readings=(READING, READING), exhausted="tokens", daily=True)),
        Throttled(Refusal()),
        Failed(),
        Overdue(),
        Answered(),
    ],
)
def test_an_ending_comes_back_as_it_was(ending):
    """Whatever it tells of rate limits."""
    assert read_ending(json.loads(json.dumps(write_ending(ending)))) == ending


async def test_the_state_of_a_limiter_comes_back_as_it_was():
    """What it shows is the same on both sides."""
    limiter = Limiter(max=7, requests_per_minute=600)
    async with limiter.permit():
        state = read_state(json.loads(json.dumps(write_state(limiter))))
        assert state.statistics == limiter.statistics()
    assert (state.outage, state.feels, state.hedge_after) == (False, False, None)
    assert (state.surely_out, state.fails_often, state.outages_over) == (False, False, ())
