"""How much of latency the length of the answer explains: arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._lengths import Lengths


def learned(*answers):
    lengths = Lengths()
    for tokens, latency in answers:
        lengths.learn(tokens, math.log(latency))
    return lengths


def test_tokens_are_counted_from_those_of_the_first_answer():
    """The first answer is the unit; twice its length is log 2."""
    lengths = Lengths()
    assert lengths.learn(100, 0.0) == 0
    assert lengths.learn(200, 0.0) == pytest.approx(math.log(2))


@pytest.mark.parametrize("tokens", [None, 0, -5])
def test_an_unknown_length_corrects_nothing(tokens):
    """Without a sensible count there is no correction, and nothing is learned."""
    lengths = Lengths()
    assert lengths.learn(tokens, 1.0) == 0
    assert lengths.learn(100, 0.0) == 0


def test_before_enough_answers_latency_counts_as_proportional():
    """Seven answers do not decide yet."""
    assert learned(*[(100 * n, 1.0) for n in range(1, 8)]).share == 1


def test_latency_in_proportion_to_length_has_a_share_of_one():
    """Twice as long takes twice as long."""
    assert learned(*[(100 * n, float(n)) for n in range(1, 20)]).share == pytest.approx(1)


def test_latency_that_does_not_depend_on_length_has_no_share():
    """However long the answers are, they take a second."""
    assert learned(*[(100 * n, 1.0) for n in range(1, 20)]).share == 0


def test_equally_long_answers_explain_nothing():
    """Without spread there is nothing to correct for."""
    assert learned(*[(100, float(n)) for n in range(1, 20)]).share == 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(1e-6, 1e6)), max_size=50))
def test_the_share_is_always_between_none_and_all(answers):
    """Whatever is learned, the correction stays within reason."""
    assert 0 <= learned(*answers).share <= 1
