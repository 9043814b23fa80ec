"""What a run may spend, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_MOST_USD: Final = Decimal(10) ** 12
"""More money than anybody has: such a number is a slip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What everything inside a `track` may spend: money, tokens, or both.

    ```python
    async with track("nightly translations", budget=Budget(usd=5.0)) as tracked:
        outcomes = await parallelize(translate, products, on_error="collect")
    ```

    Before each attempt the most that it can cost is reserved, and after it what it really cost is settled, so a budget
    is never passed. A call that does not fit waits while it may still fit when others have turned out cheaper, and
    else fails with `BudgetExceeded`; what is finished is kept.

    The most that an attempt can cost follows from the length of its prompt and from `max_tokens`. A call without
    `max_tokens` is sent with 4,096 inside a budget, or with less where what is left pays for no more. The closer
    `max_tokens` is to what answers really need, the more calls run at once, and the less of the budget is left over at
    the end. An attempt that ends without saying what it used (cancelled, lost) counts with all that was reserved.

    Attributes:
        usd: US dollars; kept as a `Decimal`. Calls to models without a known price are refused then.
        tokens: Tokens of prompts and answers together.

    Raises:
        TypeError: A number is of another type.
        ValueError: There is no limit at all, or one that is not above 0 or not finite.
    """

    usd: Decimal | float | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.usd is None and self.tokens is None:
            raise ValueError("Budget() limits nothing: give usd=5.0, tokens=100_000, or both")
        if self.usd is not None:
            object.__setattr__(self, "usd", _money(self.usd))
        if self.tokens is not None:
            _check_tokens(self.tokens)


def _money(usd: object) -> Decimal:
    if isinstance(usd, bool) or not isinstance(usd, int | float | Decimal):
        raise TypeError(f"Budget(usd={usd!r}): give US dollars as a number, such as 5.0")
    exact = usd if isinstance(usd, Decimal) else Decimal(str(usd)) if math.isfinite(usd) else Decimal("nan")
    if not (exact.is_finite() and 0 < exact <= _MOST_USD):
        raise ValueError(f"Budget(usd={usd!r}): give more than 0 US dollars and a finite amount, such as 5.0")
    return exact


def _check_tokens(tokens: object) -> None:
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        raise TypeError(f"Budget(tokens={tokens!r}): give a whole number of tokens, such as 100_000")
    if tokens <= 0:
        raise ValueError(f"Budget(tokens={tokens!r}): give more than 0 tokens, such as 100_000")
