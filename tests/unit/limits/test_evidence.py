"""Evidence: failures that no answer contradicts, and whether they are an outage."""

import pytest

from llm_composition_patterns.limits._evidence import LEAST, MOST, Evidence


def failed(*firsts):
    """Calls that failed, one after another, the first attempts of each."""
    evidence = Evidence()
    for number, first in enumerate(firsts, 1):
        evidence.fails(number, first, float(number))
    return evidence


def used_to(share, calls=1000):
    """Where such a share fails without an outage."""
    evidence = Evidence()
    for number in range(1, calls):
        if number % 100 < 100 * share:
            evidence.fails(number, number, 0.0)
        else:
            evidence.answers(number)
    evidence.answers(calls)
    return evidence


def test_three_calls_that_fail_are_certain():
    """Two may fail for what is in them."""
    assert not failed(1, 2).is_certain
    assert failed(1, 2, 3).is_certain


def test_one_call_that_fails_three_times_is_one():
    """It may be for what is in it."""
    assert not failed(1, 1, 1).is_certain


def test_an_answer_acquits_the_provider_of_what_was_sent_before():
    """It is there."""
    evidence = failed(1, 2, 3)
    evidence.answers(3)
    assert not len(evidence)


def test_an_answer_to_a_call_from_before_acquits_it_of_nothing():
    """It was there then."""
    evidence = Evidence()
    for number in (2, 3, 4):
        evidence.fails(number, number, 0.0)
    evidence.answers(1)
    assert evidence.is_certain


def test_three_in_a_row_are_an_outage_since_the_first():
    """In the order in which they were sent, not in that in which they failed."""
    evidence = Evidence()
    assert [evidence.fails(number, number, now) for now, number in ((1.0, 3), (2.0, 1), (3.0, 2))] == [None, None, 1.0]


def test_others_that_have_not_ended_stand_between_them():
    """Two of three calls may still be answered; where hardly one may, it is an outage."""
    evidence = Evidence()
    assert [evidence.fails(number, number, 0.0) for number in (1, 4, 7, 10)] == [None] * 4
    assert [evidence.fails(number, number, 0.0) for number in (3, 6, 8)][-1] == 0.0


@pytest.mark.parametrize(("share", "needed"), [(0.0, LEAST), (0.05, LEAST), (1.0, MOST)])
def test_where_more_fails_more_failures_are_needed(share, needed):
    """Three may come by chance where much fails."""
    assert used_to(share).needed == needed
