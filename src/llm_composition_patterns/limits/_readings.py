"""What a reply tells of a provider's rate limits: values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["requests", "tokens"]
"""What a rate limit counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply says of one rate limit.

    Attributes:
        unit: What is counted.
        limit: How much there is when nothing is used; above 0 and finite.
        remaining: How much of it is left.
        reset: Seconds until it is full again.
        window: Seconds in which `limit` refills, where the reply says so.
    """

    unit: Unit
    limit: float
    remaining: float | None = None
    reset: float | None = None
    window: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a provider says when it refuses a call because there were too many.

    Attributes:
        retry_after: Seconds after which it wants to be called again.
        readings: What it says of its rate limits.
        exhausted: Which of them refused, where that can be told.
        daily: It is a limit of a day or longer, for which waiting as for a minute's is no use.
        too_large: The request alone is larger than the limit: no waiting helps.
        concurrent: Whether it speaks of too many calls at once; None where it does not say.
    """

    retry_after: float | None = None
    readings: tuple[Reading, ...] = ()
    exhausted: Unit | None = None
    daily: bool = False
    too_large: bool = False
    concurrent: bool | None = None

    @property
    def tells_rate(self) -> bool:
        """Whether this is a rate limit's; a refusal that tells nothing is taken for a cap on calls in flight."""
        if self.concurrent:
            return False
        return self.retry_after is not None or bool(self.readings) or self.exhausted is not None
