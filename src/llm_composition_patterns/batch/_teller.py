"""What a run tells of itself: heard from its calls and its items, and written now and then."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Final, Protocol

from ..limits import LimiterStatistics
from ..outcome import Outcome, Success
from ..runs import Account
from ._distribution import Distribution
from ._remaining import Remaining
from ._run_record import RunRecord
from ._store import Store

EVERY: Final = 1.0
"""Seconds of real time between two tellings, also where virtual time jumps: they are for people."""


class Limited(Protocol):
    """What lets calls through, as a limiter does."""

    def statistics(self) -> LimiterStatistics:
        """What it does and knows now."""
        ...


class Teller(Account):
    """The account around all items of a run, which hears of each attempt inside them.

    Args:
        parent: The account around it.
        store: Where it is told.
        remaining: What there is to do.
        run: The number of the run.
        workers: Items that are executed at once.
    """

    def __init__(self, parent: Account | None, store: Store, remaining: Remaining, *, run: int, workers: int) -> None:
        super().__init__(parent)
        self._store = store
        self._remaining = remaining
        self._run = run
        self._workers = workers
        self._clock = asyncio.get_running_loop().time
        self._began, self._began_at = self._clock(), time.time()
        self._told_at = 0.0
        self._hearing = threading.Lock()
        self._responses = Distribution()
        self._unaccepted = 0
        self._limiters: dict[int, Limited] = {}
        self._done = self._failed = 0
        self._busy = 0.0

    def hear(self, seconds: float, limiter: Any, *, accepted: bool) -> None:
        """An attempt is over."""
        with self._hearing:  # a step may make its calls in threads
            self._responses.add(seconds)
            self._unaccepted += not accepted
            self._limiters.setdefault(id(limiter), limiter)
        super().hear(seconds, limiter, accepted=accepted)

    def over(self, outcome: Outcome[None], started: int) -> None:
        """An item is over, of so many that were started."""
        self._done += 1
        self._failed += not isinstance(outcome, Success)
        self._busy += outcome.elapsed
        if time.monotonic() - self._told_at >= EVERY:
            self.tell(started)

    def tell(self, started: int, *, ended: bool = False, ended_by: str | None = None) -> None:
        """Write how far the run has come."""
        self._told_at = time.monotonic()
        with self._hearing:
            responses, unaccepted = self._responses + Distribution(), self._unaccepted
            limiters = [*self._limiters.values()]
        record = RunRecord(
            run=self._run,
            began=self._began_at,
            seconds=self._clock() - self._began,
            ended=ended,
            ended_by=ended_by,
            workers=self._workers,
            total=self._remaining.total,
            before=self._remaining.skipped.total(),
            started=started,
            done=self._done,
            failed=self._failed,
            busy=self._busy,
            responses=responses,
            unaccepted=unaccepted,
            limiters=tuple(limiter.statistics() for limiter in limiters),
        )
        self._store.tell(record)
