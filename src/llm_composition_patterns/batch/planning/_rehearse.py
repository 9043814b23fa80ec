"""`rehearse`: what a batch comes to, by running it against a simulated provider, in virtual time.

Each job is a dispatcher of its own, with a store in memory and a limiter that knows nothing at first, as in processes
of their own; they share the provider, and its limits with it. A job whose time is over is cancelled and started again,
with its store and with a new limiter.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Final

from ...errors import BudgetExceeded, ModelError
from ...limits import Limiter
from ...llm import ChatModel, connect_simulated
from ...runs import Budget, track
from ...simulation import Capacity, Fault, RateLimit, Reply, Scenario, SimulatedProvider
from ...steps import JsonForm
from ...usage import Usage
from .._dispatcher import Dispatcher, RunSettings
from .._memory_store import MemoryStore
from .._transport import LocalTransport
from ._case import ATTEMPTS, Case
from ._figures import Figures, binding

_LETTERS: Final = 4
"""Of a token, as the simulated provider counts them."""

_PATIENCE: Final = 20.0
"""Times as long as a call takes that it may take."""

_NAME: Final = "rehearsal"


async def rehearse(case: Case, *, seed: int = 0) -> Figures:
    """Run a batch against a simulated provider, and measure; meant for a loop in virtual time, where it takes seconds.

    Args:
        case: The batch.
        seed: Of what is drawn: how long each item takes, up to a quarter more or less, and which attempts fail.

    Raises:
        ModelError: What the batch would end with, as where the scenario has no credit.
    """
    clock = asyncio.get_running_loop().time
    began, rehearsal = clock(), _Rehearsal(case, seed)
    async with track(_NAME, budget=None if case.budget is None else Budget(usd=case.budget)) as tracked:
        await rehearsal.run()
    return await rehearsal.figures(clock() - began, tracked.usage)


class _Rehearsal:
    """A batch that is rehearsed, and what was seen of it."""

    def __init__(self, case: Case, seed: int) -> None:
        self._case = case
        self._provider = _Provider(_scenario(case, seed))
        self._places = asyncio.Semaphore(case.jobs_at_once)
        self._stores = [MemoryStore() for _ in range(min(case.jobs, case.workload.items))]
        self._clock = asyncio.get_running_loop().time
        self._sessions = self._minutes = self._cut_off = 0
        self._at_work = 0.0
        self._spent_up = False
        self._ended_by: Exception | None = None

    async def run(self) -> None:
        """Run all jobs."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(len(self._stores)):
                    group.create_task(self._job(number))
        except* ModelError as ended:
            self._ended_by = ended.exceptions[0]
        if self._ended_by is not None:
            raise self._ended_by

    async def figures(self, seconds: float, usage: Usage) -> Figures:
        """What was measured."""
        case, utilization = self._case, self._provider.busy / (self._at_work * self._case.workers)
        done = sum([(await store.counts()).get("succeeded", 0) for store in self._stores])
        return Figures(
            done=done,
            left=case.workload.items - done,
            seconds=seconds,
            cost=usage.known_cost,
            retries=usage.retries,
            cut_off=self._cut_off,
            sessions=self._sessions,
            runner_minutes=self._minutes,
            utilization=utilization,
            binds=binding(
                case,
                utilization=utilization,
                answered=self._provider.statistics().answered,
                seconds=seconds,
                sessions=self._sessions,
                minutes=self._minutes,
                spent_up=self._spent_up,
            ),
        )

    async def _job(self, number: int) -> None:
        while not self._spent_up:
            async with self._places:
                if await self._session(number):
                    return

    async def _session(self, number: int) -> bool:
        """Let a job run; whether it is done before its time is over."""
        began, store = self._clock(), self._stores[number]
        in_time = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._case.runner.job_seconds):
                    await self._dispatch(number, store)
                in_time = True
        except BudgetExceeded:
            self._spent_up = in_time = True
        seconds = self._clock() - began
        self._sessions += 1
        self._at_work += seconds
        self._minutes += math.ceil(seconds / 60)
        if not in_time:
            self._cut_off += (await store.counts()).get("pending", 0)
        return in_time

    async def _dispatch(self, number: int, store: MemoryStore) -> None:
        work = self._case.workload
        limiter = Limiter(max=self._case.workers)
        timeout = _PATIENCE * work.seconds_per_item / work.calls_per_item
        async with connect_simulated(self._provider, concurrency=limiter, timeout=timeout, attempts=ATTEMPTS) as model:
            transport = LocalTransport(_item(self._case, model), None)
            async with transport:
                dispatcher = Dispatcher(store, transport, JsonForm(int, of=_NAME), _settings(self._case))
                await dispatcher.run(self._keys(number), str)

    def _keys(self, number: int) -> Iterator[str]:
        return (str(item) for item in range(number, self._case.workload.items, len(self._stores)))


class _Provider(SimulatedProvider):
    """A simulated provider that counts how long it was at work.

    Attributes:
        busy: Seconds of all requests that it worked on.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.busy = 0.0

    async def respond(self, request: Mapping[str, Any]) -> Reply:
        """Answer a request."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            return await super().respond(request)
        finally:
            self.busy += clock() - began


def _item(case: Case, model: ChatModel) -> Callable[[str], Awaitable[int]]:
    """The step: the calls of an item, one after the other."""
    calls = case.workload.calls_per_item
    length, answer = case.workload.input_tokens // calls * _LETTERS, case.workload.output_tokens // calls

    async def work_on(key: str) -> int:
        for number in range(calls):
            await model.complete(f"{key} {number} ".ljust(length, "."), max_tokens=answer)
        return calls

    return work_on


def _scenario(case: Case, seed: int) -> Scenario:
    work = case.workload
    answer = "." * (work.output_tokens // work.calls_per_item * _LETTERS)
    if case.scenario is not None:
        return replace(case.scenario, seed=seed, models=(), keys=(), answer=lambda _: answer)
    given = {name: rate for name, rate in asdict(case.rates).items() if name != "at_once"}
    return Scenario(
        seed=seed,
        time_to_first_token=work.seconds_per_item / work.calls_per_item,
        tokens_per_second=math.inf,
        price=work.price,
        rate_limit=RateLimit(**given) if any(given.values()) else None,
        capacity=None if case.rates.at_once is None else Capacity(slots=case.rates.at_once),
        faults=(Fault(kind="server_error", probability=work.failure_rate),) if work.failure_rate else (),
        answer=lambda _: answer,
    )


def _settings(case: Case) -> RunSettings:
    return RunSettings(
        name=_NAME,
        branch_name="item",
        max_concurrency=case.workers,
        budget=None,
        max_attempts=ATTEMPTS,
        retry=(),
        drain_timeout=0.0,
        handle_signals=False,
        progress=False,
    )
