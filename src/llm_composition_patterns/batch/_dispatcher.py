"""The dispatcher: one run of a batch, from the items that are left to the report.

It is a fan-out whose branches are executions. A branch writes that its item runs, waits until that is committed, runs
it, and ends when it has asked for what became of it to be written. Writes are made in the order in which they were
asked for, so the item that takes its place begins after that commit: at most `max_concurrency` items are in doubt,
whatever ends the process, and two commits are waited for as one. Only the dispatcher writes the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal

from ..errors import BatchError, BudgetExceeded, WorkerLost, add_note
from ..patterns.parallelization import OutcomeStream, Settings, ShowProgress, reporter
from ..runs import Budget, Progress, current_account, track
from ..steps import JsonForm
from ..tracing import show_key
from ..usage import MONEY, Usage
from ._endings import ends_the_run, is_deferred, kind_of, told
from ._execution import Execution, current_execution
from ._interruption import handling_signals
from ._item import Item
from ._remaining import Key, Remaining, Work
from ._report import REPORTED, BatchReport, Interruption
from ._states import State
from ._store import Store
from ._teller import Teller
from ._transport import NotWritten, Transport, Written

_DIED: Final = "the run that executed it died"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a batch is run; none of it changes its results."""

    name: str
    branch_name: str
    max_concurrency: int
    budget: Budget | None
    max_attempts: int
    retry: Collection[State]
    drain_timeout: float
    handle_signals: bool
    progress: ShowProgress


