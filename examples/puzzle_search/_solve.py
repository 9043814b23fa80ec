"""`solve`: search puzzles in worker processes, with every program or with a model's candidates."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from llm_composition_patterns import (
    AuthenticationFailed,
    ChatModel,
    ConfigurationError,
    ConnectedModel,
    Failure,
    InsufficientCredit,
    LLMCompositionError,
    Outcome,
    Progress,
    Scenario,
    Step,
    Success,
    Tracing,
    Tracked,
    UnknownModel,
    Usage,
    connect,
    in_processes,
    parallelize,
    setup_tracing,
    stream_outcomes,
    track,
)
from llm_composition_patterns.console import (
    FAILED,
    OK,
    SOME_FAILED,
    chosen_model,
    drawn_into,
    live_progress,
    load_env_file,
    on_command_line,
    print_json,
    run_command,
    say,
    terminal,
    usage_line,
    usage_record,
)

from ._candidates import Candidate, Verdict, check, propose, rehearsed
from ._grids import rows
from ._programs import NoProgram
from ._search import Finding, Sample, Solution, decide, examine, samples_of
from ._tasks import Task, invented, read

_TASKS_PER_WORKER: Final = 4
_LISTED: Final = 10
_FATAL: Final = (AuthenticationFailed, InsufficientCredit, UnknownModel, ConfigurationError)


class Unsearched(LLMCompositionError):
    """Samples or candidates of a puzzle failed: what was not searched is not without a solution."""


@dataclass
class Tally:
    """What is told of a run beside its solutions.

    Attributes:
        branches: How many pieces of work ended.
        seconds: How long they took together, without waiting for a process.
        dropped: Candidates that failed, with the reasons.
    """

    branches: int = 0
    seconds: float = 0.0
    dropped: list[Failure] = field(default_factory=list)

    def add(self, outcomes: Sequence[Outcome[Finding]] | Sequence[Outcome[Verdict]]) -> None:
        """Take note of some pieces."""
        self.branches += len(outcomes)
        self.seconds += sum(outcome.elapsed for outcome in outcomes)


def by_enumeration(examined: Step[Sample, Finding], limit: float, tally: Tally) -> Step[Task, Solution]:
    """Search with every program; each sample is a branch."""

    async def search_puzzle(task: Task) -> Solution:
        outcomes = await parallelize(
            examined,
            samples_of(task),
            name="examine samples",
            branch_name=lambda sample: sample.key,
            timeout=limit,
            on_error="collect",
        )
        tally.add(outcomes)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        if failed:
            raise Unsearched(f"{len(failed)} of {len(outcomes)} samples: {failed[0].error}") from failed[0].error
        return decide(task, [outcome.value for outcome in outcomes if isinstance(outcome, Success)])

    return search_puzzle


def by_model(model: ChatModel, checked: Step[Candidate, Verdict], limit: float, tally: Tally) -> Step[Task, Solution]:
    """Search with what a model proposes; each candidate is a branch, and one that never ends is ended."""

    async def search_puzzle(task: Task) -> Solution:
        outcomes = await parallelize(
            checked,
            await propose(model, task),
            name="check candidates",
            branch_name=str,
            timeout=limit,
            on_error="collect",
        )
        tally.add(outcomes)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        tally.dropped += failed
        solution = chosen(task, [outcome.value for outcome in outcomes if isinstance(outcome, Success)])
        unchecked = [failure.error for failure in failed if not isinstance(failure.error, NoProgram)]
        if unchecked and not solution.programs:
            raise Unsearched(f"{len(unchecked)} of {len(outcomes)} candidates: {unchecked[0]}") from unchecked[0]
        return solution

    return search_puzzle


def chosen(task: Task, verdicts: Sequence[Verdict]) -> Solution:
    """The first candidate that explains everything shown, and its answers."""
    fitting = [verdict for verdict in verdicts if verdict.explained == len(task.shown)]
    answers = fitting[0].answers if fitting else (None,) * len(task.tests)
    known = [pair.wanted for pair in task.tests]
    right = None if None in known else answers == tuple(known)
    return Solution(task.key, tuple(verdict.program for verdict in fitting), answers, right, None)


def solve(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code."""
    load_env_file()
    tasks = read(arguments.files) if arguments.files else [*invented(arguments.puzzles, arguments.seed or 0)]
    name = chosen_model(arguments) if arguments.candidates == "model" else None
    with setup_tracing(to=arguments.trace) as tracing, drawn_into(arguments.timeline):
        command = _Solve(arguments, tasks, name, tracing)
        return run_command(command.search, tracing=tracing, show=command.shown)


