"""Puzzles: a few demonstrations of one rule, and tests of it. In the form of ARC, and invented ones in its style."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns import ConfigurationError

from ._grids import Grid, NotApplicable, grid_of, rows
from ._operations import OPERATIONS
from ._programs import parse, run

SHAPES: Final = ((9, 10), (10, 10), (12, 12), (10, 16), (14, 14), (18, 20))
"""Rows and columns that invented grids have."""
_DEPTHS: Final = (1, 2, 2, 2, 2, 2, 2, 2, 2, 3)
_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """A grid, and what the rule makes of it; None where that is not told."""

    given: Grid
    wanted: Grid | None


@dataclass(frozen=True, slots=True)
class Task:
    """One puzzle.

    Attributes:
        key: Its name.
        shown: The demonstrations.
        tests: What is to be found out.
        program: The rule by which it was invented; empty where nobody knows.
    """

    key: str
    shown: tuple[Pair, ...]
    tests: tuple[Pair, ...]
    program: str = ""

    @property
    def work(self) -> int:
        """What its search costs, in cells that are looked at by each program."""
        return sum(len(pair.given) * len(pair.given[0]) for pair in self.shown) * (len(self.shown) + len(self.tests))


def invented(count: int, seed: int = 0) -> Iterator[Task]:
    """So many puzzles, the same ones for the same seed."""
    for number in range(count):
        yield _invented(f"puzzle-{seed}-{number:03}", random.Random(f"puzzle {seed} {number}"))  # noqa: S311 - no secret


def _invented(key: str, chance: random.Random) -> Task:
    """Draw rules and grids until the rule does something to each."""
    while True:
        program = " | ".join(chance.choices([*OPERATIONS], k=chance.choice(_DEPTHS)))
        height, width = chance.choice(SHAPES)
        wanted, tests = chance.choice((3, 4, 5)), chance.choice((1, 1, 1, 1, 2))
        pairs = [*_pairs(program, height, width, wanted + tests, chance)]
        if len(pairs) == wanted + tests:
            return Task(key, tuple(pairs[:wanted]), tuple(pairs[wanted:]), program)


def _pairs(program: str, height: int, width: int, count: int, chance: random.Random) -> Iterator[Pair]:
    found, steps = 0, parse(program)
    for _ in range(_TRIES):
        given = _grid(height, width, chance)
        try:
            wanted = run(steps, given)
        except NotApplicable:
            return
        if wanted != given and any(map(any, wanted)):
            yield Pair(given, wanted)
            found += 1
        if found == count:
            return


def _grid(height: int, width: int, chance: random.Random) -> Grid:
    """Some rectangles, filled or not, and some dots."""
    cells = [[0] * width for _ in range(height)]
    colors = chance.sample(range(1, 10), k=3)
    for _ in range(chance.randint(2, 4)):
        top, left = chance.randrange(height - 2), chance.randrange(width - 2)
        bottom, right = min(height, top + chance.randint(2, 5)), min(width, left + chance.randint(2, 5))
        color, hollow = chance.choice(colors), chance.choice((True, False))
        for y in range(top, bottom):
            for x in range(left, right):
                if not hollow or y in {top, bottom - 1} or x in {left, right - 1}:
                    cells[y][x] = color
    for _ in range(chance.randint(2, 6)):
        cells[chance.randrange(height)][chance.randrange(width)] = chance.choice(colors)
    return tuple(map(tuple, cells))


def record(task: Task) -> dict[str, Any]:
    """A puzzle as JSON, in the form of ARC."""
    known = {"program": task.program} if task.program else {}
    return {
        "id": task.key,
        "train": [*map(_pair_record, task.shown)],
        "test": [*map(_pair_record, task.tests)],
        **known,
    }


def _pair_record(pair: Pair) -> dict[str, Any]:
    wanted = {} if pair.wanted is None else {"output": pair.wanted}
    return {"input": pair.given, **wanted}


def read(paths: Iterable[Path]) -> list[Task]:
    """The puzzles of files: one of ARC's in each `.json`, or lines of such with an `id` in `.jsonl`.

    Raises:
        ConfigurationError: A file holds no puzzle, or two have one name; the message says where.
    """
    tasks: dict[str, Task] = {}
    for path in paths:
        for where, text in _texts(path):
            with _named(where):
                task = _task(json.loads(text), path.stem)
            if task.key in tasks:
                raise ConfigurationError(f"{where}: there is a puzzle {task.key!r} already; give each its own id")
            tasks[task.key] = task
    return [*tasks.values()]


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Say where something is no puzzle."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{where} is no puzzle: {type(error).__name__}: {error}") from error


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    with _named(str(path)):
        text = path.read_text(encoding="utf-8")
    if path.suffix != ".jsonl":
        yield str(path), text
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}:{number}", line


def _task(data: Mapping[str, Any], name: str) -> Task:
    shown, tests = (tuple(map(_pair, data[part])) for part in ("train", "test"))
    if not shown or not tests or any(pair.wanted is None for pair in shown):
        raise ValueError("it needs demonstrations (train, each with its output) and tests (test)")
    return Task(str(data.get("id", name)), shown, tests, str(data.get("program", "")))


def _pair(data: Mapping[str, Sequence[Sequence[int]] | None]) -> Pair:
    given, wanted = data["input"], data.get("output")
    if given is None:
        raise ValueError("an input is missing")
    return Pair(_drawn(given), None if wanted is None else _drawn(wanted))


def _drawn(cells: Sequence[Sequence[int]]) -> Grid:
    return grid_of(["".join(map(str, row)) for row in cells])


def drawn(pair: Pair) -> str:
    """A pair as text, for a model to read."""
    return f"input:\n{_lines(pair.given)}\noutput:\n{'?' if pair.wanted is None else _lines(pair.wanted)}"


def _lines(grid: Grid) -> str:
    return "\n".join(rows(grid))
