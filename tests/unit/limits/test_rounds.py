"""Measuring rounds: what counts, what is dropped, and what comes out."""

import math

import pytest

from llm_composition_patterns.limits._lengths import Lengths
from llm_composition_patterns.limits._rounds import Point, Rounds


def answer(round_, latency=1.0, *, load=4.0, bound=True, lag=0.0):
    log_latency = math.log(latency)
    round_.answered(latency, load, (log_latency, 0.0, log_latency), bound=bound, lag=lag)


def full(rounds, *latencies, **how):
    """A round of all these answers."""
    sent = [rounds.sent(0, len(latencies), settled=True) for _ in latencies]
    for latency in latencies:
        answer(sent[0], latency, **how)
    return sent[0]


def test_throughput_is_load_by_latency():
    """Little's law: 8 calls in flight at 2 s are 4 a second."""
    assert math.exp(Point(8, math.log(2), lengths=Lengths()).log_throughput) == pytest.approx(4)


def test_a_point_is_corrected_by_what_is_known_of_lengths_now():
    """A point from before the share was known follows it."""
    lengths = Lengths()
    point = Point(8, 1.0, log_tokens=0.5, lengths=lengths)
    assert point.log_latency == 0.5
    lengths.share = 0.0
    assert point.log_latency == 1.0
    assert point.seconds == math.exp(1)


def test_a_round_takes_the_calls_sent_in_a_row():
    """Three calls are one round; the fourth has to wait until it is judged."""
    rounds = Rounds(Lengths())
    first, second, third, fourth = (rounds.sent(0, 3, settled=True) for _ in range(4))
    assert first is second is third
    assert fourth is None


def test_rounds_that_overlap_leave_no_call_out():
    """In slow start the fourth call opens the next round."""
    rounds = Rounds(Lengths())
    rounds.overlap()
    first, _, _, fourth = (rounds.sent(0, 3, settled=True) for _ in range(4))
    assert fourth is not None
    assert fourth is not first


def test_no_round_begins_during_the_warm_up_or_above_the_limit():
    """What is sent then sees a load that is about to change."""
    rounds = Rounds(Lengths())
    rounds.restart(10, 2)
    assert rounds.sent(11.9, 3, settled=True) is None
    assert rounds.sent(12, 3, settled=False) is None
    assert rounds.sent(12, 3, settled=True) is not None


def test_a_round_is_complete_with_most_of_its_answers():
    """17 of 20 are enough, 16 are not."""
    round_ = full(Rounds(Lengths()), *[1.0] * 16)
    round_.size = 20
    assert not round_.complete
    answer(round_)
    assert round_.complete


def test_a_round_measures_mean_load_and_geometric_mean_latency():
    """1 s and 4 s are 2 s."""
    rounds = Rounds(Lengths())
    point = rounds.closed(full(rounds, 1, 4, load=6), 0)
    assert point.load == 6
    assert point.log_latency == pytest.approx(math.log(2))


def test_noise_is_learned_from_the_spread_within_rounds():
    """Two answers weigh 2/64 in the running estimate."""
    rounds = Rounds(Lengths())
    point = rounds.closed(full(rounds, 1, 4), 0)
    spread = 2 * math.log(2) ** 2
    assert point.variance == pytest.approx((0.01 + 2 / 64 * (spread - 0.01)) / 2)


def test_a_round_in_which_the_limit_did_not_bind_decides_nothing():
    """With nobody waiting the limit was not what held calls back."""
    rounds = Rounds(Lengths())
    assert rounds.closed(full(rounds, 1, 1, bound=False), 0) is None


@pytest.mark.parametrize(("lag", "tells"), [(0.1, True), (0.11, False)])
def test_a_round_with_a_late_event_loop_decides_nothing(lag, tells):
    """More than a tenth of latency must not be our own."""
    rounds = Rounds(Lengths())
    assert (rounds.closed(full(rounds, 1, 1, lag=lag), 0) is not None) == tells


def test_after_a_round_the_next_one_begins():
    """One at a time, but no call is left out between them without need."""
    rounds = Rounds(Lengths())
    rounds.closed(full(rounds, 1, 1), 5)
    assert rounds.sent(5, 2, settled=True) is not None


def test_a_call_that_left_is_not_waited_for():
    """A round of 3 with one call gone is complete with 2."""
    rounds = Rounds(Lengths())
    round_, _, _ = (rounds.sent(0, 3, settled=True) for _ in range(3))
    rounds.left(round_, 1)
    answer(round_)
    assert not round_.complete
    answer(round_)
    assert round_.complete


def test_a_round_whose_last_calls_left_is_dropped():
    """It must not hold up the ones after it, and decides nothing."""
    rounds = Rounds(Lengths())
    round_, _ = (rounds.sent(0, 2, settled=True) for _ in range(2))
    rounds.left(round_, 1)
    rounds.left(round_, 1)
    assert not rounds.open(round_)
    assert rounds.sent(1, 2, settled=True) is not None


def test_a_round_of_before_a_restart_is_closed_to_answers():
    """What was sent under another limit does not count."""
    rounds = Rounds(Lengths())
    round_ = rounds.sent(0, 3, settled=True)
    rounds.restart(1)
    assert not rounds.open(round_)
    rounds.left(round_, 1)
    assert rounds.sent(1, 3, settled=True) is not round_


def test_rounds_that_overlap_close_one_by_one():
    """A round that is judged takes no more answers; the others go on."""
    rounds = Rounds(Lengths())
    rounds.overlap()
    first = full(rounds, 1, 1)
    second = rounds.sent(0, 2, settled=True)
    assert rounds.closed(first, 1) is not None
    assert not rounds.open(first)
    assert rounds.open(second)
    third = rounds.sent(0, 2, settled=True)
    assert third is second


def test_an_overlapping_round_that_is_judged_early_takes_no_more_calls():
    """Seven of eight calls were sent slowly enough to be answered first."""
    rounds = Rounds(Lengths())
    rounds.overlap()
    round_, *_ = (rounds.sent(0, 8, settled=True) for _ in range(7))
    for _ in range(7):
        answer(round_)
    assert round_.complete
    rounds.closed(round_, 1)
    assert rounds.sent(1, 8, settled=True) is not round_
