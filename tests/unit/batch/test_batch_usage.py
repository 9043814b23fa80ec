"""Usage as a store keeps it, and what was added to it."""

from decimal import Decimal
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.batch._usage_since import usage_since
from llm_composition_patterns.batch._usage_text import read_usage, write_usage
from llm_composition_patterns.usage import NO_USAGE, Usage

COUNTS = st.integers(0, 2**40)
MONEY = st.decimals(0, 10**6, places=12, allow_nan=False)
PARTS = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    calls=COUNTS,
    retries=COUNTS,
    known_cost=MONEY,
    estimated_cost=MONEY,
    unpriced=COUNTS,
)
USAGES = st.lists(st.tuples(st.sampled_from(["groq:a", "openai:b"]), PARTS), max_size=3).map(
    lambda parts: sum((part.of_model(name) for name, part in parts), NO_USAGE)
)


@given(USAGES)
def test_usage_comes_back_from_its_text(usage):
    """Each number, the money to the last digit, and by model."""
    assert read_usage(write_usage(usage)) == usage


def test_no_usage_is_no_text():
    """Most items of a batch without a model cost nothing to write."""
    assert write_usage(NO_USAGE) is None
    assert write_usage(Usage()) is None
    assert read_usage(None) is NO_USAGE


def test_usage_is_written_without_zeros():
    """And money as text, because a float would lose it."""
    usage = Usage(calls=2, known_cost=Decimal("0.10")).of_model("groq:a")
    assert write_usage(usage) == '{"calls":2,"known_cost":"0.10","by_model":{"groq:a":{"calls":2,"known_cost":"0.10"}}}'


@given(USAGES, USAGES)
def test_what_was_added_is_what_is_found(before, added):
    """For whatever was used before."""
    assert usage_since(before, before + added) == added


def test_nothing_added_is_no_usage():
    """The neutral value itself, which costs nothing to add."""
    usage = Usage(calls=1, by_model=MappingProxyType({"a:b": Usage(calls=1)}))
    assert usage_since(usage, usage) is NO_USAGE