class _Solve:
    """One run of the command."""

    def __init__(
        self, arguments: argparse.Namespace, tasks: Sequence[Task], model: str | None, tracing: Tracing
    ) -> None:
        self._arguments, self._tasks, self._name, self._tracing = arguments, tasks, model, tracing
        self._workers: int = arguments.workers or os.cpu_count() or 1
        self._tally = Tally()
        self._tracked: Tracked | None = None
        self._seconds = 0.0
        self._outcomes: list[Outcome[Solution]] = []

    async def search(self) -> int:
        """Search every puzzle; what is finished is shown whatever ended it."""
        clock = asyncio.get_running_loop().time
        began = clock()
        models: list[ConnectedModel] = []
        try:
            async with AsyncExitStack() as stack:
                step = await self._step(stack, models)
                progress = stack.enter_context(live_progress("puzzles", models))
                self._tracked = await stack.enter_async_context(track("puzzle search", budget=self._arguments.budget))
                await self._collect(step, progress=progress)
        finally:
            self._outcomes.sort(key=lambda outcome: outcome.index)
            self._seconds = clock() - began
            if models and self._tracked is not None:
                say(usage_line(self._tracked.usage))
        failed = sum(isinstance(outcome, Failure) for outcome in self._outcomes)
        return OK if not failed else SOME_FAILED if failed < len(self._outcomes) else FAILED

    async def _collect(self, step: Step[Task, Solution], *, progress: Callable[[Progress], None] | bool) -> None:
        """Take what ends as it ends, until an error comes that every other puzzle would fail with."""
        stream = stream_outcomes(
            step,
            self._tasks,
            name="search puzzles",
            branch_name=lambda task: task.key,
            max_concurrency=_TASKS_PER_WORKER * self._workers,
            progress=progress,
        )
        try:
            async with stream as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Failure) and isinstance(outcome.error, _FATAL):
                        raise outcome.error
                    self._outcomes.append(outcome)
        finally:
            self._outcomes += [outcome for outcome in stream.rest() if not _is_cut_off(outcome)]

    async def _step(self, stack: AsyncExitStack, models: list[ConnectedModel]) -> Step[Task, Solution]:
        limit = self._arguments.timeout
        if self._name is None:
            examined = await stack.enter_async_context(in_processes(examine, workers=self._workers))
            return by_enumeration(examined, limit, self._tally)
        scenario = Scenario(answer=rehearsed(self._tasks)) if self._name.startswith("simulated:") else None
        most: int | None = self._arguments.max_concurrency
        model = await stack.enter_async_context(connect(self._name, concurrency=most or "auto", scenario=scenario))
        models.append(model)
        checked = await stack.enter_async_context(in_processes(check, workers=self._workers))
        return by_model(model, checked, limit, self._tally)

    def shown(self, code: int) -> int:
        """Print what was found."""
        if not self._outcomes:
            return code
        for outcome in self._outcomes:
            if isinstance(outcome, Failure):
                say(f"failed: {outcome.name}: {outcome.kind}: {on_command_line(str(outcome.error))}")
        for failure in self._tally.dropped[:_LISTED]:
            say(f"candidate dropped: {failure.input.task.key}: {failure.name}: {failure.kind}: {failure.error}")
        if len(self._tally.dropped) > _LISTED:
            say(f"candidates dropped: {len(self._tally.dropped) - _LISTED} more")
        solved = [outcome.value for outcome in self._outcomes if isinstance(outcome, Success)]
        if self._arguments.json:
            print_json({**self._summary(solved), **self._record(), "solutions": [*map(_solution_record, solved)]})
        else:
            self._print(solved)
        return code

    def _summary(self, solutions: Sequence[Solution]) -> dict[str, object]:
        found = [solution for solution in solutions if solution.programs]
        return {
            "puzzles": len(self._tasks),
            "right": sum(solution.right is True for solution in found),
            "wrong": sum(solution.right is False for solution in found),
            "unknown": sum(solution.right is None for solution in found),
            "unsolved": len(solutions) - len(found),
            "failed": len(self._outcomes) - len(solutions),
            "not_searched": len(self._tasks) - len(self._outcomes),
            "candidates_dropped": len(self._tally.dropped),
        }

    def _record(self) -> dict[str, object]:
        tally, tracked = self._tally, self._tracked
        return {
            "seconds": round(self._seconds, 3),
            "branches": tally.branches,
            "branch_seconds": round(tally.seconds, 3),
            "speed_up": round(tally.seconds / self._seconds, 2),
            "workers": self._workers,
            "usage": usage_record(Usage() if tracked is None else tracked.usage),
            "trace": self._tracing.trace_url(tracked.trace_id) if tracked and tracked.trace_id else None,
        }

    def _print(self, solutions: Sequence[Solution]) -> None:
        console = terminal(stderr=False)
        for solution in solutions:
            program = solution.programs[0] if solution.programs else "(no program found)"
            console.print(f"{solution.key}: {program}", markup=False)
        told = ", ".join(f"{number} {word}" for word, number in self._summary(solutions).items() if number)
        console.print(told.replace("_", " "))
        tally, record = self._tally, self._record()
        console.print(
            f"{tally.branches} branches of {tally.seconds:.1f} s in {record['seconds']} s on {self._workers} "
            f"processes: {record['speed_up']}x"
        )
        if record["trace"]:
            say(f"trace: {record['trace']}")


def _is_cut_off(outcome: Outcome[Solution]) -> bool:
    """Whether a puzzle was not searched to its end because all was to end."""
    return isinstance(outcome, Failure) and (outcome.kind == "cancelled" or isinstance(outcome.error, _FATAL))


def _solution_record(solution: Solution) -> dict[str, object]:
    return {
        "id": solution.key,
        "programs": solution.programs,
        "answers": [grid and rows(grid) for grid in solution.answers],
        "right": solution.right,
        "held_out": solution.held_out,
    }
