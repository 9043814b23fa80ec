"""What checkers think of budgets. Never run."""

from decimal import Decimal
from typing import assert_type

from llm_composition_patterns import Budget, BudgetExceeded, Tracked, Usage, track


async def use() -> None:
    """Accepted, with the types that are written here."""
    async with track("run", budget=Budget(usd=5.0)) as tracked:
        assert_type(tracked, Tracked)
        assert_type(tracked.usage, Usage)
    async with track("run", budget=Budget(usd=5, tokens=1000)):
        pass
    async with track("run", budget=None):
        pass
    assert_type(Budget(usd=Decimal(5)).tokens, int | None)
    try:
        raise BudgetExceeded("by hand")
    except BudgetExceeded as error:
        assert_type(error.scope, str)
        assert_type(error.needed, Decimal | int)


def refuse(budget: Budget) -> None:
    """Rejected, each line for the reason in its comment."""
    track("run", budget=5.0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    track("run", budget)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Budget(5.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Budget(usd="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    budget.usd = 6  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
