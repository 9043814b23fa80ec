"""How often labels are right, and how sure that is. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ._labels import Classification, Labels

Pair: TypeAlias = tuple[Classification | Labels, Labels]
"""What was said of a report, and what is true."""

_Z: Final = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """From 0 to 1."""
        return self.right / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share is, in 95 of 100 such samples (Wilson, 1927: it holds for few, and near 0 and 1)."""
        if not self.of:
            return 0.0, 1.0
        square = _Z**2 / self.of
        middle = self.value + square / 2
        reach = _Z * math.sqrt(self.value * (1 - self.value) / self.of + square / (4 * self.of))
        return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.value:.0%} ({low:.0%} to {high:.0%})"


CRITERIA: Final[Mapping[str, Callable[[Classification | Labels, Labels], bool]]] = {
    "main threat type": lambda said, true: said.threat_types[0] == true.threat_types[0],
    "all threat types": lambda said, true: set(said.threat_types) == set(true.threat_types),
    "industries": lambda said, true: set(said.industries) == set(true.industries),
    "severity": lambda said, true: said.severity == true.severity,
}
"""What counts as right."""


def accuracy(pairs: Iterable[Pair]) -> dict[str, Share]:
    """How often what was said is what is true, by each criterion."""
    known = list(pairs)
    return {
        name: Share(right=sum(is_right(said, true) for said, true in known), of=len(known))
        for name, is_right in CRITERIA.items()
    }
