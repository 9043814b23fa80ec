"""The store on disk: one SQLite file.

Its write-ahead log is written through to the disk at each commit, so that what a future promised survives a power cut
too. Values lie in a table of their own: counting items, or finding the next one, reads no value.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from ..usage import NO_USAGE, Usage
from ._item import Item
from ._lock import StoreLock
from ._run_record import RunRecord
from ._sqlite_file import Fingerprint, connected
from ._sqlite_rows import (
    IDENTITY,
    RUNS,
    SPENT,
    JobRun,
    find_items,
    item_row,
    put_item,
    read_counts,
    read_fact,
    read_items,
    read_page,
    read_repeated,
    write_fact,
    write_run,
)
from ._sqlite_thread import SqliteThread
from ._store import Recorded
from ._usage_text import read_usage, write_usage


class SqliteStore:
    """Keeps a batch in a file. Opened with `open`, by one dispatcher at a time."""

    def __init__(self, path: Path, fingerprint: Fingerprint, *, force: bool) -> None:
        self._name = path.stem
        self._spent = _Spent()
        self._thread = SqliteThread(lambda: _held(path, fingerprint, force=force), path, finish=self._spent.write)

    @classmethod
    async def open(cls, path: Path, fingerprint: Fingerprint, *, force: bool = False) -> Self:
        """Open the file of a batch, or make it.

        Raises:
            BatchError: Somebody else runs this batch; or the file is no batch, is damaged, or is another batch's.
        """
        store = cls(path, fingerprint, force=force)
        try:
            await store._thread.do(lambda _: None)
        except BaseException:
            await store.aclose()
            raise
        return store

    def begin(self) -> asyncio.Future[int]:
        """Begin a run."""
        return self._thread.do(_next_run)

    def find(self, keys: Sequence[str], /) -> asyncio.Future[Mapping[str, Item]]:
        """What is known of these items."""
        return self._thread.do(lambda db: find_items(db, keys))

    def put(self, item: Item, value: str | None = None, /, *, usage: Usage = NO_USAGE) -> asyncio.Future[None]:
        """Write an item, its value, and what was spent."""
        row = item_row(item)

        def write(db: sqlite3.Connection) -> None:
            put_item(db, row, value)
            if item.state == "succeeded":
                db.execute("DELETE FROM steps WHERE item = ?", (item.key,))
            self._spent.add(db, usage)

        return self._thread.do(write)

    def recall(self, item: str, key: str, /) -> asyncio.Future[str | None]:
        """The result of a step inside an item."""

        def read(db: sqlite3.Connection) -> str | None:
            found = db.execute("SELECT value FROM steps WHERE item = ? AND key = ?", (item, key)).fetchone()
            return None if found is None else str(found[0])

        return self._thread.do(read)

    def keep(self, item: str, key: str, value: str, /, *, usage: Usage) -> asyncio.Future[None]:
        """Write the result of a step inside an item, and what was spent."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO steps VALUES (?, ?, ?)", (item, key, value))
            self._spent.add(db, usage)

        return self._thread.do(write)

    def tell(self, record: RunRecord, /) -> asyncio.Future[None]:
        """Write how far a run has come."""

        def write(db: sqlite3.Connection) -> None:
            write_run(db, JobRun(read_fact(db, IDENTITY) or "", self._name, record))

        return self._thread.do(write)

    def running(self) -> asyncio.Future[Sequence[Item]]:
        """The items that are running, as far as the file knows."""
        return self._thread.do(lambda db: list(read_items(db, "running")))

    def counts(self) -> asyncio.Future[Mapping[str, int]]:
        """How many items are in each state."""
        return self._thread.do(read_counts)

    def repeated(self) -> asyncio.Future[Sequence[str]]:
        """The keys of items that may have been paid twice."""
        return self._thread.do(read_repeated)

    def spent(self) -> asyncio.Future[Usage]:
        """What all runs used."""
        return self._thread.do(self._spent.so_far)

    def page(self, after: int, count: int, /) -> asyncio.Future[Sequence[tuple[int, Recorded]]]:
        """The next finished items behind a place."""
        return self._thread.do(lambda db: read_page(db, after, count))

    async def aclose(self) -> None:
        """Write what was asked for, close the file, and let others run the batch."""
        await self._thread.aclose()


@contextmanager
def _held(path: Path, fingerprint: Fingerprint, *, force: bool) -> Iterator[sqlite3.Connection]:
    """The database of a batch, while nobody else may run it."""
    lock = StoreLock.taken(path)
    try:
        with closing(connected(path, fingerprint, force=force)) as connection:
            yield connection
    finally:
        lock.release()


class _Spent:
    """What all runs used, on the database's thread: read once, and written once for each group of jobs."""

    def __init__(self) -> None:
        self._known: Usage | None = None
        self._written = True

    def add(self, db: sqlite3.Connection, usage: Usage) -> None:
        """Add to it."""
        if usage != NO_USAGE:
            self._known = self.so_far(db) + usage
            self._written = False

    def so_far(self, db: sqlite3.Connection) -> Usage:
        """What it is now."""
        if self._known is None:
            self._known = read_usage(read_fact(db, SPENT))
        return self._known

    def write(self, db: sqlite3.Connection) -> None:
        """Write it, where it has changed."""
        if not self._written:
            write_fact(db, SPENT, write_usage(self.so_far(db)) or "{}")
            self._written = True


def _next_run(db: sqlite3.Connection) -> int:
    run = int(read_fact(db, RUNS) or 0) + 1
    write_fact(db, RUNS, str(run))
    return run
