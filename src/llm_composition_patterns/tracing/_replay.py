"""Replaying a file of spans into a collector, a line at a time, through the queue that live spans take.

The file is read only as fast as the collector takes spans, so memory stays flat. Nothing is given up while the
collector takes any: one that is slow or busy slows the reading down. One that takes nothing for a minute, or was never
there, ends the replay.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import BinaryIO

from ._backpressure import PATIENCE
from ._span_limits import check_span_limits
from ._statistics import TracingStatistics
from ._target import Target

QUEUED = 4_096
_LOOK_EVERY = 0.02
_DELAY = 0.05


class Replay:
    """One replay: what it has done so far, also when it was cancelled.

    Args:
        path: The file.
        target: Where its spans go.
        project: The project that they are put in; None for the one that they were written for.
        on_damaged: Called with the number of a line that cannot be read, from 1, and why.
        on_progress: Called now and then.

    Attributes:
        lines: How many lines were sent to their end.
        damaged: How many were skipped.
        read: The share of the file that was read, from 0 to 1.
        complete: Whether nothing was given up.
    """

    def __init__(
        self,
        path: str,
        target: Target,
        project: str | None = None,
        *,
        on_damaged: Callable[[int, str], None] = lambda _line, _why: None,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        check_span_limits(os.environ)  # before the SDK is imported

        from ._batches import Batches  # noqa: PLC0415
        from ._provider import make_exporter  # noqa: PLC0415

        self._path, self._project = path, project
        self._on_damaged, self._on_progress = on_damaged, on_progress
        self._batches = Batches(make_exporter(target), delay=_DELAY)
        self._queued = 0
        self._ends: deque[int] = deque()
        self._settled, self._settled_at = 0, monotonic()
        self.lines: int = 0
        self.damaged: int = 0
        self.read: float = 0.0
        self.complete: bool = False

    @property
    def statistics(self) -> TracingStatistics:
        """What became of the spans of the lines that were read."""
        return self._batches.statistics()

    @property
    def reasons(self) -> str:
        """Why spans were lost, or nothing was sent."""
        return "; ".join(reason for reason, _ in self._batches.reasons.most_common(2))

    async def run(self) -> None:
        """Send the spans of every line; returns when all are settled, or the collector was given up.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            with await asyncio.to_thread(open, self._path, "rb") as file:
                # When there is room for all, nothing is queued any more.
                self.complete = await self._send_all(file) and await self._room_for(QUEUED)
        finally:
            self._count()
            # What was not sent by now is counted as lost.
            await asyncio.to_thread(self._batches.shutdown, 0.0)

    async def _send_all(self, file: BinaryIO) -> bool:
        size = os.fstat(file.fileno()).st_size
        number = 0
        while line := await asyncio.to_thread(file.readline):
            number += 1
            if line.strip() and not await self._send(number, line):
                return False
            self.read = file.tell() / max(size, 1)
        return True

    async def _send(self, number: int, line: bytes) -> bool:
        from ._written_spans import DamagedLineError, read_spans  # noqa: PLC0415

        try:
            spans = await asyncio.to_thread(read_spans, line, self._project)
        except DamagedLineError as damage:
            self.damaged += 1
            self._on_damaged(number, str(damage))
            return True
        for first in range(0, len(spans), QUEUED):
            part = spans[first : first + QUEUED]
            if not await self._room_for(len(part)):
                return False
            for span in part:
                self._batches.on_end(span)
            self._queued += len(part)
        self._ends.append(self._queued)
        return True

    async def _room_for(self, count: int) -> bool:
        """Wait until so many more spans can be queued; False where the collector was given up."""
        while True:
            self._count()
            if self._batches.nobody_there or monotonic() > self._settled_at + PATIENCE:
                return False
            if self._batches.statistics().queued + count <= QUEUED:
                return True
            await asyncio.sleep(_LOOK_EVERY)

    def _count(self) -> None:
        """See how many lines are settled, and since when nothing is."""
        counts = self._batches.statistics()
        settled = counts.exported + counts.lost
        if settled > self._settled or not counts.queued:
            self._settled, self._settled_at = settled, monotonic()
        while self._ends and self._ends[0] <= settled:
            self._ends.popleft()
            self.lines += 1
        self._on_progress()
