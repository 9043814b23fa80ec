"""The search: which programs explain what is shown, and what they make of the rest. Plain functions that compute.

One `Sample` is one call, as in the original: a grid of a puzzle, and the demonstrations it is to be explained by. For a
test those are all; for a demonstration all the others, so that it tells whether the search would have found it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ._grids import Grid, NotApplicable
from ._programs import enumerated, parse, run
from ._tasks import Pair, Task

_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        key: The puzzle and the number of the grid in it.
        shown: The demonstrations.
        given: The grid.
        wanted: What it should become; None where that is not told.
        is_test: Whether it is a test, and no demonstration that was held out.
    """

    key: str
    shown: tuple[Pair, ...]
    given: Grid
    wanted: Grid | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What the search found for one sample.

    Attributes:
        key: The sample's.
        programs: Those that explain everything shown, the first ten, the shortest first.
        explained: How many demonstrations the best program explains.
        answer: What most of those programs make of the grid; None where there are none.
        share: The share of them that agree on it.
        right: Whether it is what was wanted; None where that is not told.
        is_test: The sample's.
    """

    key: str
    programs: tuple[str, ...]
    explained: int
    answer: Grid | None
    share: float
    right: bool | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class Solution:
    """What the search found for one puzzle.

    Attributes:
        key: The puzzle's.
        programs: Those that explain everything shown; the first is the one to take.
        answers: One for each test, None where there is none.
        right: Whether all are what was wanted; None where that is not told.
        held_out: The share of demonstrations that were found out from the others.
    """

    key: str
    programs: tuple[str, ...]
    answers: tuple[Grid | None, ...]
    right: bool | None
    held_out: float | None


def samples_of(task: Task) -> list[Sample]:
    """The calls that a puzzle is made of: each demonstration by the others, each test by all."""
    shown = task.shown
    held_out = [
        Sample(f"{task.key} {number}", shown[:number] + shown[number + 1 :], pair.given, pair.wanted, is_test=False)
        for number, pair in enumerate(shown)
    ]
    tests = [
        Sample(f"{task.key} {number}", shown, pair.given, pair.wanted, is_test=True)
        for number, pair in enumerate(task.tests, len(shown))
    ]
    return held_out + tests


def examine(sample: Sample) -> Finding:
    """Try every program on every demonstration of a sample."""
    explains = Counter(
        program for pair in sample.shown for program, made in enumerated(pair.given) if made == pair.wanted
    )
    return finding(sample, explains)


def finding(sample: Sample, explains: Mapping[str, int]) -> Finding:
    """What follows from how many demonstrations each program explains."""
    fitting = [program for program, count in explains.items() if count == len(sample.shown)]
    fitting.sort(key=lambda program: (program.count("|"), program))
    answers = Counter(_answers(fitting, sample.given))
    answer, votes = max(answers.items(), key=lambda found: found[1], default=(None, 0))
    return Finding(
        sample.key,
        tuple(fitting[:_TOLD]),
        max(explains.values(), default=0),
        answer,
        votes / answers.total() if answers else 0.0,
        None if sample.wanted is None else answer == sample.wanted,
        sample.is_test,
    )


def _answers(programs: Sequence[str], grid: Grid) -> Iterator[Grid]:
    for program in programs:
        try:
            yield run(parse(program), grid)
        except NotApplicable:
            continue


def decide(task: Task, findings: Sequence[Finding]) -> Solution:
    """What the findings of a puzzle's samples say together."""
    tests = [found for found in findings if found.is_test]
    held_out = [found.right for found in findings if not found.is_test]
    known = [found.right for found in tests if found.right is not None]
    return Solution(
        task.key,
        tests[0].programs,
        tuple(found.answer for found in tests),
        all(known) if len(known) == len(tests) else None,
        sum(map(bool, held_out)) / len(held_out) if held_out else None,
    )


def solve_task(task: Task) -> Solution:
    """Search one puzzle, one sample after the other."""
    return decide(task, [*map(examine, samples_of(task))])
