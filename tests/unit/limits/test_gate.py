"""The gate: nobody calls before the provider wants it."""

import math

import pytest

from llm_composition_patterns.limits._gate import Gate
from llm_composition_patterns.limits._readings import Reading, Refusal


def test_it_is_open_at_first():
    """Nothing is held back before a refusal."""
    gate = Gate()
    assert (gate.wait(0.0), gate.episodes) == (0.0, 0)


def test_it_opens_when_the_provider_wants_to_be_called_again():
    """Closed from the refusal until Retry-After, to the instant."""
    gate = Gate()
    gate.refused(Refusal(retry_after=7.0), 100.0, 0.0)
    assert [gate.wait(now) for now in (100.0, 103.0, 107.0)] == [7.0, 4.0, 0.0]
    assert gate.closed_until == 107.0


def test_jitter_only_adds():
    """Up to a twentieth more, never less."""
    gate = Gate()
    gate.refused(Refusal(retry_after=10.0), 0.0, 1.0)
    assert gate.wait(0.0) == 10.5


def test_the_longest_wish_holds_and_is_one_episode():
    """Refusals of calls that were on their way keep it closed, and never open it earlier."""
    gate = Gate()
    gate.refused(Refusal(retry_after=5.0), 0.0, 0.0)
    gate.refused(Refusal(retry_after=1.0), 1.0, 0.0)
    assert gate.wait(1.0) == 4.0
    gate.refused(Refusal(retry_after=5.0), 2.0, 0.0)
    assert (gate.wait(2.0), gate.episodes) == (5.0, 1)


def test_a_rate_without_a_time_closes_it_for_a_moment_that_doubles():
    """0.25 s, then 0.5 s when the next refusal follows at once; from the start again after a rest."""
    gate, refusal = Gate(), Refusal(exhausted="tokens")
    gate.refused(refusal, 0.0, 0.0)
    assert gate.wait(0.0) == 0.25
    gate.refused(refusal, 0.1, 0.0)
    assert gate.wait(0.1) == 0.15
    gate.refused(refusal, 0.3, 0.0)
    assert gate.wait(0.3) == 0.5
    gate.refused(refusal, 10.0, 0.0)
    assert gate.wait(10.0) == 0.25


def test_the_moment_begins_anew_after_a_call_was_accepted():
    """It was long enough, so the next refusal is another one's; but a call that was sent before it tells nothing."""
    gate, refusal = Gate(), Refusal(exhausted="requests")
    gate.refused(refusal, 0.0, 0.0)
    gate.refused(refusal, 0.25, 0.0)
    gate.accepted(0.2, 0.75)
    gate.refused(refusal, 0.75, 0.0)
    assert gate.wait(0.75) == 1.0
    gate.accepted(1.75, 1.8)
    gate.refused(refusal, 1.85, 0.0)
    assert gate.wait(1.85) == 0.25


@pytest.mark.parametrize("times", [10, 100])
def test_the_moment_does_not_grow_for_ever(times):
    """16 s at most."""
    gate, now = Gate(), 0.0
    for _ in range(times):
        gate.refused(Refusal(exhausted="tokens"), now, 0.0)
        now = gate.closed_until
    assert gate.wait(now - 16.0) <= 16.0


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(),
        Refusal(concurrent=True),
        Refusal(exhausted="tokens", too_large=True),
        Refusal(retry_after=60.0, too_large=True),
        Refusal(retry_after=math.nan, concurrent=True),
        Refusal(retry_after=0.0, readings=(Reading(unit="tokens", limit=1.0),)),
    ],
)
def test_what_names_no_rate_and_no_time_leaves_it_open(refusal):
    """Too many at once, or one too large, is not a matter of time."""
    gate = Gate()
    gate.refused(refusal, 0.0, 0.5)
    assert (gate.wait(0.0), gate.episodes) == (0.0, 0)


@pytest.mark.parametrize("absurd", [math.nan, math.inf, -1.0, 1e9])
def test_an_absurd_wish_is_not_believed(absurd):
    """It counts as none: a moment."""
    gate = Gate()
    gate.refused(Refusal(retry_after=absurd), 0.0, 0.0)
    assert gate.wait(0.0) == 0.25


def test_one_call_passes_every_ten_minutes():
    """A wish of a day may be a mistake: one goes to see, the next ten minutes later."""
    gate = Gate()
    gate.refused(Refusal(retry_after=86400.0), 0.0, 0.0)
    assert [gate.wait(now) for now in (0.0, 599.0, 600.0)] == [600.0, 1.0, 0.0]
    gate.sent(600.0)
    assert (gate.wait(600.0), gate.closed_for(600.0)) == (600.0, 85800.0)


def test_it_opens_when_a_call_that_was_sent_since_is_accepted():
    """What was sent before the refusal says nothing, nor does another refusal."""
    gate = Gate()
    gate.refused(Refusal(retry_after=86400.0), 5.0, 0.0)
    gate.accepted(4.0, 100.0)
    assert gate.closed_for(100.0) == 86305.0
    gate.sent(605.0)
    gate.refused(Refusal(retry_after=86400.0), 606.0, 0.0)
    assert gate.wait(606.0) == 600.0
    gate.sent(1206.0)
    gate.accepted(1206.0, 1207.0)
    assert (gate.wait(1207.0), gate.closed_for(1207.0)) == (0.0, 0.0)
