"""A tracked run: one root span, and everything that was used inside it."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import Any

from ..tracing import SpanHandle, names, span
from ..usage import Usage
from ._account import Account, current_account
from ._budget import Budget
from ._reservation import Purse, PurseAccount, purses


class Tracked:
    """What one run used so far, and where its trace is; `async with track(...)` gives it."""

    def __init__(self, account: Account, written: SpanHandle) -> None:
        self._account = account
        self._span = written

    @property
    def usage(self) -> Usage:
        """What every call awaited inside the run used so far, failed attempts too."""
        return self._account.usage

    @property
    def trace_id(self) -> str | None:
        """The id of the run's trace, 32 hexadecimal digits; None when nobody listens."""
        return self._span.trace_id

    def output(self, value: object) -> None:
        """Show `value` on the run's span as what came out of it: the answer of a turn, say."""
        self._span.output(value)


class track:  # noqa: N801 - used like the function it reads as
    """Open a root span called `name` and account everything that is awaited inside it.

    ```python
    async with track("nightly translations") as tracked:
        await parallelize(translate, products)
    print(tracked.usage.calls, tracked.usage.cost, tracked.trace_id)
    ```

    Scopes nest: what is used inside an inner one counts for the outer ones too, and is spent of their budgets.

    Args:
        name: What the run and its span are called.
        budget: What everything inside may spend; see `Budget`.
        input: What it was given, to be shown on its span, such as the question of a turn. Viewers of sessions show the
            inputs and outputs of root spans, and nothing else of a turn.

    Raises:
        TypeError: The name is no text, or empty, or the budget is none.
        RuntimeError: From entering: this run was entered already; each `async with` needs a `track(...)` of its own.
    """

    def __init__(self, name: str, *, budget: Budget | None = None, input: object = None) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"track({name!r}): give the run a name, such as track('nightly translations')")
        if budget is not None and not isinstance(budget, Budget):
            raise TypeError(f"track({name!r}, budget={budget!r}): give a Budget, such as Budget(usd=5.0)")
        self._name = name
        self._budget = budget
        self._purse: Purse | None = None
        self._scope = span(name) if input is None else span(name, input=input)
        self._entered = False
        self._account: Account
        self._written: SpanHandle
        self._token: Token[Account | None]

    async def __aenter__(self) -> Tracked:
        if self._entered:
            raise RuntimeError("this run was entered already; call track(...) for each `async with`")
        self._entered = True
        self._account = self._opened()
        self._written = self._scope.__enter__()
        self._token = current_account.set(self._account)
        return Tracked(self._account, self._written)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave_account()
        if self._written.recording:
            self._written.set(usage_attributes(self._account.usage))
            if self._purse is not None:
                self._written.set(_budget_attributes(self._purse))
        self._scope.__exit__(kind, error, trace)

    def _opened(self) -> Account:
        around = current_account.get()
        if self._budget is None:
            return Account(around)
        self._purse = Purse(self._name, self._budget, purses())
        return PurseAccount(around, self._purse)

    def _leave_account(self) -> None:
        try:
            current_account.reset(self._token)
        except ValueError:  # left in another context, as where tasks take turns at an async generator
            if current_account.get() is self._account:
                current_account.set(self._account.parent)


def usage_attributes(usage: Usage) -> dict[str, Any]:
    """The attributes that show a usage on the span of its scope; the cost only where all of it is known."""
    shown: dict[str, Any] = {
        names.CALLS: usage.calls,
        names.RETRIES: usage.retries,
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
        names.KNOWN_COST_USD: float(usage.known_cost),
    }
    if usage.cost is not None:
        shown[names.COST_USD] = float(usage.cost)
    if usage.estimated_cost:
        shown[names.ESTIMATED_COST_USD] = float(usage.estimated_cost)
    return shown


def _budget_attributes(purse: Purse) -> dict[str, Any]:
    """A budget and what was spent of it; what is None is not limited."""
    budget, spent = purse.budget, purse.spent
    usd = None if budget.usd is None else float(budget.usd)
    return {
        names.BUDGET_USD: usd,
        names.BUDGET_TOKENS: budget.tokens,
        names.SPENT_USD: None if usd is None else float(spent.usd),
        names.SPENT_TOKENS: None if budget.tokens is None else spent.tokens,
    }
