"""The job through `connect`: the real stack, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from llm_composition_patterns import Limiter, connect, parallelize
from llm_composition_patterns.limits._limiter import learning_limiter
from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._start import start_of
from llm_composition_patterns.outcome import Failure
from llm_composition_patterns.simulation import SimulatedProvider
from llm_composition_patterns.simulation._provider import Reply
from llm_composition_patterns.virtual_time import run

from ._backends import Backend
from ._job import Job

Memory = Mapping[str, Mapping[str, float]]

Each = Callable[[float, Job], object]
"""Called after every answer, with the time and what is counted so far."""

PATIENT: Final = 3600.0
"""Seconds that an attempt may take: whoever sends too much waits for it here, and is not saved by a timeout."""

_OK: Final = 200
_REFUSED: Final = 429


@dataclass(slots=True)
class Watch:
    """What is seen at the provider's door.

    Attributes:
        job: What is counted.
        open: When the attempts at each prompt that are in flight were sent; two where a call is hedged.
        each: Called after every answer, with the time and what is counted so far.
    """

    job: Job
    open: dict[str, list[float]] = field(default_factory=dict)
    each: Each = lambda _, __: None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See every request of every simulated provider in this block."""
        respond = SimulatedProvider.respond

        async def watched(provider: SimulatedProvider, request: Mapping[str, Any]) -> Reply:
            clock = asyncio.get_running_loop().time
            prompt: str = request["messages"][-1]["content"]
            sent = clock()
            tries = self.open.setdefault(prompt, [])
            tries.append(sent)
            first = tries[0]
            try:
                reply = await respond(provider, request)
            finally:
                tries.remove(sent)
            self.answered(reply, first, clock())
            return reply

        with patch.object(SimulatedProvider, "respond", watched):
            yield

    def answered(self, reply: Reply, first: float, now: float) -> None:
        """Count a reply to a call of which an attempt is in flight since `first`."""
        error = reply.body.get("error")
        status = reply.status if error is None or reply.status != _OK else error.get("code")
        if status == _OK:
            self.job.latencies.append(now - first)
        elif status == _REFUSED:
            self.job.refused += 1
        else:
            self.job.failed += 1
        self.each(now, self.job)


def connected(
    backend: Backend,
    seed: int,
    limiter: Limiter,
    *,
    hedge: bool = True,
    workers: int | None = None,
    each: Each = lambda _, __: None,
    **options: Any,
) -> Job:
    """Do the backend's job through a limiter.

    Args:
        backend: Whose.
        seed: Of the scenario.
        limiter: What lets calls through.
        hedge: Whether stragglers get a second attempt.
        workers: The most branches at once, as many as there are calls where nothing is said.
        each: Called after every answer.
        **options: More for `connect`.
    """
    job = Job(backend.calls)
    watch = Watch(job, each=each)
    with watch.watching():
        run(_job(backend, seed, limiter, watch, hedge=hedge, workers=workers or backend.calls, **options))
    return job


async def _job(
    backend: Backend, seed: int, limiter: Limiter, watch: Watch, *, hedge: bool, workers: int, **options: Any
) -> None:
    async with connect(
        "simulated:any", scenario=backend.seeded(seed), concurrency=limiter, hedge=hedge, timeout=PATIENT, **options
    ) as model:

        async def call(index: int) -> None:
            await model.complete(backend.prompt(index))

        started = asyncio.get_running_loop().time()
        outcomes = await parallelize(call, range(backend.calls), max_concurrency=workers, on_error="collect")
        watch.job.makespan = asyncio.get_running_loop().time() - started
        watch.job.lost = sum(isinstance(outcome, Failure) for outcome in outcomes)


def learning(backend: Backend, memory: Memory | None = None) -> Limiter:
    """The limiter that `connect(..., concurrency="auto")` makes for this provider."""
    start = start_of(resolve("simulated:any", base_url=None, api_key=None, environ={}), backend.scenario)
    return learning_limiter(start=start.calls, local=start.local, remembered=memory)
