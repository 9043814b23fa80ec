"""A budget, as a value."""

from decimal import Decimal

import pytest

from llm_composition_patterns.runs import Budget


@pytest.mark.parametrize("usd", [5, 5.0, Decimal(5)])
def test_money_is_kept_exactly(usd):
    """Whatever number it came as."""
    assert Budget(usd=usd) == Budget(usd=Decimal(5))
    assert type(Budget(usd=usd).usd) is Decimal


def test_a_float_is_what_it_looks_like():
    """0.1 means a tenth, not the binary number beside it."""
    assert Budget(usd=0.1).usd == Decimal("0.1")


def test_both_may_be_limited():
    """Tokens beside money."""
    budget = Budget(usd=1, tokens=1000)
    assert (budget.usd, budget.tokens) == (Decimal(1), 1000)


@pytest.mark.parametrize("usd", [True, "5", b"5", [5], 5j])
def test_money_is_a_number(usd):
    """Nothing else is read as one."""
    with pytest.raises(TypeError, match=r"^Budget\(usd=.*\): give US dollars as a number, such as 5\.0$"):
        Budget(usd=usd)


@pytest.mark.parametrize(
    "usd", [0, 0.0, -1, float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), 10**13]
)
def test_money_is_above_0_and_finite(usd):
    """A budget of nothing would be a riddle."""
    with pytest.raises(ValueError, match=r"^Budget\(usd=.*\): give more than 0 US dollars and a finite [^\n]*$"):
        Budget(usd=usd)


@pytest.mark.parametrize("tokens", [True, "5", 5.0, Decimal(5)])
def test_tokens_are_a_whole_number(tokens):
    """Nothing else counts."""
    with pytest.raises(TypeError, match=r"^Budget\(tokens=.*\): give a whole number of tokens, such as 100_000$"):
        Budget(tokens=tokens)


@pytest.mark.parametrize("tokens", [0, -1])
def test_tokens_are_above_0(tokens):
    """As for money."""
    with pytest.raises(ValueError, match=r"^Budget\(tokens=.*\): give more than 0 tokens"):
        Budget(tokens=tokens)


def test_a_budget_limits_something():
    """Without any limit it is a mistake."""
    with pytest.raises(ValueError, match=r"^Budget\(\) limits nothing: give usd=5\.0, tokens=100_000, or both$"):
        Budget()
