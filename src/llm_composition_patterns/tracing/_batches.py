"""Handing finished spans to an exporter: in batches, on a thread of its own, and counting every one.

Whoever ends a span appends it to a bounded queue and goes on. One thread takes batches from the queue and gives them
to the exporter, which says of each what became of it:

- `Delivered`: the spans are out of this process;
- `Refused`: they never will be, so they are lost;
- `Unwritable`: one of them cannot be written down. The halves of the batch are offered apart, until it is alone;
- `Unavailable`: not now. The batch is offered again, with growing pauses, until it is taken or the queue is closed.

A span is lost only when the queue is full, when it is refused, or when the time for closing is over. What was never
answered is not waited for: closing takes `GRACE` seconds where nothing was ever delivered. Where there is
back-pressure, new branches wait while the queue is nearly full, so that it does not come to the first of these.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, TypeAlias

from openinference.instrumentation import suppress_tracing
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from ._backpressure import Backpressure
from ._spelling import spelled_span
from ._statistics import TracingStatistics

CAPACITY = 65_536
NEARLY_FULL = 0.75  # the rest is for the spans of branches that are open already
BATCH_SIZE = 512
DELAY = 0.5
GRACE = 0.4  # of the second that is promised: the rest is for the end of the interpreter, on a busy machine too
PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
THREAD = "llm-composition-tracing"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The spans arrived; `rejected` of them were not wanted."""

    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The spans will never be taken."""

    reason: str


class Unwritable(Refused):
    """There is a span among them that nobody could take."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The spans cannot be taken now; `unreachable` where there was no answer at all."""

    reason: str
    unreachable: bool = False
    retry_after: float = 0.0


Delivery: TypeAlias = Delivered | Refused | Unavailable


