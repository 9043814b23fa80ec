"""The engine under `parallelize`, `stream_outcomes`, `together` and `vote`.

`min(max_concurrency, inputs)` runners share one source and stand under one `asyncio.gather`; where the number of inputs
is unknown, they start as inputs come. Each pulls an input, runs a branch to its end, delivers the outcome to the sink,
and pulls the next. Whatever ends a fan-out early (a failure, a deadline, the caller) goes through `stop`: it is set
once, every runner is cancelled, and `ended` waits until the last one has really ended. No cancellation passes a runner
unseen: a branch that is cancelled alone is a Failure, and a runner that is cancelled by a stranger stops the fan-out
instead of leaving inputs behind.

Runners share one context too, so that a source is pulled and closed in one, whoever pulls; the last runner closes it,
unless it is read on for the inputs that never started.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar

from ...errors import FailureKind
from ...outcome import Failure, Outcome
from ...runs import Progress, current_account
from ...steps import Step, not_async, refuse_what_is_no_step, step_name
from ._branch import Branch, absorb_cancellation, clock_around, clock_of, coroutine_of, drive, enclosing_branch
from ._buffer import Sink
from ._crew import Crew
from ._judgment import deadline_exceeded, judge, too_many_failures
from ._progress_bar import reporter
from ._settings import BREATH, Settings
from ._source import END, Source
from ._spans import FanOutSpans
from ._unstarted import Unstarted
from ._watchdog import Watchdog

A = TypeVar("A")
B = TypeVar("B")

_NEW_TURN = -math.inf

_set_account: Final = current_account.set  # looked up once, not for every branch

LAST_FAILURES = 20
"""How many failures a `TooManyFailures` carries."""


class FanOut(Generic[A, B]):
    """One run of a step over many inputs."""

    def __init__(self, step: Step[A, B], source: Source, settings: Settings, sink: Sink) -> None:
        refuse_what_is_no_step(step)
        self.step = step
        self.source = source
        self.settings = settings
        self.sink = sink
        self.unstarted = Unstarted(self)
        self.loop = asyncio.get_running_loop()
        self.clock = clock_of(self.loop)
        self.began = self.clock()
        self.pulling = self.started = self.done = self.failed = self.cancelled = self.peak = 0
        self.stopping = False
        self.error: BaseException | None = None
        self.error_from_inside = False
        self._last_failures: deque[Failure] = deque(maxlen=LAST_FAILURES)
        self.cut_kind: FailureKind = "cancelled"
        self._account = current_account.get()
        self._around = clock_around(self._account)
        self._stopped_clocks = self._waits = self._works = self._at_work = 0
        self.now = self.began
        self._breath_due = _NEW_TURN
        self._breathing = False
        self._deadline: asyncio.TimerHandle | None = None

    # --- from start to end

    def start(self, *, on_end: Callable[[], None] = lambda: None) -> None:
        """Start the runners; `ended` waits for them, `on_end` is called when none is left, if not before."""
        settings = self.settings
        self._report = reporter(settings.progress, settings.name)
        self._spans = FanOutSpans.open(self)
        self._context = copy_context() if self._spans is None else self._spans.context
        self._fixed_name = settings.branch_name if isinstance(settings.branch_name, str) else ""
        self._watchdog = Watchdog(settings.timeout) if settings.timeout is not None else None
        self._observed = self._watchdog is not None or self._spans is not None
        self._followed = self._observed or self._around is not None
        self._deliver = self.sink.add
        self._admission = self.sink if self._spans is None else self._spans.admission(self.sink)
        if settings.deadline is not None:
            self._deadline = self.loop.call_at(self.began + settings.deadline, self._deadline_passed)
        total = self.source.total
        most = settings.max_concurrency if total is None else min(settings.max_concurrency, total)
        self._crew = Crew(self._work, most, on_end)
        self._crew.start(1 if total is None else most)
        self.show_progress()

    def over(self) -> bool:
        """Whether no runner is left."""
        return self._crew.over()

    async def ended(self, error: BaseException | None = None) -> None:
        """Wait until no runner is left and close everything; `error` is what the caller is about to raise.

        A caller that is cancelled while it waits stops the fan-out, and is cancelled when the last branch has ended.
        """
        cancelled = await self._runners_ended()
        try:
            if self.sink.keeps and cancelled is None:
                await self.unstarted.deliver(self.sink)
        except asyncio.CancelledError as again:
            cancelled = again
        finally:
            self.unstarted.close_source()
            raised = self.error if error is None else error
            self._close(raised if cancelled is None else cancelled)
        if cancelled is not None:
            raise cancelled

    async def _runners_ended(self) -> asyncio.CancelledError | None:
        cancelled: asyncio.CancelledError | None = None
        while not self._crew.over():
            try:
                await self._crew.wait()
            except asyncio.CancelledError as again:
                self.stop(again=True)
                cancelled = again if cancelled is None else cancelled
        return cancelled

    def _close(self, error: BaseException | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._watchdog is not None:
            self._watchdog.close()
        if error is not None and (branch := enclosing_branch(self._account)) is not None:
            branch.raised = error
        if self._spans is not None:
            self._spans.close(self, error)
        if self._report is not None:
            self._report.close()

    def stop(self, error: BaseException | None = None, *, kind: FailureKind = "cancelled", again: bool = False) -> None:
        """Start no more branches and cancel those that run; they end as failures of `kind`. The first call decides."""
        if self.stopping and not again:
            return
        if not self.stopping:
            self.stopping, self.error, self.cut_kind = True, error, kind
            if self._watchdog is not None:
                self._watchdog.close()
        self._crew.stop()

    def in_context(self, function: Callable[[], Any]) -> Any:
        """Call a function in the context that the source is read in, when no runner is left."""
        return self._crew.run(function)

    @property
    def trace_id(self) -> str | None:
        """The trace that the fan-out's span is in, or None when nobody listens."""
        return None if self._spans is None else self._spans.trace_id

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the fan-out's span."""
        if self._spans is not None:
            self._spans.span.set_attributes(attributes)

    # --- runners

    async def _work(self) -> None:
        runner = asyncio.current_task()
        assert runner is not None  # noqa: S101 - for type checkers: a runner is a Task
        iterator, sink, crew = self.source.iterator, self._admission, self._crew
        self._at_work += 1
        try:
            while not self.stopping:
                if self._breathing:
                    await asyncio.sleep(0)
                elif sink.full:
                    await sink.room()
                elif (input := await self._pull() if iterator is None else next(iterator, END)) is END:
                    self.source.ended |= not self.stopping
                    break
                else:
                    rest = self._begin(runner, input)
                    if rest is not None:
                        if self.started - self.done == crew.full_at:
                            crew.grow()
                        await rest
                    if runner.cancelling() and not self.stopping:
                        await absorb_cancellation(runner)
        except BaseException as error:  # noqa: BLE001 - the source's: branches keep theirs
            self.source_failed(error)
        finally:
            self._at_work -= 1
            if not self._at_work:
                await self._close_source(runner)

    async def _pull(self) -> Any:
        self.pulling += 1
        try:
            input = await self.source.pull()
        finally:
            self.pulling -= 1
        return END if self.stopping else input  # a source that did not heed its cancellation

    def source_failed(self, error: BaseException) -> None:
        """End the fan-out with what its source raised."""
        self.stop(error)
        if isinstance(error, asyncio.CancelledError):
            raise error
        self.error = error if self.error is None else self.error
        if not isinstance(error, Exception):
            raise error

    async def _close_source(self, runner: asyncio.Task[None]) -> None:
        if self.unstarted.expected():
            return  # it is read on, and closed in the end
        if runner.cancelling():
            await absorb_cancellation(runner)  # it was for the branches; closing is cancelled by the next one
        try:
            await self.source.aclose()
        except BaseException as error:  # noqa: BLE001
            self.source_failed(error)

    def _begin(self, runner: asyncio.Task[None], input: Any) -> Coroutine[Any, Any, None] | None:
        """Run a branch up to its first suspension; None if that was its end, else the rest, to be awaited."""
        index = self.started
        self.started += 1
        if self._around is not None:
            self._reconsider()
        key = index if self.source.keys is None else self.source.keys[index]
        branch = Branch(self._account, self, runner, index, key, input, self.clock())
        context = self._context.copy()
        run = context.run
        run(_set_account, branch)
        try:
            branch.name = self._fixed_name or self.name_of(input)
            if self._observed:
                self._observe(branch, context)
            running = run(self.step, input)
            if type(running) is not CoroutineType:
                running = self._coroutine(running)
        except BaseException as error:  # noqa: BLE001 - `_fail` lets pass what must
            self._fail_at_once(branch, context, error)
            return None
        try:
            waits_for = run(running.send, None)
        except StopIteration as returned:
            self._end(branch, branch.success(returned.value))
        except BaseException as error:  # noqa: BLE001
            self._fail(branch, error)
        else:
            return self._finish(branch, drive(run, running, waits_for))
        if self.now >= self._breath_due:
            self._spin(branch.started)
        return None

    async def _finish(self, branch: Branch, rest: Awaitable[Any]) -> None:
        try:
            value = await rest
        except BaseException as error:  # noqa: BLE001
            self._fail(branch, error)
        else:
            self._end(branch, branch.success(value))

    def _coroutine(self, made: Any) -> Coroutine[Any, Any, Any]:
        running = coroutine_of(made)
        if running is None:
            refusal = not_async(self.step, made)
            self.stop(refusal)
            raise refusal
        return running

    def _fail(self, branch: Branch, error: BaseException) -> None:
        if not isinstance(error, Exception | asyncio.CancelledError):
            self.stop(error)
            self._end(branch, branch.failure(error, "error"))
            raise error  # KeyboardInterrupt, SystemExit: for the loop
        cut = self.cut_kind if self.stopping else None
        kind, judged = judge(error, branch, self.settings, cut)
        self._end(branch, branch.failure(judged, kind))

    def _fail_at_once(self, branch: Branch, context: Context, error: BaseException) -> None:
        if not branch.name:  # it could not be named; it has a span all the same
            branch.name = step_name(self.step)
            if self._observed:
                self._observe(branch, context)
        self._fail(branch, error)
        self._spin(branch.started)

    def _spin(self, started: float) -> None:
        """Mind a branch that never suspended: when such fill `BREATH` of a turn of the loop, start no more in it."""
        if self._breath_due == _NEW_TURN:
            self._breath_due = started + BREATH
            self.loop.call_soon(self._turned)
        if self.now >= self._breath_due:
            self._breathing = True

    def _turned(self) -> None:
        self._breath_due, self._breathing = _NEW_TURN, False

    def _observe(self, branch: Branch, context: Context) -> None:
        if (running := self.started - self.done) > self.peak:
            self.peak = running
        if self._watchdog is not None:
            self._watchdog.watch(branch)
        if self._spans is not None:
            self._spans.start(branch, context, self.began)

    # --- outcomes

    def name_of(self, input: Any) -> str:
        """What the branch of an input is called."""
        name = self.settings.branch_name
        return name if isinstance(name, str) else str(name(input)) or step_name(self.step)

    def _end(self, branch: Branch, outcome: Outcome[Any]) -> None:
        self.done += 1
        if self._followed:
            self._follow(branch, outcome)
        self._deliver(outcome)
        if type(outcome) is Failure:
            self._count_failure(outcome, inside=branch.raised is outcome.error)
        if self._report is not None:
            self.show_progress()

    def _follow(self, branch: Branch, outcome: Outcome[Any]) -> None:
        if self._watchdog is not None:
            self._watchdog.forget(branch)
        if self._around is not None:
            self._reconsider()
        if self._spans is not None:
            self._spans.end(branch, outcome)

    def _count_failure(self, failure: Failure, *, inside: bool) -> None:
        if self.stopping and failure.kind == "cancelled":
            self.cancelled += 1
            return
        self.failed += 1
        self._last_failures.append(failure)
        if self.settings.stop_on_failure:
            if not self.stopping:
                self.error_from_inside = inside
            self.stop(failure.error)
        elif self.settings.max_failures is not None and self.failed > self.settings.max_failures:
            succeeded = self.done - self.failed - self.cancelled
            last, kept = self._last_failures, self.sink.keeps
            self.stop(too_many_failures(self.settings, succeeded, self.failed, last, outcomes_kept=kept))

    def _deadline_passed(self) -> None:
        if self.done == self.source.total or self._crew.idle():
            return  # in the very turn of the loop in which everything was finished
        raised = deadline_exceeded(self.settings) if self.settings.stop_on_failure else None
        self.unstarted.tell_of_unread(raised)
        self.stop(raised, kind="deadline")

    # --- clocks of branches

    def clock_stopped(self) -> None:
        """A branch's clock has stopped: it waits for a permit."""
        self._stopped_clocks += 1
        if self._around is not None:
            self._reconsider()

    def clock_started(self, branch: Branch) -> None:
        """A branch's clock runs again."""
        self._stopped_clocks -= 1
        if self._around is not None:
            self._reconsider()
        if self._watchdog is not None:
            self._watchdog.resumed(branch)

    def _reconsider(self) -> None:
        """Tell the clock around: all branches here wait, or at least one works, or there is none just now."""
        running = self.started - self.done
        waits = int(0 < self._stopped_clocks == running)
        works = int(running > 0) - waits
        waiting, working = waits - self._waits, works - self._works
        if (waiting or working) and self._around is not None:
            self._waits, self._works = waits, works
            self._around.shift(waiting=waiting, working=working)

    # --- the rest

    def show_progress(self) -> None:
        """Tell whoever wants to know how far the fan-out has come."""
        if self._report is not None:
            unstarted = self.unstarted.count
            failed = self.failed + self.cancelled
            self._report(
                Progress(
                    total=self.source.total,
                    started=self.started,
                    done=self.done + unstarted,
                    succeeded=self.done - failed,
                    failed=failed + unstarted,
                    in_flight=self.started - self.done,
                    elapsed=self.clock() - self.began,
                )
            )
