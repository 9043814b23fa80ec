"""The breaker: three failures open it, one probe at a time asks, the first success closes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._breaker import Breaker


def opened(at=10.0):
    breaker = Breaker()
    for now in (at - 2, at - 1, at):
        breaker.ended(now, ok=False, probe=False)
    return breaker


def test_two_failures_and_a_success_do_not_open_it():
    """Only failures in a row count."""
    breaker = Breaker()
    for ok in (False, False, True, False, False):
        breaker.ended(0.0, ok=ok, probe=False)
    assert (breaker.is_open, breaker.since, breaker.wait(0.0), breaker.sent(0.0)) == (False, None, 0.0, False)


def test_the_third_failure_in_a_row_opens_it():
    """The outage began with the first of them; the first probe goes half a second later."""
    breaker = opened()
    assert (breaker.is_open, breaker.since) == (True, 8.0)
    assert [breaker.wait(now) for now in (10.0, 10.25, 10.5, 12.0)] == [0.5, 0.25, 0.0, 0.0]


def test_answers_to_calls_from_before_the_outage_do_not_hide_it():
    """Three calls that were sent one after another failed, each sooner than the answer to an older call came."""
    breaker = Breaker()
    for now in range(8):
        breaker.sent(now)
    for number in (5, 6, 7):
        breaker.ended(10.0 + number, ok=True, probe=False, number=number - 4)
        assert not breaker.is_open
        breaker.ended(10.5 + number, ok=False, probe=False, number=number)
    assert (breaker.is_open, breaker.since) == (True, 15.5)


@pytest.mark.parametrize("ahead", [0, 1, 5, 40])
def test_one_failure_in_four_never_opens_it(ahead):
    """Also where failures come sooner than the answers to calls that were sent before."""
    breaker, ends = Breaker(), []
    for number in range(1, 1001):
        breaker.sent(float(number))
        ok = number % 4 != 3 or number <= ahead
        ends.append((number + (ahead if ok else 0.5), ok, number))
    for now, ok, number in sorted(ends):
        breaker.ended(now, ok=ok, probe=False, number=number)
        assert not breaker.is_open


def test_probes_go_every_half_second_and_then_every_second():
    """Also while no probe has come back, because a provider that hangs answers none."""
    breaker, now, pauses = opened(), 10.5, []
    for _ in range(20):
        assert breaker.sent(now)
        pauses.append(breaker.wait(now))
        now += pauses[-1]
    assert (pauses[0], pauses[-1]) == (0.5, 1.0)
    assert pauses == sorted(pauses)


def test_the_first_probe_that_succeeds_closes_it():
    """From then on nobody waits, and it takes three failures again."""
    breaker = opened()
    assert breaker.sent(10.5)
    breaker.ended(10.7, ok=True, probe=True)
    assert (breaker.is_open, breaker.since, breaker.wait(10.7)) == (False, None, 0.0)
    breaker.ended(11.0, ok=False, probe=False)
    assert not breaker.is_open


def test_a_call_from_before_the_outage_does_not_close_it():
    """A long answer that still comes says nothing of whether new calls are taken."""
    breaker = opened()
    breaker.ended(10.1, ok=True, probe=False)
    assert breaker.is_open


def test_a_probe_that_fails_leaves_it_open():
    """The next probe comes at its time."""
    breaker = opened()
    breaker.sent(10.5)
    breaker.ended(10.6, ok=False, probe=True)
    assert (breaker.is_open, breaker.wait(10.75), breaker.since) == (True, 0.25, 8.0)


def test_a_probe_that_may_still_be_answered_is_waited_for():
    """Until it fails, and never for more than ten seconds."""
    breaker = opened()
    breaker.hangs_for = 4.0
    breaker.sent(10.5)
    assert breaker.wait(10.5) == 4.0
    breaker.ended(11.5, ok=False, probe=True, number=1)
    assert breaker.wait(11.5) == 0.0
    breaker.hangs_for = 60.0
    breaker.sent(11.5)
    breaker.ended(12.5, ok=False, probe=True, number=1)
    assert breaker.wait(11.5) == 10.0


def test_a_probe_that_is_ignored_frees_its_place_at_once():
    """A cancelled probe costs nobody a pause."""
    breaker = opened()
    breaker.sent(10.5)
    breaker.ignored(10.6, probe=True)
    assert breaker.wait(10.6) == 0.0
    breaker.sent(10.6)
    breaker.ignored(10.7, probe=False)
    assert breaker.wait(10.7) > 0


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["send", "ok", "fail", "ignore"]), st.booleans())))
def test_nobody_ever_waits_longer_than_a_second_for_a_probe(steps):
    """Whatever happens, and in whatever order."""
    breaker, now = Breaker(), 0.0
    for pause, what, probe in steps:
        now += pause
        if what == "send":
            if not breaker.wait(now):
                breaker.sent(now)
        elif what == "ignore":
            breaker.ignored(now, probe)
        else:
            breaker.ended(now, what == "ok", probe)
        assert 0 <= breaker.wait(now) <= 1.0
        assert breaker.is_open == (breaker.since is not None)
