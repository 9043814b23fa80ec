"""What a run of a batch did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..usage import Usage
from ._states import State

Interruption: TypeAlias = Literal["SIGINT", "SIGTERM"]

REPORTED: Final[tuple[State, ...]] = ("succeeded", "failed", "pending", "abandoned")
"""The states in which items are when nobody runs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of a batch, and what this run of it did.

    Attributes:
        counts: How many items of the whole store are in each state: `succeeded`, `failed`, `pending`, `abandoned`.
            Items that no run has reached yet are in none.
        executed: How many items this run executed.
        possibly_repeated: The keys of items that were in flight when some earlier run died, and were executed again
            since: they may have been paid twice. Over all runs.
        interrupted: The signal that stopped this run, or None.
        usage: What this run used.
        elapsed: How long it took, in seconds.
    """

    counts: Mapping[str, int]
    executed: int
    possibly_repeated: tuple[str, ...]
    interrupted: Interruption | None
    usage: Usage
    elapsed: float

    @property
    def finished(self) -> bool:
        """Whether nothing is left for another run, as far as items were reached."""
        return self.interrupted is None and not self.counts.get("pending")
