"""What speaks for an outage: failures that no answer contradicts. Pure.

An answer to a call says that the provider was there when that was sent. So it acquits the provider of the failures of
all calls of which an attempt had failed that was sent before: those calls have something against them, and what they
fail from then on is no sign of an outage either. What is left are failures of calls with nothing against them.

So many of them in a row, in the order in which they were sent, are needed as chance brings about once in a thousand
times where the share fails that usually does and is contradicted: three where hardly anything fails. Where others
between them have not ended yet, more calls are enough if they are the larger part by far.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log
from typing import Final, NamedTuple

LEAST: Final = 3
"""Failures in a row that are an outage, at least."""

MOST: Final = 12
"""The same, at most: where nearly everything fails, so many calls learn nothing new from one more."""

RARE: Final = 1e-3
"""How often chance may bring about an outage where there is none."""

DOUBTLESS: Final = 7
"""So many more different calls than the least leave no doubt of an outage, or twice as many as are needed."""

OFTEN: Final = 1 / 3
"""The share of calls that fail for no outage above which they fail often."""

KEPT: Final = 64
"""Failures that are kept."""

_WEIGHT: Final = 1 / 32
"""Of one call in the usual share of failures."""


class _Failure(NamedTuple):
    first: int  # the first attempt of the same call that failed, by its number
    at: float


class Evidence:
    """The failures that no answer contradicts.

    Attributes:
        answered: The last one of the calls that were answered, by its number.
    """

    __slots__ = ("_failed", "_share", "answered")

    def __init__(self) -> None:
        self.answered: int = 0
        self._failed: dict[int, _Failure] = {}  # by the number of the attempt
        self._share = 0.0  # of calls that failed for no outage

    def __len__(self) -> int:
        return len(self._failed)

    @property
    def calls(self) -> int:
        """How many different calls have failed."""
        return len({failure.first for failure in self._failed.values()})

    @property
    def needed(self) -> int:
        """Failures in a row that are no chance."""
        return LEAST if self._share < RARE else min(MOST, max(LEAST, ceil(log(RARE) / log(self._share))))

    @property
    def is_certain(self) -> bool:
        """Whether so many different calls have failed that it is not for what is in them."""
        return self.calls >= self.needed and self._are_most()

    @property
    def is_doubtless(self) -> bool:
        """Whether nothing but an outage can have failed so many."""
        return self.calls >= max(2 * self.needed, LEAST + DOUBTLESS) and self._are_most()

    @property
    def is_common(self) -> bool:
        """Whether so much fails for no outage that a call may be unlucky several times."""
        return self._share > OFTEN

    def speaks(self, first: int) -> bool:
        """Whether a failure says something of the provider, of a call whose `first` attempt failed first."""
        return first > self.answered

    def fails(self, number: int, first: int, now: float) -> float | None:
        """An attempt has failed; since when there is an outage, if that shows one."""
        if not self.speaks(first):
            return None
        failed = self._failed
        failed[number] = _Failure(first, now)
        if len(failed) > KEPT:
            del failed[min(failed)]
        row = self._row(number)
        if not row and self.calls > 2 * self.needed - LEAST and self._are_most():
            row = list(failed)
        return min((failed[one].at for one in row), default=None)

    def answers(self, number: int) -> None:
        """A call was answered: what failed of calls that had failed before it was sent is no sign of an outage."""
        if number > self.answered:
            self.answered = number
        if self._failed:
            refuted = [one for one, failure in self._failed.items() if failure.first <= number]
            for _ in {self._failed.pop(one).first for one in refuted}:
                self._share += (1.0 - self._share) * _WEIGHT
        if self._share:
            self._share -= self._share * _WEIGHT

    def is_over(self, number: int) -> None:
        """The outage is over, of which there was evidence: a call was answered that was sent in it."""
        self.answered = max(self.answered, number)
        self._failed.clear()

    def _are_most(self) -> bool:
        """Whether hardly a call has not failed since the first of them did, ended or not."""
        among = max(self._failed) - min(self._failed) + 1
        return 2 * len(self._failed) >= among * (1.0 + self._share)

    def _row(self, number: int) -> Sequence[int]:
        """The failed attempts around this one that were sent one after another; none where they are too few."""
        low = high = number
        while low - 1 in self._failed:
            low -= 1
        while high + 1 in self._failed:
            high += 1
        return range(low, high + 1) if high - low + 1 >= self.needed else ()
