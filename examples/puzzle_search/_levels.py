"""The levels of parallelism: what becomes a branch, and where branches run. The search is the same at all of them.

What a level gives must be what the plain loop gives; `_measure` compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from llm_composition_patterns import micro_batched, parallelize

from ._grids import Grid
from ._operations import OPERATIONS
from ._search import Finding, Sample, Solution, decide, finding, samples_of
from ._tasks import Task
from ._work import Worked, work

Work: TypeAlias = Callable[[str, Any], Awaitable[Any]]
"""Does a piece of work somewhere, and gives its result."""
Run: TypeAlias = Callable[[Work, Sequence[Task]], Awaitable[list[Solution]]]

BATCH: Final = 26
"""Samples in a micro-batch, a quarter of a round: more are hardly faster each, and fewer are harder to share out."""
_GATHERING: Final = 0.05
_TASKS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Level:
    """One row of the table.

    Attributes:
        branch: What becomes a branch.
        where: What the branches run in: `loop` (plain Python, no fan-out), `asyncio`, `threads` or `processes`.
        run: Runs it over puzzles.
        every: It is measured in every so many rounds.
        tasks: How many puzzles of a round it is measured with; None for all.
    """

    branch: str
    where: str
    run: Run
    every: int = 1
    tasks: int | None = None

    @property
    def name(self) -> str:
        """Level and place."""
        return f"{self.branch}, {self.where}"


async def sequential(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """One puzzle after the other, one sample after the other, and no fan-out."""
    return [await work("task", task) for task in tasks]


async def by_tasks(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """Each puzzle is a branch."""

    async def solve(task: Task) -> Solution:
        solution: Solution = await work("task", task)
        return solution

    return await parallelize(solve, tasks)


async def by_samples(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """Each sample is a branch, and the samples of several puzzles run side by side."""
    return await _by_samples(lambda sample: work("sample", sample), tasks, at_once=_TASKS_AT_ONCE)


async def by_samples_in_turn(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """Each sample is a branch, and one puzzle is searched after the other."""
    return await _by_samples(lambda sample: work("sample", sample), tasks, at_once=1)


async def by_batches(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """Each sample is a branch; some dozens of them are collected and computed at once, in NumPy."""

    async def examine_batch(samples: Sequence[Sample]) -> list[Finding]:
        found: list[Finding] = await work("batch", samples)
        return found

    examine = micro_batched(examine_batch, max_size=BATCH, max_wait=_GATHERING)
    return await _by_samples(examine, sorted(tasks, key=_shape), at_once=len(tasks))


def _shape(task: Task) -> tuple[int, int]:
    grid = task.shown[0].given
    return len(grid), len(grid[0])


async def _by_samples(
    examine: Callable[[Sample], Awaitable[Finding]], tasks: Sequence[Task], *, at_once: int
) -> list[Solution]:
    async def solve(task: Task) -> Solution:
        return decide(task, await parallelize(examine, samples_of(task), name="samples"))

    return await parallelize(solve, tasks, max_concurrency=at_once)


async def by_operations(work: Work, tasks: Sequence[Task]) -> list[Solution]:
    """Each operation is a branch: all first ones of a grid side by side, then all second ones."""
    return [decide(task, [await _examine(work, sample) for sample in samples_of(task)]) for task in tasks]


async def _examine(work: Work, sample: Sample) -> Finding:
    async def apply(given: tuple[str, Grid]) -> Grid | None:
        made: Grid | None = await work("operation", given)
        return made

    explains: Counter[str] = Counter()
    for pair in sample.shown:
        made = await parallelize(apply, [(name, pair.given) for name in OPERATIONS])
        firsts = [(name, grid) for name, grid in zip(OPERATIONS, made, strict=True) if grid is not None]
        explains.update(name for name, grid in firsts if grid == pair.wanted)
        seconds = [(f"{first} | {name}", name, grid) for first, grid in firsts for name in OPERATIONS]
        results = await parallelize(apply, [(name, grid) for _, name, grid in seconds])
        explains.update(program for (program, _, _), grid in zip(seconds, results, strict=True) if grid == pair.wanted)
    return finding(sample, explains)


async def on_the_loop(piece: str, given: Any) -> Worked:
    """What an async function makes of work that computes: nothing runs beside it."""
    return work(piece, given)


LOOP: Final = Level("(none)", "loop", sequential)

LEVELS: Final = (
    Level("operations", "asyncio", by_operations, every=4, tasks=2),
    Level("operations", "threads", by_operations, every=4, tasks=2),
    Level("operations", "processes", by_operations, every=4, tasks=2),
    Level("tasks", "threads", by_tasks, every=4),
    Level("tasks", "asyncio", by_tasks, every=4),
    Level("samples", "threads", by_samples, every=4),
    Level("samples", "asyncio", by_samples, every=4),
    Level("samples, one task at a time", "processes", by_samples_in_turn),
    Level("tasks", "processes", by_tasks),
    LOOP,
    Level("samples", "processes", by_samples),
    Level("micro-batches in NumPy", "asyncio", by_batches),
    Level("micro-batches in NumPy", "processes", by_batches),
)
"""In the order in which a round measures them: those that count most stand beside what they are compared with."""
