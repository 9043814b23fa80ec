"""Refusals that tell nothing: a cap's, unless they cannot be."""

import pytest

from llm_composition_patterns.limits._readings import Refusal
from llm_composition_patterns.limits._silence import Silence

RATE = Refusal(exhausted="requests")


def heard(silence, in_flight, sent_at, now, refusal=None):
    return silence.heard(refusal or Refusal(), in_flight=in_flight, sent_at=sent_at, now=now)


@pytest.mark.parametrize(
    "refusal", [Refusal(retry_after=1.0), Refusal(exhausted="tokens"), Refusal(daily=True), Refusal(too_large=True)]
)
def test_what_tells_something_is_heard_as_it_is(refusal):
    """Whoever else is in flight."""
    assert heard(Silence(), 1, 0.0, 1.0, refusal) is refusal


def test_of_calls_that_are_alone_the_second_is_a_rates():
    """One is never one too many; once may be an accident."""
    silence = Silence()
    assert [heard(silence, 1, 0.0, 1.0), heard(silence, 1, 1.0, 2.0)] == [Refusal(), RATE]


def test_alone_and_refused_now_and_then_is_an_accident():
    """Among four that are accepted; a provider that is refused by chance has no rate."""
    silence = Silence()
    for time in range(0, 500, 5):
        assert heard(silence, 1, float(time), time + 0.5) == Refusal()
        for later in range(1, 5):
            silence.accepted(float(time + later))


def test_what_speaks_of_calls_at_once_is_a_caps_in_any_case():
    """However often, and with nobody else in flight."""
    silence, refusal = Silence(), Refusal(concurrent=True)
    assert [heard(silence, 1, float(time), time + 0.5, refusal) for time in range(9)] == [refusal] * 9


def test_of_calls_sent_before_the_first_it_is_a_caps():
    """A wave of them was sent at once; nobody knew better."""
    silence = Silence()
    assert [heard(silence, 40 + n, 0.0, 1.0) for n in range(9)] == [Refusal()] * 9


def test_the_third_that_was_sent_since_the_first_is_a_rates():
    """Fewer were in flight by then, and no fewer were refused."""
    silence = Silence()
    assert [heard(silence, 9, float(now), now + 1.0) for now in range(4)] == [Refusal()] * 3 + [RATE]


def test_an_acceptance_in_between_makes_it_a_caps_again():
    """But only of a call that was sent since the first refusal."""
    silence = Silence()
    for now in range(3):
        heard(silence, 9, float(now), now + 1.0)
    silence.accepted(1.0)
    assert heard(silence, 9, 5.0, 6.0) == RATE
    silence.accepted(1.5)
    assert heard(silence, 9, 7.0, 8.0) == Refusal()
