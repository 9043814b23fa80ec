"""Slow start: growth by answers while latency is flat, then by what is believed."""

import math

import pytest

from llm_composition_patterns.limits._lengths import Lengths
from llm_composition_patterns.limits._rounds import Point
from llm_composition_patterns.limits._slow_start import SlowStart


def point(load, latency):
    return Point(load, math.log(latency), variance=1e-4, lengths=Lengths())


def judged(*points, level):
    start = SlowStart(points[0][0], growth=2)
    return start, [start.judge(point(load, latency), level) for load, latency in points][-1]


def test_an_answer_raises_the_limit():
    """By 2 here."""
    assert SlowStart(16, growth=2).grown(16, 0.0) == 18


def test_a_small_limit_grows_by_one():
    """A server with few slots is overwhelmed at once."""
    assert SlowStart(2, growth=2).grown(2, 0.0) == 3


def test_until_a_round_is_judged_the_limit_at_most_triples():
    """Nothing is known yet."""
    start = SlowStart(16, growth=40)
    assert start.grown(16, 0.0) == 48
    assert start.grown(48, 0.0) == 48


def test_a_slow_answer_raises_nothing():
    """1.6 s against the 1 s of the flattest round."""
    start, _ = judged((16, 1), level=16)
    assert start.grown(16, math.log(1.6)) == 16
    assert start.grown(16, math.log(1.4)) == 18


def test_before_the_first_round_an_answer_slower_than_the_quickest_raises_nothing():
    """A server that thrashes below the start gets slower with each call more."""
    start = SlowStart(16, growth=2)
    assert start.grown(16, math.log(5)) == 18
    assert start.grown(18, math.log(8)) == 18
    assert start.grown(18, math.log(7)) == 20


def test_a_round_says_what_flat_is_whatever_a_single_answer_took():
    """The quickest answer may have been luck."""
    start = SlowStart(16, growth=2)
    start.grown(16, math.log(0.5))
    start.judge(point(16, 1), 18)
    assert start.grown(18, math.log(1.4)) == 20


def test_a_flat_round_raises_the_goal_but_not_the_limit():
    """Answers do that, one by one."""
    start, step = judged((16, 1), (32, 1), level=40)
    assert step is None
    assert not start.over
    assert start.grown(100, 0.0) == 102


def test_latency_that_rises_slower_than_load_raises_the_limit_by_itself():
    """Throughput still rises, though no answer is fast; one jump goes at most to 1.4 times what was measured."""
    start, step = judged((16, 1.33), (32, 1.67), level=40)
    assert step.why == "throughput still rises"
    assert step.level == pytest.approx(1.4 * 32)
    assert not step.drain
    assert not start.over


def test_a_limit_beyond_the_knee_comes_down_at_once():
    """Before all of what was sent too much is measured, which on a server that thrashes takes long."""
    start, step = judged((100, 1), (185, 1.2), level=400)
    assert step.why == "beyond the knee"
    assert 185 < step.level < 400
    assert not step.drain
    assert not start.over


def test_a_limit_at_its_goal_stays():
    """It is not beyond the knee: nothing changes."""
    points = (16, 1.33), (32, 1.67)
    _, step = judged(*points, level=40)
    assert judged(*points, level=step.level)[1] is None


def test_jumps_are_wider_when_the_knee_is_clearly_soft():
    """Three times what was measured, when every point says so."""
    _, step = judged(*[(n, 1 + n / 48) for n in (16, 32, 64, 128)], level=130)
    assert step.level == pytest.approx(3 * 128)


def test_a_knee_within_what_was_measured_ends_slow_start():
    """It goes back to a little above the knee."""
    start, step = judged((16, 1), (32, 1), (128, 2), level=150)
    assert start.over
    assert step.why == "slow start over"
    assert 64 <= step.level < 115
    assert step.drain


def test_probing_starts_from_what_was_measured():
    """The flattest latency is known to it."""
    start, _ = judged((16, 1), (32, 1), (128, 2), level=150)
    probing = start.probing()
    probing.judge(point(70, 1.1), 70, 4096)
    assert probing.above_flat == pytest.approx(math.log(1.1))
