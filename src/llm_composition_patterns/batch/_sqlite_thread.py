"""One thread that talks to a database, and commits in groups.

Jobs are functions of the connection. What is asked for in one turn of the event loop goes to the thread together, and
while one group is written to the disk the next one gathers. Each group is one transaction: so many items share the one
expensive moment, and each job's future is done only after it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from ..errors import BatchError
from ..virtual_time import VirtualTimeLoop

T = TypeVar("T")

Job = Callable[[sqlite3.Connection], Any]
_THREAD: Final = "llm-composition-batch"


Settled = tuple[asyncio.Future[Any], Any, BaseException | None]
"""A future, and what it is done with."""


class _Asked(NamedTuple):
    job: Job
    future: asyncio.Future[Any]


class SqliteThread:
    """Runs jobs on the database that `connect` opens.

    Args:
        opened: Opens it, and closes it, on the thread.
        path: What errors call it.
        finish: The last job of each group.
    """

    def __init__(
        self, opened: Callable[[], AbstractContextManager[sqlite3.Connection]], path: Path, *, finish: Job
    ) -> None:
        self._opened = opened
        self._path = path
        self._finish = finish
        self._loop = asyncio.get_running_loop()
        self._turn: list[_Asked] = []
        self._asked: SimpleQueue[list[_Asked] | None] = SimpleQueue()
        self._broken: BaseException | None = None
        self._closing = False
        self._ended = self._loop.create_future()
        threading.Thread(target=self._work, name=_THREAD, daemon=True).start()

    def do(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run a job with the next group; its result, once the group is committed."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._hold_clock(future)
        if self._closing:
            _refuse(future, BatchError(f"the store {self._path} is closed"))
        else:
            self._turn.append(_Asked(job, future))
            if len(self._turn) == 1:
                self._loop.call_soon(self._hand_over)
        return future

    def _hand_over(self) -> None:
        asked, self._turn = self._turn, []
        if asked:
            self._asked.put(asked)

    def _hold_clock(self, future: asyncio.Future[Any]) -> None:
        """Let no virtual time pass until the thread has answered."""
        if isinstance(self._loop, VirtualTimeLoop):
            held = self._loop.outstanding()
            held.__enter__()
            future.add_done_callback(lambda _: held.__exit__(None, None, None))

    async def aclose(self) -> None:
        """Commit what was asked for and close the database, also where the caller is cancelled meanwhile."""
        if not self._closing:
            self._closing = True
            self._hold_clock(self._ended)
            self._hand_over()
            self._asked.put(None)
        cancelled: asyncio.CancelledError | None = None
        while not self._ended.done():
            try:
                await asyncio.shield(self._ended)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    # On the thread

    def _work(self) -> None:
        try:
            with self._opened() as connection:
                while group := self._gathered():
                    self._run(connection, group)
        except Exception as error:  # noqa: BLE001 - whoever asks is told
            self._broken = self._broken or error
            while group := self._gathered():
                self._refuse(group)
        self._settle([(self._ended, None, None)])

    def _gathered(self) -> list[_Asked]:
        """What was asked for by now, once there is something; nothing at the end."""
        group: list[_Asked] = []
        while (asked := self._asked.get()) is not None:
            group += asked
            if self._asked.empty():
                return group
        if group:
            self._asked.put(None)
        return group

    def _run(self, connection: sqlite3.Connection, group: list[_Asked]) -> None:
        if self._broken is not None:
            self._refuse(group)
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            results: list[Settled] = [(future, job(connection), None) for job, future in group]
            self._finish(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            self._broken = self._told(error)
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._refuse(group)
        else:
            self._settle(results)

    def _refuse(self, group: Sequence[_Asked]) -> None:
        self._settle([(future, None, self._broken) for _, future in group])

    def _settle(self, results: Sequence[Settled]) -> None:
        with suppress(RuntimeError):  # the loop was closed without us
            self._loop.call_soon_threadsafe(_settle, results)

    def _told(self, error: Exception) -> BatchError:
        told = BatchError(
            f"the store {self._path} cannot be used any more ({error}); what is in it is kept: mend that (a full disk, "
            "a directory that cannot be written) and run the same batch again"
        )
        told.__cause__ = error
        return told


def _settle(results: Sequence[Settled]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            _refuse(future, error)


def _refuse(future: asyncio.Future[Any], error: BaseException) -> None:
    """A write that nobody awaits any more may fail without a word: those that are awaited say so."""
    future.set_exception(error)
    future.exception()
