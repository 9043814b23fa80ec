"""How long many things took, in little room: counted in classes a tenth apart, so that two of them add up. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

_STEP: Final = math.log(1.1)
_LEAST: Final = 1e-6


class Distribution:
    """Times in seconds: how many there were, their mean, the longest, and any share of them within 5 %."""

    __slots__ = ("_classes", "longest", "total")

    def __init__(self, classes: Mapping[int, int] | None = None, *, total: float = 0.0, longest: float = 0.0) -> None:
        self._classes: Counter[int] = Counter(classes or {})
        self.total: float = total
        self.longest: float = longest

    def add(self, seconds: float) -> None:
        """Count one."""
        self._classes[math.floor(math.log(max(seconds, _LEAST)) / _STEP)] += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    @property
    def number(self) -> int:
        """How many there were."""
        return self._classes.total()

    @property
    def mean(self) -> float:
        """Their mean; 0 where there were none."""
        return self.total / self.number if self._classes else 0.0

    def within(self, share: float) -> float:
        """The time within which this share of them was over, as 0.95; 0 where there were none."""
        left = share * self.number
        for place, number in sorted(self._classes.items()):
            left -= number
            if left <= 0:
                return min(math.exp((place + 0.5) * _STEP), self.longest)
        return self.longest

    def __add__(self, other: Distribution) -> Distribution:
        return Distribution(
            self._classes + other._classes,
            total=self.total + other.total,
            longest=max(self.longest, other.longest),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and self.shown() == other.shown()

    def __hash__(self) -> int:
        raise TypeError("a Distribution changes, so it cannot be a key")

    def shown(self) -> dict[str, Any]:
        """The same as plain JSON."""
        classes = {str(place): number for place, number in sorted(self._classes.items())}
        return {"classes": classes, "total": self.total, "longest": self.longest}

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Distribution:
        """What `shown` gave."""
        classes = {int(place): number for place, number in shown["classes"].items()}
        return cls(classes, total=shown["total"], longest=shown["longest"])
