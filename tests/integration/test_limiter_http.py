"""The limiter over real HTTP: the groq SDK against `llm-patterns simulate`. Run with `-m slow`: some minutes."""

import pytest

from benchmarks.limiter import _http

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_hidden_limit_is_found_and_used_up():
    """2,000 calls under 40 a second with nothing but Retry-After: 3 % refused at most, 0.93 of the limit used."""
    found = _http.hidden_limit(2_000)
    assert found["lost"] == 0
    assert found["rejected"] <= 0.03
    assert found["of the limit"] >= 0.93


def test_slots_are_used_without_a_queue():
    """Four slots of 50 ms: as fast as the best fixed number, without the wait that 200 in flight bring."""
    found = _http.slots(1_000)
    fixed = {number: _http.slots(1_000, number) for number in (4, 5, 10, 200)}
    assert found["lost"] == 0
    assert found["rate"] >= 0.97 * max(figures["rate"] for figures in fixed.values())
    assert found["p99"] <= 0.15 * fixed[200]["p99"]


def test_an_outage_is_sat_out():
    """20 s of 503: nothing is lost, few requests fail, and its end brings no storm."""
    found = _http.outage(800)
    assert found["lost"] == 0
    assert found["failed"] <= 45  # a probe each half second at most, and the few that began it
    assert found["storm"] <= 1.0
