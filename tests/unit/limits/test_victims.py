"""Victims: whom a provider failed, and whether that is an outage."""

from llm_composition_patterns.limits import Victims


def failed(*numbers):
    victims = Victims()
    for number in numbers:
        victims.failed(f"call {number}", number)
    return victims


def test_three_calls_that_fail_are_many():
    """Two may fail for what is in them."""
    assert not failed(1, 2).many
    assert failed(1, 2, 3).many


def test_one_call_that_fails_three_times_is_one():
    """It may be for what is in it."""
    victims = Victims()
    for number in (1, 2, 3):
        victims.failed("call", number)
    assert not victims.many


def test_an_answer_acquits_the_provider_of_what_was_sent_before():
    """It is there."""
    victims = failed(1, 2, 3)
    victims.answered(3)
    assert not victims.many


def test_an_answer_to_a_call_from_before_acquits_it_of_nothing():
    """It was there then."""
    victims = failed(2, 3, 4)
    victims.answered(1)
    assert victims.many


def test_those_that_were_sent_last_are_kept():
    """An answer to a call between them leaves as many as were sent after it."""
    victims = failed(1, 2, 6, 5, 7)
    victims.answered(4)
    assert victims.many


def test_an_outage_is_told_once_and_so_is_its_end():
    """Whoever comes first tells; what was not told does not end."""
    victims = Victims()
    assert not victims.over()
    assert [victims.tell(), victims.tell(), victims.told] == [True, False, True]
    assert [victims.over(), victims.over(), victims.told] == [True, False, False]
