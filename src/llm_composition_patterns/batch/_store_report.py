"""`read_report`: what the runs of a batch came to, in the five figures by which one steers it.

They are the completion time of each job, the utilization of the workers, the response times of the provider, the error
rates, and the cost of an item. A job is what has a store of its own: a shard, or the whole batch.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from ..usage import Usage
from ._distribution import Distribution
from ._lock import is_held
from ._run_record import RunRecord, died
from ._sqlite_file import read_only, unusable
from ._sqlite_rows import SPENT, read_counts, read_fact, read_kinds, read_runs
from ._states import State
from ._usage_text import read_usage


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What one job did, over all its runs.

    Attributes:
        name: What its store is called.
        runs: What each of its runs told last.
    """

    name: str
    runs: tuple[RunRecord, ...]

    @property
    def items(self) -> int:
        """Items that it executed."""
        return sum(run.done for run in self.runs)

    @property
    def seconds(self) -> float:
        """How long its runs took, together."""
        return sum(run.seconds for run in self.runs)

    @property
    def utilization(self) -> float | None:
        """The share of its workers' time in which they were at work; None where it took no time."""
        return _utilization(self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What a batch came to.

    Attributes:
        counts: How many items are in each state that there is.
        errors: How many items have not succeeded for which kind of reason, by their state.
        spent: What all runs used.
        jobs: What each job did; none of runs of before this was told.
    """

    counts: Mapping[str, int]
    errors: Mapping[State, Mapping[str, int]]
    spent: Usage
    jobs: tuple[JobReport, ...]

    @property
    def runs(self) -> Sequence[RunRecord]:
        """What each run of each job told last."""
        return [run for job in self.jobs for run in job.runs]

    @property
    def utilization(self) -> float | None:
        """The share of all workers' time in which they were at work."""
        return _utilization(self.runs)

    @property
    def responses(self) -> Distribution:
        """How long the provider took for each attempt."""
        return sum((run.responses for run in self.runs), Distribution())

    @property
    def unaccepted(self) -> int:
        """Attempts that failed, or were refused."""
        return sum(run.unaccepted for run in self.runs)

    @property
    def reached(self) -> int:
        """Items that some run has reached."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Items that failed or were given up."""
        return self.counts.get("failed", 0) + self.counts.get("abandoned", 0)

    @property
    def cost_per_item(self) -> Decimal | None:
        """What was spent for each item that succeeded, failed ones and all; None where that is not known."""
        done = self.counts.get("succeeded", 0)
        return self.spent.cost / done if done and self.spent.cost is not None else None


def read_report(store: str | os.PathLike[str]) -> StoreReport:
    """Read what the runs of a batch came to; it may be running.

    The call blocks: in a coroutine, use `asyncio.to_thread`.

    Raises:
        BatchError: The file is missing or no batch.
    """
    path = Path(store)
    with closing(read_only(path)) as db:
        try:
            db.execute("BEGIN")  # all of it at one moment
            jobs = [[*runs] for _, runs in groupby(read_runs(db), key=lambda each: each.job)]
            return StoreReport(
                counts=read_counts(db),
                errors=read_kinds(db),
                spent=read_usage(read_fact(db, SPENT)),
                jobs=tuple(JobReport(name=runs[0].name, runs=tuple(each.record for each in runs)) for runs in jobs),
            )
        except sqlite3.Error as error:
            raise unusable(path, error) from error


def read_progress(store: str | os.PathLike[str]) -> RunRecord | None:
    """Read what the last run of a batch told last, about a second ago while items end; None where none told.

    Of a run whose process is gone without a word it is said that it died. The call blocks.

    Raises:
        BatchError: The file is missing or no batch.
    """
    path = Path(store)
    with closing(read_only(path)) as db:
        try:
            last = max((each.record for each in read_runs(db)), key=lambda run: run.began, default=None)
        except sqlite3.Error as error:
            raise unusable(path, error) from error
    return last if last is None or is_held(path) else died(last)


def _utilization(runs: Sequence[RunRecord]) -> float | None:
    there = sum(run.workers * run.seconds for run in runs)
    return sum(run.busy for run in runs) / there if there else None