class Exporter(Protocol):
    """What spans are handed to; called on one thread only."""

    def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
        """Hand spans over."""
        ...

    def after_fork(self) -> None:
        """Let go of what a parent process goes on using."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Batches(SpanProcessor):
    """The queue, its thread and its counts."""

    def __init__(
        self,
        exporter: Exporter,
        *,
        on_first_delivery: Callable[[], None] = lambda: None,
        backpressure: Backpressure | None = None,
        capacity: int = CAPACITY,
        batch_size: int = BATCH_SIZE,
        delay: float = DELAY,
    ) -> None:
        self._exporter = exporter
        self._on_first_delivery = on_first_delivery
        self._capacity, self._batch_size, self._delay = capacity, batch_size, delay
        self._backpressure = backpressure or Backpressure()
        self._nearly_full = sys.maxsize if backpressure is None else max(1, int(capacity * NEARLY_FULL))
        self._start_empty()
        if hasattr(os, "register_at_fork"):
            after_fork = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: (method := after_fork()) and method())

    def _start_empty(self) -> None:
        # The lock can be taken twice by one thread: a garbage collection inside it may end a span.
        self._changed = threading.Condition(threading.RLock())
        self._queue: deque[ReadableSpan] = deque()
        self._thread: threading.Thread | None = None
        self._sending = self._exported = self._lost = self._overflowed = 0
        self._waiting_for_flush = self._failures_while_closing = self._lost_and_told = 0
        self._delivered_before = self._unreachable = self._closing = self._closed = False
        self._trouble = ""
        self.reasons: Counter[str] = Counter()

    def _after_fork(self) -> None:
        # The parent's spans are the parent's to export.
        closed = self._closed
        self._start_empty()
        self._backpressure.forget()
        self._closed = closed
        self._exporter.after_fork()

    # The side of the program

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a finished span."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        with self._changed:
            if self._closed or len(self._queue) >= self._capacity:
                self._drop("the collector is too slow: the queue was full")
                return
            self._queue.append(span)
            if len(self._queue) >= self._nearly_full:
                self._backpressure.nearly_full()
            # The thread waits for the first span, then for a full batch.
            if len(self._queue) in {1, self._batch_size}:
                self._changed.notify_all()
            if self._thread is None:
                self._start_thread()

    def statistics(self) -> TracingStatistics:
        """The counts at this moment."""
        with self._changed:
            queued = len(self._queue) + self._sending
            created = self._exported + self._lost + queued
            return TracingStatistics(created=created, exported=self._exported, lost=self._lost, queued=queued)

    @property
    def nobody_there(self) -> bool:
        """Whether there was no answer at all, now and before."""
        return self._unreachable and not self._delivered_before

    def flush(self, timeout: float) -> bool:
        """Wait until the spans queued by now are settled.

        False when they are not in time, or one was lost since the last flush; at once where nobody takes them.
        """
        with self._changed:
            target = self._settled + len(self._queue) + self._sending
            self._waiting_for_flush += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._settled >= target or self._unreachable or self._closed, timeout)
            finally:
                self._waiting_for_flush -= 1
            complete, self._lost_and_told = self._lost == self._lost_and_told, self._lost
            return complete and self._settled >= target

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """`flush`, as the SDK calls it."""
        return self.flush(timeout_millis / 1000)

    def shutdown(self, timeout: float = 30.0, *, on_long_wait: Callable[[int], None] = lambda _: None) -> None:
        """Hand over what is queued, then close; what is left is lost.

        Args:
            timeout: How long it may take, in seconds; `GRACE` at most where nothing was ever delivered.
            on_long_wait: Called with the number of spans still queued when it takes longer than `GRACE`.
        """
        deadline = monotonic() + timeout
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        try:
            if not self._wait_to_drain(min(GRACE, timeout)) and self._worth_waiting(deadline):
                on_long_wait(self.statistics().queued)
                self._wait_to_drain(deadline - monotonic())
        finally:
            self._close()

    def _wait_to_drain(self, timeout: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._hopeless, timeout)
            return self._idle

    def _worth_waiting(self, deadline: float) -> bool:
        with self._changed:
            return self._delivered_before and not self._hopeless and monotonic() < deadline

    def _close(self) -> None:
        with self._changed:
            if self._closed:
                return
            unused = self._thread is None
            left = len(self._queue) + self._sending
            self._closed = True
            self._queue.clear()
            self._sending = 0
            self._backpressure.give_up()
            if left:
                self._lose(left, self._trouble or "the time to send them was over")
            self._changed.notify_all()
        if unused:  # else the thread closes it when it ends
            self._exporter.close()

    @property
    def _settled(self) -> int:
        return self._exported + self._lost - self._overflowed

    @property
    def _idle(self) -> bool:
        return self._closed or not (self._queue or self._sending)

    @property
    def _hopeless(self) -> bool:
        # A connection that was open may have gone stale: that is worth a second try.
        return self._failures_while_closing >= (2 if self._delivered_before else 1)

    def _drop(self, reason: str) -> None:
        self._overflowed += 1
        self._lose(1, "they ended after the end of tracing" if self._closed else reason)

    def _lose(self, count: int, reason: str) -> None:
        self._lost += count
        self.reasons[reason] += count

    # The side of the thread

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=THREAD, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending: what is queued is lost when it is closed
            return
        self._thread = thread

    def _work(self) -> None:
        # An HTTP library that the application has instrumented would trace the sending of traces.
        with suppress_tracing():
            while batch := self._take():
                self._deliver(batch)
            self._exporter.close()

    def _take(self) -> list[ReadableSpan]:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            self._changed.wait_for(self._batch_is_due, self._delay)
            batch = [self._queue.popleft() for _ in range(min(self._batch_size, len(self._queue)))]
            self._sending = len(batch)
            if self._backpressure.shut and len(self._queue) < self._nearly_full:
                self._backpressure.has_room()
            return batch

    def _batch_is_due(self) -> bool:
        return len(self._queue) >= self._batch_size or bool(self._waiting_for_flush) or self._closing or self._closed

    def _deliver(self, batch: list[ReadableSpan]) -> None:
        attempt = 0
        while isinstance(delivery := self._offered(batch), Unavailable):
            if not self._pause(delivery, attempt):
                return
            attempt += 1
        if isinstance(delivery, Unwritable) and len(batch) > 1:
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]):
                if not self._closed:  # else it is counted as lost already
                    self._deliver(part)
        elif self._settle(len(batch), delivery):
            self._on_first_delivery()

    def _offered(self, batch: list[ReadableSpan]) -> Delivery:
        try:
            return self._exporter.export(list(map(spelled_span, batch)))
        except Exception as error:  # noqa: BLE001 - a span that cannot be written must not end the thread
            return Unwritable(f"they could not be written ({type(error).__name__})")

    def _pause(self, delivery: Unavailable, attempt: int) -> bool:
        """Wait before the next offer; False when there will be none."""
        with self._changed:
            self._trouble, self._unreachable = delivery.reason, delivery.unreachable
            if self.nobody_there:
                self._backpressure.give_up()
            self._backpressure.give_up_in_time()
            self._changed.notify_all()
            if self._closing:
                self._failures_while_closing += delivery.unreachable
                # Where there is no hope, whoever shuts down is about to close.
                return not self._changed.wait_for(lambda: self._closed, None if self._hopeless else PAUSES[0])
            pause = max(PAUSES[min(attempt, len(PAUSES) - 1)], min(delivery.retry_after, PAUSES[-1]))
            self._changed.wait_for(lambda: self._closing or self._closed, pause)
            return not self._closed

    def _settle(self, count: int, delivery: Delivered | Refused) -> bool:
        """Count a batch; True when it is the first that was delivered."""
        with self._changed:
            if self._closed:  # counted as lost already
                return False
            self._sending -= count
            self._backpressure.progress()
            self._trouble, self._unreachable = "", False
            first = isinstance(delivery, Delivered) and not self._delivered_before
            if isinstance(delivery, Refused):
                self._lose(count, delivery.reason)
            else:
                self._delivered_before = True
                self._failures_while_closing = 0
                self._exported += count - delivery.rejected
                if delivery.rejected:
                    self._lose(delivery.rejected, "the collector rejected them")
            self._changed.notify_all()
            return first