class Dispatcher:
    """One run of a batch.

    Args:
        store: Where it is kept.
        transport: Where the step runs.
        form: How its results are written.
        settings: How it is run.
    """

    def __init__(self, store: Store, transport: Transport, form: JsonForm, settings: RunSettings) -> None:
        self._store = store
        self._transport = transport
        self._form = form
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._executed = 0
        self._interrupted: Interruption | None = None
        self._ended_by: BaseException | None = None
        self._spent_up: BudgetExceeded | None = None
        self._drained: asyncio.TimerHandle | None = None

    async def run(self, items: Any, key: Key | None) -> BatchReport:
        """Execute the items that are left.

        Raises:
            BaseException: What makes it useless to go on, after everything that is finished was committed.
        """
        began = self._loop.time()
        self._run = await self._store.begin()
        await self._find_the_dead()
        settings = self._settings
        self._remaining = Remaining(
            items, key, self._store, run=self._run, retry=settings.retry, at_once=settings.max_concurrency
        )
        async with track(settings.name, budget=await self._what_is_left()) as tracked:
            await self._execute_all()
        if self._ended_by is not None:
            with suppress(BatchError):  # the one that is raised, perhaps
                add_note(self._ended_by, f"the batch was stopped by this; its store has {await self._counts()}")
            raise self._ended_by
        return await self._report(tracked.usage, began)

    async def _find_the_dead(self) -> None:
        """Items that run while nobody runs them were in flight when a run died."""
        most = self._settings.max_attempts
        await asyncio.gather(*[self._store.put(item.died(_DIED, most=most)) for item in await self._store.running()])

    async def _what_is_left(self) -> Budget | None:
        """The budget of this run: what the runs before it have not spent."""
        budget = self._settings.budget
        if budget is None:
            return None
        spent = await self._store.spent()
        usd = None if budget.usd is None else MONEY.subtract(Decimal(budget.usd), spent.known_cost)
        tokens = None if budget.tokens is None else budget.tokens - spent.total_tokens
        if (usd is None or usd > 0) and (tokens is None or tokens > 0):
            return Budget(usd=usd, tokens=tokens)
        self._spent_up = _spent_up(self._settings.name, budget, spent)
        return None

    async def _execute_all(self) -> None:
        report = reporter(self._settings.progress, self._settings.name)
        around = current_account.get()
        workers = self._settings.max_concurrency
        teller = Teller(around, self._store, self._remaining, run=self._run, workers=workers)
        token = current_account.set(teller)
        why: str | None = None
        try:
            self._running = self._fan_out(False if report is None else lambda progress: report(self._whole(progress)))
            await self._until_over(teller)
            why = self._interrupted or (None if self._ended_by is None else type(self._ended_by).__name__)
        except BaseException as error:
            why = type(error).__name__
            raise
        finally:
            current_account.reset(token)
            teller.tell(self._executed, ended=True, ended_by=why)
            if self._drained is not None:
                self._drained.cancel()
            if report is not None:
                report.close()

    def _fan_out(self, progress: ShowProgress) -> OutcomeStream[None]:
        settings = self._settings
        how = Settings(
            name=settings.name,
            branch_name=settings.branch_name,
            max_concurrency=settings.max_concurrency,
            progress=progress,
            items=True,
        )
        return OutcomeStream(self._execute, self._remaining, how, ordered=False)

    async def _until_over(self, teller: Teller) -> None:
        teller.tell(0)
        async with self._running as outcomes:
            with handling_signals(self._interrupt) if self._settings.handle_signals else nullcontext():
                async for outcome in outcomes:  # the store has them
                    teller.over(outcome, self._executed)

    def _whole(self, progress: Progress) -> Progress:
        """How far the whole batch has come, with what earlier runs did."""
        skipped, total = self._remaining.skipped, self._remaining.total
        before = skipped.total()
        return replace(
            progress,
            total=total,
            started=progress.started + before,
            done=progress.done + before,
            succeeded=progress.succeeded + skipped["succeeded"],
            failed=progress.failed + before - skipped["succeeded"],
        )

    async def _report(self, usage: Usage, began: float) -> BatchReport:
        counts = await self._counts()  # by then the last item is committed, too
        return BatchReport(
            counts=counts,
            executed=self._executed,
            possibly_repeated=tuple(await self._store.repeated()),
            interrupted=self._interrupted,
            usage=usage,
            elapsed=self._loop.time() - began,
        )

    async def _counts(self) -> dict[str, int]:
        counts = await self._store.counts()
        return {state: counts.get(state, 0) for state in REPORTED}

    # --- what ends it early

    def _interrupt(self, signal: Interruption) -> None:
        """A signal came: start no more, and give what runs some time; at the second one, none."""
        self._remaining.stop()
        if self._interrupted is None:
            self._interrupted = signal
            self._drained = self._loop.call_later(self._settings.drain_timeout, self._running.stop)
        else:
            self._running.stop()

    def _end(self, error: BaseException) -> None:
        """Start no more; what every item would fail with ends those that run, too."""
        self._ended_by = self._ended_by or error
        self._remaining.stop()
        if not isinstance(error, BudgetExceeded):
            self._running.stop()

    # --- one item

    async def _execute(self, work: Work) -> None:
        show_key(work.key)
        item = self._remaining.taken(work.key)
        if self._spent_up is not None:
            self._end(self._spent_up)
            raise self._spent_up
        account = current_account.get()
        assert account is not None  # noqa: S101 - a branch has one
        execution = Execution(work.key, self._store, account)
        current_execution.set(execution)  # in the branch's own context
        self._executed += 1
        while item.state == "pending":
            item = await self._attempt(work, item.started(self._run), execution)

    async def _attempt(self, work: Work, item: Item, execution: Execution) -> Item:
        """Execute an item once. What became of it is given back where it may be done or begun again, else raised."""
        began = self._loop.time()
        try:
            await self._store.put(item)
            text = self._text_of(await self._transport.run(work.key, work.input))
        except BaseException as error:
            item = self._failed(item, error, self._loop.time() - began, execution.used())
            self._record(item, None, execution)
            if ends_the_run(error) or isinstance(error, NotWritten):
                self._end(error)
            if isinstance(error, WorkerLost) and item.state == "pending":
                return item
            raise
        item = item.succeeded(self._loop.time() - began, execution.used())
        self._record(item, text, execution)
        return item

    def _record(self, item: Item, text: str | None, execution: Execution) -> None:
        """Write what became of an item. Whoever comes next waits for it, because writes are made in their order."""
        self._store.put(item, text, usage=execution.unrecorded()).add_done_callback(self._recorded)

    def _recorded(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled() and (error := writing.exception()) is not None:
            self._end(error)

    def _text_of(self, value: Any) -> str:
        if type(value) is Written:
            return value
        try:
            return self._form.written(value)
        except TypeError as error:
            raise NotWritten(str(error)) from error

    def _failed(self, item: Item, error: BaseException, elapsed: float, usage: Usage) -> Item:
        if isinstance(error, WorkerLost):
            return item.died(told(error), most=self._settings.max_attempts, elapsed=elapsed, usage=usage)
        if is_deferred(error) or _is_from_outside(error):
            return item.deferred(kind_of(error), told(error), elapsed, usage)
        return item.failed(kind_of(error), told(error), elapsed, usage)


def _is_from_outside(error: BaseException) -> bool:
    """Whether an execution was ended from outside: with its branch, or with the whole process."""
    runner = asyncio.current_task()
    return not isinstance(error, Exception | asyncio.CancelledError) or (runner is not None and runner.cancelling() > 0)


def _spent_up(name: str, budget: Budget, spent: Usage) -> BudgetExceeded:
    if budget.tokens is not None and spent.total_tokens >= budget.tokens:
        return _exceeded(name, "tokens", budget.tokens, spent.total_tokens)
    return _exceeded(name, "usd", Decimal(budget.usd or 0), spent.known_cost)


def _exceeded(name: str, unit: Literal["usd", "tokens"], limit: Decimal | int, spent: Decimal | int) -> BudgetExceeded:
    told = f"${spent} of their budget of ${limit}" if unit == "usd" else f"{spent} of their budget of {limit} tokens"
    mend = "give a larger one to go on; what is finished is kept"
    return BudgetExceeded(
        f"the runs of {name!r} have spent {told}: {mend}", scope=name, unit=unit, limit=limit, spent=spent
    )
