"""Usage: values that add up."""

import copy
import dataclasses
import pickle
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import Price
from llm_composition_patterns.usage import NO_USAGE, Usage

counts = st.integers(0, 10_000)
parts = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    reasoning_tokens=counts,
    calls=counts,
    retries=counts,
    known_cost=st.decimals(0, 100, places=6),
    estimated_cost=st.decimals(0, 100, places=6),
    unpriced=st.integers(0, 3),
)
usages = st.one_of(parts, st.just(NO_USAGE), st.builds(Usage.of_model, parts, st.sampled_from(["a:x", "a:y", "b:x"])))


@given(usages)
def test_nothing_adds_nothing(usage):
    """`NO_USAGE` is neutral on both sides."""
    assert usage + NO_USAGE == NO_USAGE + usage == usage


@given(usages, usages, usages)
def test_the_order_of_adding_does_not_matter(first, second, third):
    """Nor do brackets."""
    assert (first + second) + third == first + (second + third)
    assert first + second == second + first


@given(st.lists(st.builds(Usage.of_model, parts, st.sampled_from(["a:x", "b:y"])), max_size=5))
def test_models_add_up_to_the_whole(used):
    """What is filed by model is all there is."""
    total = sum(used, NO_USAGE)
    whole = sum(total.by_model.values(), NO_USAGE)
    assert dataclasses.replace(total, by_model={}) == dataclasses.replace(whole, by_model={})


def test_attempts_and_tokens():
    """Calls and retries are attempts; input and output are tokens."""
    usage = Usage(calls=2, retries=3, input_tokens=5, output_tokens=7, reasoning_tokens=6)
    assert (usage.attempts, usage.total_tokens) == (5, 12)


def test_the_cost_is_unknown_when_a_part_is():
    """What is known stays known."""
    usage = Usage(known_cost=Decimal("0.1")) + Usage(known_cost=Decimal("0.2"))
    assert usage.cost == Decimal("0.3")
    usage += Usage(unpriced=1)
    assert usage.cost is None
    assert usage.known_cost == Decimal("0.3")


def test_usage_is_filed_by_model():
    """Under `provider:model`, once however often it is filed."""
    usage = Usage(calls=1).of_model("groq:x") + Usage(calls=2).of_model("groq:x") + Usage(calls=4).of_model("groq:y")
    assert usage.calls == 7
    assert {name: part.calls for name, part in usage.by_model.items()} == {"groq:x": 3, "groq:y": 4}
    assert all(not part.by_model for part in usage.by_model.values())


@given(usages, usages)
def test_usage_can_be_pickled_and_copied(first, second):
    """It travels between processes, by model too."""
    usage = first + second
    assert pickle.loads(pickle.dumps(usage)) == usage  # noqa: S301 - our own
    assert copy.deepcopy(usage) == usage


def test_usage_is_a_value():
    """It cannot be changed, nor can what is filed in it, before and after it is pickled."""
    usage = Usage(calls=1).of_model("groq:x")
    for value in usage, pickle.loads(pickle.dumps(usage)):  # noqa: S301
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.calls = 2
        with pytest.raises(TypeError):
            value.by_model["groq:x"] = NO_USAGE
    assert hash(usage) == hash(Usage(calls=1).of_model("groq:x"))


@pytest.mark.parametrize("other", [1, None, "usage"])
def test_usage_adds_to_usage_only(other):
    """Anything else is a TypeError."""
    with pytest.raises(TypeError):
        Usage() + other


@pytest.mark.parametrize("precision", [1, 2, 28])
def test_money_is_exact_whatever_context_the_application_has(precision):
    """Prices of a call, and sums of calls."""
    with localcontext(prec=precision):
        prompt, answer = Price(input=Decimal("1.05"), output=Decimal("5.55")).parts(1_234, 567)
        total = Usage(known_cost=prompt) + Usage(known_cost=answer)
    assert (prompt, answer) == (Decimal("0.0012957"), Decimal("0.00314685"))
    assert total.known_cost == Decimal("0.00444255")
