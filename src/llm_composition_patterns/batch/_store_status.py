"""`read_status`: how far a batch has come, from its file alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..usage import Usage
from ._report import REPORTED
from ._sqlite_file import read_fingerprint, read_only, unusable
from ._sqlite_rows import RUNS, SPENT, read_counts, read_executed, read_fact, read_kinds, read_repeated
from ._usage_text import read_usage


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """What the store of a batch knows.

    Attributes:
        fingerprint: What decides the results: `step`, `version` and `output`.
        counts: How many items are in each state, as in a `BatchReport`; and, if there are any, `running`: in flight,
            or they were when their run died.
        waiting: How many of the pending ones wait for another run for which kind of reason.
        possibly_repeated: The keys of items that may have been paid twice, over all runs.
        spent: What all runs used.
        last_run: The number of the last run, from 1; of stores that were merged, the highest; 0 before the first.
        executed: How many items that run has executed.
    """

    fingerprint: Mapping[str, str | None]
    counts: Mapping[str, int]
    waiting: Mapping[str, int]
    possibly_repeated: tuple[str, ...]
    spent: Usage
    last_run: int
    executed: int


def read_status(store: str | os.PathLike[str]) -> StoreStatus:
    """Read how far a batch has come; it may be running.

    The call blocks: in a coroutine, use `asyncio.to_thread`.

    Raises:
        BatchError: The file is missing or no batch.
    """
    path = Path(store)
    with closing(read_only(path)) as db:
        try:
            db.execute("BEGIN")  # all of it at one moment
            return _status(db, path)
        except sqlite3.Error as error:
            raise unusable(path, error) from error


def _status(db: sqlite3.Connection, path: Path) -> StoreStatus:
    last_run = int(read_fact(db, RUNS) or 0)
    return StoreStatus(
        fingerprint=read_fingerprint(db, path),
        counts={**dict.fromkeys(REPORTED, 0), **read_counts(db)},
        waiting=read_kinds(db).get("pending", {}),
        possibly_repeated=tuple(read_repeated(db)),
        spent=read_usage(read_fact(db, SPENT)),
        last_run=last_run,
        executed=read_executed(db, last_run),
    )
