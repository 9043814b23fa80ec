"""The store on disk: one SQLite file.

Its write-ahead log is written through to the disk at each commit, so that what a future promised survives a power cut
too. Values lie in a table of their own: counting items, or finding the next one, reads no value.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Self

from ..usage import NO_USAGE, Usage
from ._item import Item
from ._lock import StoreLock
from ._sqlite_file import Fingerprint, connected
from ._sqlite_thread import SqliteThread
from ._store import Recorded
from ._usage_text import read_usage, write_usage

_COLUMNS: Final = tuple(field.name for field in fields(Item))
_PLAIN: Final = attrgetter(*(name for name in _COLUMNS if name != "usage"))  # which is the last of them
_ITEM: Final = ", ".join(f"items.{name}" for name in _COLUMNS)
_PUT: Final = (
    f"INSERT INTO items ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - names of our own
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_VALUE: Final = "INSERT OR REPLACE INTO results SELECT place, ? FROM items WHERE key = ?"
_PAGE: Final = (
    f"SELECT items.place, results.value, {_ITEM} FROM items "  # noqa: S608
    "LEFT JOIN results ON results.place = items.place AND items.state = 'succeeded' "
    "WHERE items.place > ? AND items.state IN ('succeeded', 'failed', 'abandoned') ORDER BY items.place LIMIT ?"
)


class SqliteStore:
    """Keeps a batch in a file. Opened with `open`, by one dispatcher at a time."""

    def __init__(self, path: Path, fingerprint: Fingerprint, *, force: bool) -> None:
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
        marks = ", ".join("?" * len(keys))
        query = f"SELECT {_ITEM} FROM items WHERE key IN ({marks})"  # noqa: S608 - question marks
        return self._thread.do(lambda db: {row[0]: _item(row) for row in db.execute(query, tuple(keys))})

    def put(self, item: Item, value: str | None = None, /, *, usage: Usage = NO_USAGE) -> asyncio.Future[None]:
        """Write an item, its value, and what was spent."""
        row = (*_PLAIN(item), write_usage(item.usage))

        def write(db: sqlite3.Connection) -> None:
            db.execute(_PUT, row)
            if value is not None:
                db.execute(_VALUE, (value, item.key))
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

    def running(self) -> asyncio.Future[Sequence[Item]]:
        """The items that are running, as far as the file knows."""
        query = f"SELECT {_ITEM} FROM items WHERE state = 'running'"  # noqa: S608
        return self._thread.do(lambda db: [_item(row) for row in db.execute(query)])

    def counts(self) -> asyncio.Future[Mapping[str, int]]:
        """How many items are in each state."""
        return self._thread.do(lambda db: dict(db.execute("SELECT state, COUNT(*) FROM items GROUP BY state")))

    def repeated(self) -> asyncio.Future[Sequence[str]]:
        """The keys of items that may have been paid twice."""
        query = "SELECT key FROM items WHERE repeated ORDER BY place"
        return self._thread.do(lambda db: [row[0] for row in db.execute(query)])

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
            found = db.execute("SELECT value FROM batch WHERE name = 'spent'").fetchone()
            self._known = read_usage(None if found is None else found[0])
        return self._known

    def write(self, db: sqlite3.Connection) -> None:
        """Write it, where it has changed."""
        if not self._written:
            db.execute("INSERT OR REPLACE INTO batch VALUES ('spent', ?)", (write_usage(self.so_far(db)),))
            self._written = True


def read_page(db: sqlite3.Connection, after: int, count: int) -> list[tuple[int, Recorded]]:
    """The next finished items behind a place, each with its own."""
    return [(row[0], Recorded(_item(row[2:]), row[1])) for row in db.execute(_PAGE, (after, count))]


def _item(row: Sequence[Any]) -> Item:
    key, state, executions, deaths, in_doubt, repeated, kind, error, run, elapsed, usage = row
    return Item(
        key=key,
        state=state,
        executions=executions,
        deaths=deaths,
        in_doubt=bool(in_doubt),
        repeated=bool(repeated),
        kind=kind,
        error=error,
        run=run,
        elapsed=elapsed,
        usage=read_usage(usage),
    )


def _next_run(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT value FROM batch WHERE name = 'runs'").fetchone()
    run = 1 if found is None else int(found[0]) + 1
    db.execute("INSERT OR REPLACE INTO batch VALUES ('runs', ?)", (str(run),))
    return run
