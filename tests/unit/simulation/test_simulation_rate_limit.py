"""The arithmetic of rate limits."""

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation import RateLimit
from llm_composition_patterns.simulation._rate_limit import RateGate


def admitted(gate, times, tokens=1):
    return [time for time in times if gate.admit(tokens, time) is None]


def test_a_full_bucket_then_the_steady_rate():
    """60 a minute: 60 at once after a rest, then one a second."""
    gate = RateGate(RateLimit(requests_per_minute=60))
    assert len(admitted(gate, [0.0] * 100)) == 60
    assert admitted(gate, [0.5, 1.0, 1.5, 2.0, 2.0]) == [1.0, 2.0]


def test_burst_is_seconds_of_the_allowance():
    """A burst of one second at 120 a minute is two requests."""
    gate = RateGate(RateLimit(requests_per_minute=120, burst=1))
    assert len(admitted(gate, [0.0] * 10)) == 2
    assert admitted(gate, [0.25, 0.5]) == [0.5]


def test_a_small_burst_still_lets_one_through():
    """However small the burst, one request fits."""
    gate = RateGate(RateLimit(requests_per_minute=6, burst=0.001))
    assert admitted(gate, [0.0, 5.0, 10.0]) == [0.0, 10.0]


def test_tokens_are_counted():
    """A token limit refuses by size, and a refusal takes nothing."""
    gate = RateGate(RateLimit(tokens_per_minute=600))
    assert gate.admit(500, 0.0) is None
    assert gate.admit(200, 0.0) is not None
    assert gate.admit(100, 0.0) is None


def test_the_longest_wait_is_told():
    """Of two limits that refuse, the one that takes longer decides."""
    gate = RateGate(RateLimit(requests_per_minute=1, tokens_per_minute=600))
    gate.admit(600, 0.0)
    exceeded = gate.admit(10, 0.0)
    assert (exceeded.bucket.unit, exceeded.wait) == ("requests", 60.0)


def test_what_never_fits_is_too_large():
    """A request larger than the bucket is told so: waiting would not help."""
    exceeded = RateGate(RateLimit(tokens_per_minute=100)).admit(101, 0.0)
    assert exceeded.is_too_large


def test_a_second_of_burst_at_forty_a_second():
    """40 requests a second with a burst of 40: 2,400 a minute with a second of it at once."""
    gate = RateGate(RateLimit(requests_per_minute=2400, burst=1.0))
    assert len(admitted(gate, [0.0] * 100)) == 40
    assert len(admitted(gate, [0.5] * 100)) == 20


def test_tokens_of_a_day_are_counted():
    """A day's tokens refill over the day, and are there at once after a rest."""
    gate = RateGate(RateLimit(tokens_per_day=86400))
    assert gate.admit(86400, 0.0) is None
    assert gate.admit(60, 0.0).wait == 60
    assert gate.admit(60, 60.0) is None


@given(st.lists(st.floats(0, 300), max_size=200), st.integers(1, 120), st.floats(0.1, 60))
def test_never_more_than_the_limit(times, rate, burst):
    """In any window no more is let through than the bucket and its refill."""
    gate = RateGate(RateLimit(requests_per_minute=rate, burst=burst))
    passed = admitted(gate, sorted(times))
    capacity = max(1, rate * burst / 60)
    for index, first in enumerate(passed):
        for count, last in enumerate(passed[index:], 1):
            assert count <= capacity + (last - first) * rate / 60 + 1e-6


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(60, 6000))
def test_who_waits_as_told_is_let_through(sizes, rate):
    """A request that comes back after the exact wait passes."""
    gate = RateGate(RateLimit(tokens_per_minute=rate))
    now = 0.0
    for size in sizes:
        exceeded = gate.admit(size, now)
        if exceeded is not None:
            now += exceeded.wait
            assert gate.admit(size, now) is None
