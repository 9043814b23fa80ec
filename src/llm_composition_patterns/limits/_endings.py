"""How a call that had a permit ended: values.

A call of which nothing is said was cancelled or hedged away: it teaches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ._readings import Reading, Refusal


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider answered.

    Attributes:
        readings: What the answer's headers say of rate limits.
        tokens: What the call counts for a token limit, prompt and answer together; None where it is not known.
        output_tokens: Tokens of the answer; None where they are not known.
    """

    readings: tuple[Reading, ...] = ()
    tokens: float | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """There were too many calls.

    Attributes:
        refusal: What the provider said.
    """

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider failed: an error of the server, no answer in time, a lost connection.

    Attributes:
        first: The number of the first permit with which this very request failed; 0: this one.
    """

    first: int = 0


@dataclass(frozen=True, slots=True)
class Overdue:
    """It ran out of time behind others, which the provider answered meanwhile: there were too many for its pace."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider refused the call for what is in it, so it is there; of load that says nothing."""


Ending: TypeAlias = Accepted | Throttled | Failed | Overdue | Answered | None
"""How a call ended; None where it teaches nothing."""
