"""The four ways in which the original meant to translate 34,237 papers, with what it expected of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAPERS: Final = 34_237


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """So many jobs with so many workers each.

    Attributes:
        name: What the original called it.
        jobs: Jobs side by side.
        workers: Workers of each.
        expected_per_hour: Papers an hour that the original expected of it.
    """

    name: str
    jobs: int
    workers: int
    expected_per_hour: int

    @property
    def seconds_per_item(self) -> float:
        """How long a paper takes a worker, if what was expected is right."""
        return self.jobs * self.workers * 3600 / self.expected_per_hour


STRATEGIES: Final = (
    Strategy(name="current", jobs=1, workers=10, expected_per_hour=100),
    Strategy(name="parallel", jobs=5, workers=20, expected_per_hour=500),
    Strategy(name="ultra", jobs=10, workers=50, expected_per_hour=2_500),
    Strategy(name="extreme", jobs=20, workers=100, expected_per_hour=10_000),
)
"""From one job of ten workers, which was measured, to what the original took for the most that there can be."""
