"""The breaker: three failures open it, one probe at a time asks, the first success closes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._breaker import Breaker


def opened(at=10.0):
    breaker = Breaker()
    for _ in range(3):
        breaker.sent(at - 3)
    for number in (1, 2, 3):
        breaker.failed(at - 3 + number, number, number)
    return breaker


def end(breaker, now, number, *, ok, probe=False, first=0):
    if ok:
        breaker.answered(probe, number)
    else:
        breaker.failed(now, number, first or number)


def test_two_failures_and_a_success_do_not_open_it():
    """Only failures in a row count."""
    breaker = Breaker()
    for number, ok in enumerate((False, False, True, False, False), 1):
        end(breaker, 0.0, number, ok=ok)
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
        end(breaker, 10.0 + number, number - 4, ok=True)
        assert not breaker.is_open
        end(breaker, 10.5 + number, number, ok=False)
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
        end(breaker, now, number, ok=ok)
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
    end(breaker, 10.7, 4, ok=True, probe=True)
    assert (breaker.is_open, breaker.since, breaker.wait(10.7)) == (False, None, 0.0)
    end(breaker, 11.0, 5, ok=False)
    assert not breaker.is_open


def test_a_call_from_before_the_outage_does_not_close_it():
    """A long answer that still comes says nothing of whether new calls are taken."""
    breaker = opened()
    end(breaker, 10.1, 0, ok=True)
    assert breaker.is_open


def test_a_probe_that_fails_leaves_it_open():
    """The next probe comes at its time."""
    breaker = opened()
    breaker.sent(10.5)
    end(breaker, 10.6, 4, ok=False)
    assert (breaker.is_open, breaker.wait(10.75), breaker.since) == (True, 0.25, 8.0)


def test_a_probe_that_may_still_be_answered_is_waited_for():
    """Until it fails, and never for more than ten seconds."""
    breaker = opened()
    breaker.hangs_for = 4.0
    breaker.sent(10.5)
    assert breaker.wait(10.5) == 4.0
    end(breaker, 11.5, 4, ok=False)
    assert breaker.wait(11.5) == 0.0
    breaker.hangs_for = 60.0
    breaker.sent(11.5)
    end(breaker, 12.5, 4, ok=False)
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
            end(breaker, now, breaker.calls, ok=what == "ok", probe=probe)
        assert 0 <= breaker.wait(now) <= 1.0
        assert breaker.is_open == (breaker.since is not None)


def test_it_closes_where_what_opened_it_was_the_calls_own():
    """Others were answered that were sent after them: the provider was there all the time."""
    breaker = opened()
    end(breaker, 10.2, 4, ok=True)
    assert (breaker.is_open, breaker.since) == (False, None)


def test_a_call_that_failed_before_another_was_answered_never_opens_it():
    """However often it fails from then on."""
    breaker = Breaker()
    end(breaker, 1.0, 2, ok=True)
    for number in (3, 4, 5, 6):
        end(breaker, float(number), number, ok=False, first=1)
    assert not breaker.is_open


def test_what_failed_in_an_outage_beyond_doubt_is_forgiven():
    """Ten different calls in a row, then a probe that is answered; not what failed before it or after it."""
    breaker = Breaker()
    for number in range(1, 12):
        breaker.sent(float(number))
        end(breaker, float(number), number, ok=number == 1)
    breaker.sent(20.0)
    end(breaker, 21.0, 12, ok=True, probe=True)
    assert [any(number in outage for outage in breaker.over) for number in (1, 2, 11, 12)] == [False, True, True, False]


def test_three_failures_are_not_beyond_doubt():
    """It may have been chance, or what was in them."""
    breaker = opened()
    end(breaker, 11.0, 4, ok=True, probe=True)
    assert breaker.over == ()
