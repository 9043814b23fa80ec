"""The belief about the knee: what a few measured points say of where the limit should be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._knee import Knee
from llm_composition_patterns.limits._lengths import Lengths
from llm_composition_patterns.limits._rounds import Point


def point(load, latency, noise=0.01):
    return Point(load, math.log(latency), variance=noise**2, lengths=Lengths())


def knee(*points, sharp=1.0):
    belief = Knee(sharp=sharp)
    for load, latency in points:
        belief.add(point(load, latency))
    return belief


def test_one_point_says_nothing_but_that_more_should_be_tried():
    """With a knee anywhere from a third to eight times the load, the goal is well above it."""
    assert knee((16, 1)).goal().load / 16 == pytest.approx(5.1, abs=0.3)


def test_flat_latency_raises_the_goal():
    """A server that took twice the calls as fast gets a goal beyond both."""
    assert knee((16, 1), (32, 1)).goal().load > 5 * 32


@pytest.mark.parametrize("capacity", [8, 24, 64, 200])
def test_a_sharp_knee_is_found_between_two_measured_loads(capacity):
    """Flat at half of it, saturated at twice: the goal is a little above it."""
    loads = capacity / 4, capacity / 2, capacity * 2
    belief = knee(*[(load, max(1.0, load / capacity)) for load in loads])
    assert 1 < belief.goal().load / capacity < 1.8
    assert belief.goal().softness < 0.3


def test_a_soft_knee_is_seen_far_ahead():
    """Latency that rises from the first call on, but slower than the load, asks for more."""
    goal = knee(*[(n, 1 + n / 48) for n in (16, 30, 60, 120)]).goal()
    assert 300 < goal.load < 700
    assert goal.softness > 0.8


def test_saturation_at_every_load_asks_for_less():
    """One slot: twice the calls take twice as long."""
    assert knee((2, 2), (4, 4), (6, 6)).goal().load < 2


def test_a_local_server_is_taken_for_one_with_slots():
    """The same points lead to a lower goal where a sharp knee is likelier beforehand."""
    points = (2, 1.0), (4, 1.3)
    assert knee(*points, sharp=10).goal().load < knee(*points).goal().load


def test_throughput_that_falls_bounds_the_goal():
    """At 100 calls this server did less than at 40."""
    assert knee((20, 1), (40, 1.02), (100, 4)).goal().load <= 40


def test_throughput_that_was_best_at_the_smallest_load_leads_below_it():
    """What is best is not known yet, but it is not here."""
    assert knee((40, 4), (80, 16)).goal().load <= 0.6 * 40


def test_old_points_are_forgotten():
    """Twelve points are kept."""
    belief = knee((1, 9), *[(16, 1)] * 12)
    assert belief.lowest == 16
    assert belief.flattest == 0
    assert belief.highest == 16


@given(st.lists(st.tuples(st.floats(1, 4096), st.floats(1e-6, 1e6), st.floats(0, 10)), min_size=1, max_size=20))
def test_the_goal_is_always_a_number(points):
    """Whatever was measured, there is a goal above 0, and a softness between 0 and 1."""
    belief = Knee()
    for load, latency, noise in points:
        belief.add(point(load, latency, noise))
    goal = belief.goal()
    assert 0 < goal.load < math.inf
    assert 0 <= goal.softness <= 1
