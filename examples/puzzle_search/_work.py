"""What the levels hand out: the same search in pieces of three sizes, each with what it cost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ._grids import Grid, NotApplicable
from ._operations import OPERATIONS
from ._search import Finding, Sample, examine, solve_task


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of a piece of work.

    Attributes:
        value: The result.
        seconds: CPU time that it took.
        process: The process that did it.
        spent: CPU time that this process has spent so far, in all.
    """

    value: Any
    seconds: float
    process: int
    spent: float


def apply(given: tuple[str, Grid]) -> Grid | None:
    """One operation; None where it cannot be applied."""
    name, grid = given
    try:
        return OPERATIONS[name](grid)
    except NotApplicable:
        return None


def examine_batch(samples: Sequence[Sample]) -> list[Finding]:
    """Some samples at once, in NumPy."""
    from ._vectorized import examine_many  # noqa: PLC0415 - only this needs NumPy

    return examine_many(samples)


PIECES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "operation": apply,
    "sample": examine,
    "task": solve_task,
    "batch": examine_batch,
}
"""The pieces, by the name that goes along with each."""


def work(piece: str, given: Any) -> Worked:
    """Do one piece of work, and say what it cost."""
    began = time.thread_time()
    value = PIECES[piece](given)
    return Worked(value, time.thread_time() - began, os.getpid(), time.process_time())
