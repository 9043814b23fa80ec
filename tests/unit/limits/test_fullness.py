"""Servers that fail what comes on top of what they take at once, told from those that fail."""

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._fullness import Fullness


def fed(*sent):
    """After calls as (sent at, in flight, answered); what each failure was taken for."""
    fullness, found = Fullness(), []
    for at, in_flight, answered in sent:
        if answered:
            fullness.answered(at, in_flight)
        else:
            found.append(fullness.failed(at, in_flight))
    return found


def test_failures_beside_many_and_answers_beside_few_are_a_full_server():
    """Two answers since the first failure, all beside fewer, are enough."""
    assert fed((0, 5, False), (1, 3, True), (1, 4, True), (2, 5, False), (2, 6, False)) == [False, False, True]


def test_what_was_answered_before_the_first_failure_tells_nothing():
    """At the beginning of an outage there were answers, too."""
    answered = [(at, 4, True) for at in range(9)]
    assert not any(fed(*answered, *((9 + at, 5, False) for at in range(9))))


def test_answers_that_were_sent_before_it_tell_nothing_either():
    """They were on their way when the outage began."""
    assert not any(fed((5, 8, False), (4, 2, True), (4, 3, True), (4, 4, True), (5, 8, False), (5, 8, False)))


def test_a_failure_alone_in_flight_is_not_for_being_one_too_many():
    """It fails beside nobody."""
    assert fed((0, 5, False), (1, 1, True), (1, 1, True), (2, 5, False), (2, 1, False), (3, 5, False))[-2:] == [
        False,
        False,
    ]


def test_a_slot_may_become_free_while_a_call_is_on_its_way():
    """So one answer in ten beside as many as fail makes no difference; two do."""
    failures = [(0, 5, False)] * 10
    answers = [(1, 4, True), (1, 4, True), (1, 5, True)]
    assert fed(*failures, *answers, (2, 5, False))[-1]
    assert not fed(*failures, *answers, (1, 5, True), (2, 5, False))[-1]


def test_what_failed_in_an_outage_long_ago_tells_nothing():
    """Calls that were sent alone failed then, too."""
    outage = [(at, 1, False) for at in range(9)]
    full = [(200, 5, False), (201, 3, True), (201, 4, True), (202, 5, False), (202, 6, False)]
    assert fed(*outage, *full)[-1]


@given(
    st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=60),
    st.lists(st.integers(1, 20), min_size=3, max_size=60),
)
def test_an_outage_is_never_taken_for_a_full_server(before, during):
    """Whatever was answered before: since it began nothing is."""
    healthy = [(at, in_flight, True) for at, (in_flight, _) in enumerate(before)]
    assert not any(fed(*healthy, *((len(before) + at, in_flight, False) for at, in_flight in enumerate(during))))


@given(st.integers(1, 30), st.lists(st.integers(1, 40), min_size=20, max_size=80))
def test_a_cap_is_found_by_the_first_failure_after_two_answers(slots, in_flight):
    """Calls that come at any number in flight: what is more than the slots fails."""
    calls = [(at, number, number <= slots) for at, number in enumerate(in_flight)]
    found = iter(fed(*calls))
    failures = answers = 0
    for _, _, answered in calls:
        if answered:
            answers += failures > 0
        else:
            failures += 1
            assert next(found) is (failures >= 3 and answers >= 2)
