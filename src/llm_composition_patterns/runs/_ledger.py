"""The books of one budget: what is spent, what is reserved, and what still fits. Pure.

Everything is counted in whole numbers (money in units of 10**-18 US dollars, costs rounded up and limits down), so that
sums are exact in any order, whatever decimal context the caller has set.

The invariant: spent and reserved together never pass the limit, as long as nothing costs more than was reserved for it.
What is spent only grows. So an amount that does not fit beside what is spent never will, whatever becomes of the
reservations; one that only does not fit beside the reservations may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final, Literal, NamedTuple

from ._budget import Budget

Unit = Literal["usd", "tokens"]

_UNITS: Final = 18
_EXACT: Final = Context(prec=200)


class Amount(NamedTuple):
    """Something to pay: money, and tokens.

    Attributes:
        money: In units of 10**-18 US dollars.
        tokens: Of prompt and answer together.
    """

    money: int = 0
    tokens: int = 0

    def plus(self, other: Amount) -> Amount:
        """The sum of both."""
        return Amount(self.money + other.money, self.tokens + other.tokens)

    def minus(self, other: Amount) -> Amount:
        """The difference of both."""
        return Amount(self.money - other.money, self.tokens - other.tokens)

    @property
    def usd(self) -> Decimal:
        """The money in US dollars."""
        return Decimal(self.money).scaleb(-_UNITS, _EXACT).normalize(_EXACT)


NOTHING: Final = Amount()


def amount(usd: Decimal, tokens: int) -> Amount:
    """What has to be paid, never rounded down."""
    return Amount(_units(usd, ROUND_CEILING), tokens)


def _units(usd: Decimal, rounding: str) -> int:
    return int(usd.scaleb(_UNITS, _EXACT).to_integral_value(rounding, _EXACT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The books of one budget.

    Attributes:
        money: The most money, as in `Amount`; None where it is not limited.
        tokens: The most tokens; None where they are not limited.
        spent: What was settled.
        reserved: What is promised to those that have not settled yet.
    """

    money: int | None = None
    tokens: int | None = None
    spent: Amount = NOTHING
    reserved: Amount = NOTHING

    def never_fits(self, need: Amount) -> Unit | None:
        """What `need` has too much of, whatever becomes of the reservations; None while it may fit."""
        return self._passed(self.spent.plus(need))

    def fits(self, need: Amount) -> bool:
        """Whether `need` can be reserved now."""
        return self._passed(self.spent.plus(self.reserved).plus(need)) is None

    def reserve(self, need: Amount) -> Ledger:
        """The books with `need` promised to one more."""
        return replace(self, reserved=self.reserved.plus(need))

    def settle(self, need: Amount, used: Amount) -> Ledger:
        """The books after one to which `need` was promised has paid `used`."""
        return replace(self, reserved=self.reserved.minus(need), spent=self.spent.plus(used))

    def _passed(self, total: Amount) -> Unit | None:
        if self.money is not None and total.money > self.money:
            return "usd"
        return "tokens" if self.tokens is not None and total.tokens > self.tokens else None


def open_ledger(budget: Budget) -> Ledger:
    """The books of a budget of which nothing is spent."""
    usd = budget.usd
    money = None if usd is None else _units(Decimal(usd), ROUND_FLOOR)
    return Ledger(money=money, tokens=budget.tokens)
