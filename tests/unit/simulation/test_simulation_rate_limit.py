"""The arithmetic of rate limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation import RateLimit
from llm_composition_patterns.simulation._rate_limit import RateGate, duration


def admitted(gate, times, tokens=1):
    return [time for time in times if gate.admit(tokens, time, model="m") is None]


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
    assert gate.admit(500, 0.0, model="m") is None
    assert gate.admit(200, 0.0, model="m") is not None
    assert gate.admit(100, 0.0, model="m") is None


def test_the_longest_wait_is_told():
    """Of two limits that refuse, the one that takes longer decides."""
    gate = RateGate(RateLimit(requests_per_minute=1, tokens_per_minute=600))
    gate.admit(600, 0.0, model="m")
    exceeded = gate.admit(10, 0.0, model="m")
    assert (exceeded.unit, exceeded.retry_after) == ("requests", 60.0)


def test_what_never_fits_is_too_large():
    """A request larger than the bucket is told so: waiting would not help."""
    exceeded = RateGate(RateLimit(tokens_per_minute=100)).admit(101, 0.0, model="m")
    assert exceeded.is_too_large
    assert exceeded.retry_after is None
    assert "too large" in exceeded.message


def test_the_message_has_the_numbers():
    """Limit, use, request and wait stand in the text, as limiters read them."""
    gate = RateGate(RateLimit(requests_per_minute=30, dialect="groq"))
    admitted(gate, [0.0] * 30)
    message = gate.admit(1, 0.5, model="m").message
    assert "requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 1.5s" in message


def test_a_provider_that_says_nothing():
    """The dialect `none` has no headers and no numbers; Retry-After can be left out as well."""
    gate = RateGate(RateLimit(requests_per_minute=1, dialect="none", retry_after=False))
    gate.admit(1, 0.0, model="m")
    exceeded = gate.admit(1, 0.0, model="m")
    assert exceeded.retry_after is None
    assert not any(letter.isdigit() for letter in exceeded.message)
    assert gate.headers(0.0) == {}


BOTH = {"requests_per_minute": 60, "tokens_per_minute": 6000, "requests_per_day": 1440}


def test_the_headers_of_openai():
    """OpenAI shows requests and tokens of the minute."""
    gate = RateGate(RateLimit(dialect="openai", **BOTH))
    gate.admit(100, 0.0, model="m")
    assert gate.headers(0.5) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "500ms",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "5950",
        "x-ratelimit-reset-tokens": "500ms",
    }


def test_the_headers_of_groq():
    """Groq shows requests of the day and tokens of the minute."""
    gate = RateGate(RateLimit(dialect="groq", **BOTH))
    gate.admit(100, 0.0, model="m")
    headers = gate.headers(0.0)
    assert headers["x-ratelimit-limit-requests"] == "1440"
    assert headers["x-ratelimit-reset-requests"] == "1m0s"
    assert headers["x-ratelimit-limit-tokens"] == "6000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0121, "13ms"), (0.9999, "1s"), (7.66, "7.66s"), (360, "6m0s"), (61.5, "1m1.5s"), (3600, "1h0m0s")],
)
def test_durations_are_written_as_providers_do(seconds, text):
    """Milliseconds below a second, then units."""
    assert duration(seconds) == text


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
        exceeded = gate.admit(size, now, model="m")
        if exceeded is not None:
            now += exceeded.retry_after
            assert gate.admit(size, now, model="m") is None
