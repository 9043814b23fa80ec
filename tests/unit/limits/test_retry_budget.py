"""The retry budget: a share of the successes, and a trickle."""

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._retry_budget import RetryBudget


def spent(retries=50, now=0.0):
    budget = RetryBudget()
    for _ in range(retries):
        assert budget.wait(now) == 0.0
        budget.spend(now)
    return budget


def test_a_burst_of_failures_is_retried_at_once():
    """Fifty retries are in reserve; the next one waits for the trickle of two a second."""
    assert spent().wait(0.0) == 0.5


def test_a_success_earns_half_a_retry():
    """A provider that fails a third of its attempts is retried without waiting."""
    budget = spent()
    budget.succeeded(0.0)
    assert budget.wait(0.0) == 0.25
    budget.succeeded(0.0)
    assert budget.wait(0.0) == 0.0


def test_retries_come_at_a_trickle_when_nothing_succeeds():
    """Nothing starves."""
    budget = spent()
    for now in (0.5, 1.0, 1.5):
        assert budget.wait(now) == 0.0
        budget.spend(now)
        assert budget.wait(now) == 0.5


def test_the_reserve_does_not_grow_for_ever():
    """A long good time allows no storm."""
    budget = RetryBudget()
    for now in range(1000):
        budget.succeeded(float(now))
    for _ in range(50):
        budget.spend(999.0)
    assert budget.wait(999.0) == 0.5


@given(st.lists(st.tuples(st.floats(-1, 5), st.booleans()), max_size=200))
def test_retries_are_bounded_by_successes_and_time(steps):
    """Never more than the reserve, half the successes and two a second."""
    budget, now, successes, retries = RetryBudget(), 0.0, 0, 0
    for pause, ok in steps:
        now += pause
        if ok:
            budget.succeeded(now)
            successes += 1
        elif not budget.wait(now):
            budget.spend(now)
            retries += 1
    assert retries <= 50 + successes / 2 + 2 * sum(abs(pause) for pause, _ in steps) + 1e-6
