"""Times, counted in classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.batch._distribution import Distribution

TIMES = st.lists(st.floats(min_value=0.001, max_value=10_000), min_size=1)


def of(times):
    made = Distribution()
    for seconds in times:
        made.add(seconds)
    return made


@given(TIMES, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_share_is_within_a_twentieth_of_the_time_that_it_took(times, share):
    """Of all times, in whatever order they came."""
    last = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
    assert of(times).within(share) == pytest.approx(last, rel=0.05)


@given(TIMES, TIMES)
def test_two_add_up_to_what_both_had(some, others):
    """So that the runs of many jobs are one."""
    both = of(some) + of(others)
    assert (both.number, both.longest) == (len(some) + len(others), max(some + others))
    assert both.mean == pytest.approx(of(some + others).mean)
    assert both.within(0.5) == of(some + others).within(0.5)


def test_it_comes_back_from_json():
    """As it was; nothing took no time."""
    made = of([0.0, 1.0, 2.5])
    assert Distribution.read(made.shown()) == made
    assert (Distribution().number, Distribution().mean, Distribution().within(0.5)) == (0, 0.0, 0.0)
