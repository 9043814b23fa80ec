"""Programs of the grid language: operations one after the other.

`slide_down | until_stable(grow)` lets everything fall, and then applies `grow` until it changes nothing. Nothing keeps
that from going on for ever: `until_stable(turn_right)` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from llm_composition_patterns import LLMCompositionError
from llm_composition_patterns.errors import did_you_mean

from ._grids import Grid, NotApplicable
from ._operations import OPERATIONS

_LOOP: Final = "until_stable"
_MOST: Final = 8


class NoProgram(LLMCompositionError):
    """A text is no program of the grid language."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, applied once or until it changes nothing."""

    operation: str
    until_stable: bool = False


def parse(text: str) -> tuple[Step, ...]:
    """Read a program.

    Raises:
        NoProgram: It is none; the message says why.
    """
    parts = [part.strip() for part in text.split("|")]
    if len(parts) > _MOST:
        raise NoProgram(f"a program has at most {_MOST} operations, not {len(parts)}")
    return tuple(map(_step, parts))


def _step(text: str) -> Step:
    loops = text.startswith(f"{_LOOP}(") and text.endswith(")")
    name = text[len(_LOOP) + 1 : -1].strip() if loops else text
    if name not in OPERATIONS:
        raise NoProgram(f"there is no operation {name!r}{did_you_mean(name, OPERATIONS)}")
    return Step(name, until_stable=loops)


def run(program: tuple[Step, ...], grid: Grid) -> Grid:
    """What a program makes of a grid; it may never return.

    Raises:
        NotApplicable: An operation has no meaning for what it is given.
    """
    for step in program:
        apply, before = OPERATIONS[step.operation], grid
        grid = apply(grid)
        while step.until_stable and grid != before:
            before, grid = grid, apply(grid)
    return grid


def enumerated(grid: Grid) -> Iterator[tuple[str, Grid]]:
    """Each program of one operation, then of two, that can be applied to a grid, with what it makes of it."""
    firsts = [*applied(grid)]
    yield from firsts
    for first, made in firsts:
        for second, result in applied(made):
            yield f"{first} | {second}", result


def applied(grid: Grid) -> Iterator[tuple[str, Grid]]:
    """Each operation that can be applied to a grid, with what it makes of it."""
    for name in OPERATIONS:
        try:
            yield name, OPERATIONS[name](grid)
        except NotApplicable:
            continue
