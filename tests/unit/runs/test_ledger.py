"""The books of one budget: arithmetic."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.runs import Budget
from llm_composition_patterns.runs._ledger import NOTHING, Amount, amount, open_ledger

LIMIT = Amount(1000, 50)
LEDGER = open_ledger(Budget(usd=Decimal(1000).scaleb(-18), tokens=50))

amounts = st.builds(Amount, st.integers(0, 400), st.integers(0, 20))


def total(ledger):
    return ledger.spent.plus(ledger.reserved)


@given(st.data())
def test_a_budget_is_never_passed(data):
    """Whatever is reserved, settled for less, cancelled or lost, in whatever order; and nothing stays reserved."""
    ledger, held = LEDGER, []
    for _ in range(data.draw(st.integers(0, 40))):
        if held and data.draw(st.booleans()):
            need = held.pop(data.draw(st.integers(0, len(held) - 1)))
            used = Amount(data.draw(st.integers(0, need.money)), data.draw(st.integers(0, need.tokens)))
            ledger = ledger.settle(need, used)
        else:
            need = data.draw(amounts)
            if ledger.fits(need):
                ledger, held = ledger.reserve(need), [*held, need]
        assert total(ledger).money <= LIMIT.money
        assert total(ledger).tokens <= LIMIT.tokens
        assert ledger.reserved == Amount(sum(need.money for need in held), sum(need.tokens for need in held))
    for need in held:
        ledger = ledger.settle(need, NOTHING)
    assert ledger.reserved == NOTHING


@given(amounts, amounts, amounts)
def test_what_never_fits_does_not_fit_when_all_is_settled(spent, held, need):
    """Nor now; and what may fit does when what was reserved cost nothing."""
    ledger = LEDGER.settle(NOTHING, spent).reserve(held)
    settled = ledger.settle(held, NOTHING)
    assert settled.fits(need) is (ledger.never_fits(need) is None)
    if ledger.never_fits(need) is not None:
        assert not ledger.fits(need)


def test_what_is_too_much_is_said():
    """Money goes first."""
    assert LEDGER.never_fits(Amount(1000, 50)) is None
    assert LEDGER.never_fits(Amount(1001, 51)) == "usd"
    assert LEDGER.never_fits(Amount(1000, 51)) == "tokens"


@pytest.mark.parametrize(("budget", "need"), [(Budget(usd=1), Amount(0, 10**9)), (Budget(tokens=1), Amount(10**30, 0))])
def test_what_is_not_limited_always_fits(budget, need):
    """However much it is."""
    assert open_ledger(budget).fits(need)


def test_costs_are_rounded_up_and_limits_down():
    """At the 18th place."""
    tiny = Decimal("1.5e-18")
    assert amount(tiny, 0).money == 2
    assert open_ledger(Budget(usd=tiny)).money == 1


@given(st.decimals(0, 10**6, places=18))
def test_money_goes_in_and_out_exactly(usd):
    """Under whatever precision the caller computes."""
    with localcontext() as context:
        context.prec = 3
        exact = amount(usd, 0).usd
    assert exact == usd
