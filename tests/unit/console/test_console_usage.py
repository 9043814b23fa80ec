"""Tokens, calls and cost, for people and for machines."""

from decimal import Decimal

from llm_composition_patterns.console import counted, usage_line, usage_record
from llm_composition_patterns.usage import Usage

USED = Usage(
    input_tokens=1812, output_tokens=90, reasoning_tokens=7, calls=3, retries=1, known_cost=Decimal("0.000213")
)


def test_usage_is_a_line():
    """One thing counted is not several."""
    assert usage_line(USED) == "1,812 tokens in, 90 out, 3 calls, 1 retry, cost $0.000213"


def test_repairs_are_told_where_they_are_known():
    """They are among the calls."""
    assert "3 calls (2 of them to repair answers), 1 retry" in usage_line(USED, repairs=2)


def test_an_unknown_cost_is_not_zero():
    """What is known of it is a lower bound; what costs nothing costs $0."""
    unknown = Usage(calls=1, unpriced=1)
    assert usage_line(unknown).endswith("cost unknown")
    assert usage_line(USED + unknown).endswith("cost unknown, at least $0.000213")
    assert usage_line(Usage()).endswith("0 calls, 0 retries, cost $0")


def test_usage_is_a_record():
    """By model, where it is known of which."""
    record = usage_record(USED.of_model("groq:m"))
    plain = usage_record(USED)
    assert plain == {
        "input_tokens": 1812,
        "output_tokens": 90,
        "reasoning_tokens": 7,
        "calls": 3,
        "retries": 1,
        "cost": 0.000213,
        "known_cost": 0.000213,
    }
    assert record == {**plain, "by_model": {"groq:m": plain}}


def test_an_unknown_cost_is_null():
    """And what is known of it is there."""
    record = usage_record(USED + Usage(calls=1, unpriced=1))
    assert (record["cost"], record["known_cost"]) == (None, 0.000213)


def test_counting():
    """Words of many letters too."""
    assert [counted(0, "call"), counted(1, "call"), counted(2000, "retry", "retries")] == [
        "0 calls",
        "1 call",
        "2,000 retries",
    ]
