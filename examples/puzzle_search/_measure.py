"""Measures the levels in rounds: all of them over the same puzzles within a minute, and then over the next ones.

A speed-up is that of a pair: the plain loop and the level over the same puzzles in the same round, so that a machine
that others use too is as slow for the one as for the other. The median over the rounds is told: over those in which
others left the processors alone, if there are any. What a level would be without others is told by CPU time besides:
that of the plain loop, divided by that of the busiest process of the level.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from llm_composition_patterns import in_processes, in_threads

from ._levels import LEVELS, LOOP, Level, on_the_loop
from ._search import Solution
from ._tasks import Task
from ._work import Worked, work

ROUND: Final = 20
"""Puzzles in a round."""
QUIET: Final = 0.15
"""Processors that others may take on average for a pair to count as undisturbed."""
_Step: TypeAlias = Callable[[str, Any], Awaitable[Worked]]
_STAT: Final = Path("/proc/stat")
_IDLE: Final = (3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One level in one round, beside the plain loop.

    Attributes:
        seconds: How long the level took.
        loop: How long the plain loop took for the same puzzles.
        branches: How many pieces of work there were.
        inside: CPU time inside them.
        cpu: CPU time of this process and its workers.
        busiest: CPU time of the one that spent most.
        loop_cpu: CPU time of the plain loop.
        others: Processors that others took on average, the more of the two; None where the system does not tell.
    """

    seconds: float
    loop: float
    branches: int
    inside: float
    cpu: float
    busiest: float
    loop_cpu: float
    others: float | None

    @property
    def speed_up(self) -> float:
        """Against the plain loop."""
        return self.loop / self.seconds

    @property
    def quiet(self) -> bool:
        """Whether others left it alone."""
        return self.others is not None and self.others <= QUIET


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a level."""

    level: Level
    pairs: tuple[Pair, ...]

    @property
    def counted(self) -> tuple[Pair, ...]:
        """The undisturbed pairs; all where there is none."""
        return tuple(pair for pair in self.pairs if pair.quiet) or self.pairs

    @property
    def speed_up(self) -> float:
        """The median."""
        return median(pair.speed_up for pair in self.counted)

    @property
    def by_cpu(self) -> float:
        """The same by CPU time, which others do not touch."""
        return median(pair.loop_cpu / pair.busiest for pair in self.pairs)

    @property
    def others(self) -> float | None:
        """Processors that others took meanwhile, the median; None where the system does not tell."""
        told = [pair.others for pair in self.counted if pair.others is not None]
        return median(told) if told else None

    @property
    def seconds(self) -> float:
        """In all rounds."""
        return sum(pair.seconds for pair in self.pairs)

    @property
    def branches(self) -> int:
        """In all rounds."""
        return sum(pair.branches for pair in self.pairs)

    @property
    def each(self) -> float:
        """CPU seconds of one branch."""
        return sum(pair.inside for pair in self.pairs) / self.branches

    @property
    def inside(self) -> float:
        """The share of the CPU time that was spent inside branches."""
        return sum(pair.inside for pair in self.pairs) / sum(pair.cpu for pair in self.pairs)


@dataclass(slots=True)
class _Ran:
    """One run of one level."""

    seconds: float
    each: list[tuple[float, float]]
    branches: int
    inside: float
    cpu: list[float]
    others: float | None


class _Meter:
    """Notes what pieces of work cost."""

    def __init__(self) -> None:
        self.branches, self.inside = 0, 0.0
        self._spent: dict[int, float] = {}

    def note(self, worked: Worked) -> Any:
        self.branches += 1
        self.inside += worked.seconds
        self._spent[worked.process] = max(worked.spent, self._spent.get(worked.process, 0.0))
        return worked.value

    def cpu(self) -> dict[int, float]:
        """CPU time of this process and of all that have answered, so far."""
        return {**self._spent, os.getpid(): time.process_time()}


class DifferentAnswers(Exception):
    """A level found something else than the plain loop."""


async def measured(
    tasks: Sequence[Task],
    *,
    workers: int,
    levels: Sequence[Level] = LEVELS,
    size: int = ROUND,
    report: Callable[[int, int, Level], None] = lambda *_: None,
) -> list[Row]:
    """Measure the levels over puzzles, in rounds of `size`.

    Raises:
        DifferentAnswers: A level found something else than the plain loop.
    """
    pairs: dict[str, list[Pair]] = {level.name: [] for level in levels}
    async with _places(workers) as places:
        rounds = [sorted(tasks[at : at + size], key=lambda task: -task.work) for at in range(0, len(tasks), size)]
        for number, chosen in enumerate(rounds):
            due = [level for level in levels if number % level.every == 0]
            ran: dict[str, tuple[_Ran, list[Solution]]] = {}
            for level in due if number % 2 == 0 else due[::-1]:
                report(number, len(rounds), level)
                ran[level.name] = await places.run(level, chosen[: level.tasks])
            for level in due:
                pairs[level.name].append(_paired(level, ran[level.name], ran[LOOP.name]))
    return [Row(level, tuple(pairs[level.name])) for level in levels]


def _paired(level: Level, ran: tuple[_Ran, list[Solution]], loop: tuple[_Ran, list[Solution]]) -> Pair:
    (run, found), (base, wanted) = ran, loop
    expected = {solution.key: solution for solution in wanted}
    wrong = [solution.key for solution in found if solution != expected[solution.key]]
    if wrong:
        raise DifferentAnswers(f"{level.name} found something else than the plain loop for {', '.join(wrong)}")
    others = None if run.others is None or base.others is None else max(run.others, base.others)
    return Pair(
        seconds=run.seconds,
        loop=sum(seconds for seconds, _ in base.each[: len(found)]),
        branches=run.branches,
        inside=run.inside,
        cpu=sum(run.cpu),
        busiest=max(run.cpu),
        loop_cpu=sum(cpu for _, cpu in base.each[: len(found)]),
        others=others,
    )


class _Places:
    """Where pieces of work are done."""

    def __init__(self, threads: _Step, processes: _Step) -> None:
        self._meter = _Meter()
        self._each: list[tuple[float, float]] = []
        self._steps = {"loop": self._timed, "asyncio": on_the_loop, "threads": threads, "processes": processes}

    async def warm_up(self, calls: int) -> None:
        """Have the workers started, and their imports done."""
        worked = await asyncio.gather(*(self._steps["processes"]("batch", ()) for _ in range(calls)))
        for each in worked:
            self._meter.note(each)

    async def _timed(self, piece: str, given: Any) -> Worked:
        began = time.perf_counter()
        worked = work(piece, given)
        self._each.append((time.perf_counter() - began, worked.seconds))
        return worked

    async def run(self, level: Level, tasks: Sequence[Task]) -> tuple[_Ran, list[Solution]]:
        """Run a level once, in the order of the tasks' work."""
        meter, step = self._meter, self._steps[level.where]
        self._each.clear()

        async def do(piece: str, given: Any) -> Any:
            return meter.note(await step(piece, given))

        branches, inside, cpu, busy = meter.branches, meter.inside, meter.cpu(), _busy()
        began = time.perf_counter()
        found = await level.run(do, tasks)
        seconds = time.perf_counter() - began
        own = [spent - cpu.get(process, 0.0) for process, spent in meter.cpu().items()]
        others = None if busy is None else max(0.0, ((_busy() or 0.0) - busy - sum(own)) / seconds)
        ran = _Ran(seconds, [*self._each], meter.branches - branches, meter.inside - inside, own, others)
        return ran, found


@asynccontextmanager
async def _places(workers: int) -> AsyncGenerator[_Places]:
    """The places, opened once, as a program that searches would open them."""
    async with in_threads(work, workers=workers) as threads, in_processes(work, workers=workers) as processes:
        places = _Places(threads, processes)
        await places.warm_up(4 * workers)
        yield places


def _busy() -> float | None:
    """Processor seconds of all processes of this machine so far."""
    try:
        fields = _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    ticks = sum(int(field) for place, field in enumerate(fields) if place not in _IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")
