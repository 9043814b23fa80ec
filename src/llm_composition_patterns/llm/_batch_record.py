"""Which request is in which job of a batch endpoint, in an SQLite file: so that nothing is submitted twice."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self, TypeVar

from ..errors import ConfigurationError

T = TypeVar("T")


class BatchRecord:
    """The record; an async context manager.

    A file of requests is planned before it is submitted, and said to be submitted after that. What was planned alone
    may have been submitted or not, when a process was killed in between.

    Args:
        path: The file.

    Raises:
        ConfigurationError: On entering: it cannot be used, or is in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            self._lock, self._db = await asyncio.to_thread(_opened, self._path)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"the record {self._path} is in use: wait for the program that has it, or give another path"
            ) from error
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"the record {self._path} cannot be used: {error}; give another path") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._db.close)
        os.close(self._lock)

    async def jobs(self) -> dict[str, str]:
        """The job of each request that was submitted."""
        return dict(
            await self._do(lambda db: db.execute("SELECT request, job FROM requests WHERE job <> ''").fetchall())
        )

    async def unsure(self) -> list[str]:
        """The digests of files of which nobody knows whether they were submitted."""
        return [
            digest
            for (digest,) in await self._do(
                lambda db: db.execute("SELECT DISTINCT digest FROM requests WHERE job = ''").fetchall()
            )
        ]

    async def plan(self, digest: str, requests: Iterable[str]) -> None:
        """A file with these requests is about to be submitted."""
        rows = [(request, digest) for request in requests]
        await self._do(lambda db: db.executemany("INSERT OR REPLACE INTO requests VALUES (?, ?, '')", rows))

    async def submitted(self, digest: str, job: str | None) -> None:
        """A file was submitted as a job; or it was not."""
        if job is None:
            await self._do(lambda db: db.execute("DELETE FROM requests WHERE digest = ? AND job = ''", (digest,)))
        else:
            await self._do(lambda db: db.execute("UPDATE requests SET job = ? WHERE digest = ?", (job, digest)))

    async def forget(self, request: str) -> None:
        """A request has no answer in its job: it is to be submitted again."""
        await self._do(lambda db: db.execute("DELETE FROM requests WHERE request = ?", (request,)))

    async def _do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        def committed() -> T:
            with self._db:
                return job(self._db)

        async with self._turn:
            return await asyncio.to_thread(committed)


def _opened(path: Path) -> tuple[int, sqlite3.Connection]:
    """The record and its lock: on a file beside it, which stays, and until the process ends, whatever ends that."""
    lock = os.open(f"{os.path.realpath(path)}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock, _database(path)
    except BaseException:
        os.close(lock)
        raise


def _database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    with db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS requests (request TEXT PRIMARY KEY, digest TEXT NOT NULL, job TEXT NOT NULL)"
        )
    return db
