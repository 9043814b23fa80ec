"""A file in which the results of `with_cache` are kept.

One thread for each event loop talks to the file, through a connection of its own. SQLite's write-ahead log lets any
number of processes read while one writes; each write is whole or not there, also if a process is killed in it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError
from ._in_threads import InThreads

T = TypeVar("T")

APPLICATION: Final = 0x4C434350
"""What SQLite's `application_id` is in our files, so that no other file is taken for one."""

SCHEMA: Final = 1
"""The version of the tables, in `user_version`."""

PATIENCE: Final = 30.0
"""Seconds for which a process waits for another one that writes."""

_IDENTITY: Final = ("application_id", "user_version")
_TABLE: Final = "CREATE TABLE entries (key TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL)"
_PUT: Final = "INSERT INTO entries VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text"


class SqliteCache:
    """Keeps the results of `with_cache` in an SQLite file, for later runs and for other processes at the same time.

    ```python
    async with SqliteCache("translations.sqlite") as store:
        texts = await parallelize(with_cache(translate, store=store), sentences)
    ```

    The file is opened at the first call, off the event loop, and made if it is missing; its directory must exist.
    Without `async with`, it is closed when the event loop ends, and opened again on the next one. Delete the file to
    forget everything.

    Args:
        path: The file.

    Raises:
        TypeError: The path is none.
        ConfigurationError: From a call: the file cannot be opened or written, is damaged, or is not ours.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._threads: WeakKeyDictionary[Any, InThreads[[Callable[[sqlite3.Connection], Any]], Any]] = (
            WeakKeyDictionary()
        )

    async def get(self, key: str, /) -> str | None:
        """The text that was put last under this key, or None."""

        def read(connection: sqlite3.Connection) -> str | None:
            found = connection.execute("SELECT text FROM entries WHERE key = ?", (key,)).fetchone()
            return None if found is None else str(found[0])

        return await self._on_file(read)

    async def put(self, key: str, text: str, /) -> None:
        """Keep a text under a key, in place of what was there."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, (key, text))

        await self._on_file(write)

    async def __aenter__(self) -> Self:
        await self._on_file(lambda _: None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        threads = self._threads.pop(asyncio.get_running_loop(), None)
        if threads is not None:
            await threads.__aexit__(kind, error, traceback)

    async def _on_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        if (threads := self._threads.get(loop)) is None:
            threads = InThreads(self._work, 1, self._open)
            threads.__name__ = f"the cache {self.path.name}"
            self._threads[loop] = threads
        return cast(T, await threads(work))

    def _work(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(connection)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def _open(self) -> closing[sqlite3.Connection]:
        given_up = time.monotonic() + PATIENCE
        while True:
            try:
                return closing(_connected(self.path))
            except sqlite3.Error as error:
                # Where several processes make the file at once, SQLite refuses some of them without waiting.
                if not _is_busy(error) or time.monotonic() > given_up:
                    raise _unusable(self.path, error) from error
            time.sleep(0.01)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        with _transaction(connection, "BEGIN"):
            ours = _is_ours(connection, path)
        if not ours:
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                _make(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")  # with the log: a killed process loses nothing
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """What is read inside belongs together, what is written is there as a whole or not at all."""
    connection.execute(begin)
    yield
    connection.execute("COMMIT")  # after an error the connection is closed, which takes everything back


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is a cache already; False for a new one."""
    application, schema = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _IDENTITY)
    if application == APPLICATION and schema == SCHEMA:
        return True
    if application == APPLICATION:
        raise ConfigurationError(
            f"{path} was written by another version of this package (schema {schema}, not {SCHEMA}): give another "
            "path, or delete it"
        )
    if application or schema or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise ConfigurationError(f"{path} is an SQLite file, but no cache of this package: give another path")
    return False


def _make(connection: sqlite3.Connection, path: Path) -> None:
    if not _is_ours(connection, path):  # nobody was faster
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _unusable(path: Path, error: sqlite3.Error) -> ConfigurationError:
    return ConfigurationError(
        f"the cache {path} cannot be used ({error}): give a path that can be written; if the file is damaged, delete it"
    )
