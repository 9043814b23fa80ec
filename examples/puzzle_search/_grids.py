"""Grids: rows of colors from 0, the background, to 9."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

Grid: TypeAlias = tuple[tuple[int, ...], ...]

COLORS: Final = 10
MOST: Final = 64
"""The longest side of a grid."""


class NotApplicable(Exception):
    """An operation has no meaning for a grid of this shape."""


def rows(grid: Grid) -> list[str]:
    """A grid as lines of digits."""
    return ["".join(map(str, row)) for row in grid]


def grid_of(lines: Iterable[str]) -> Grid:
    """The grid that lines of digits draw.

    Raises:
        ValueError: They draw none: no lines, of unlike lengths, too long, or other characters.
    """
    lines = list(lines)
    if not lines or not lines[0] or len({len(line) for line in lines}) > 1 or max(len(lines), len(lines[0])) > MOST:
        raise ValueError(f"a grid has 1 to {MOST} lines of equal length, of 1 to {MOST} digits")
    if not all(line.isascii() and line.isdigit() for line in lines):
        raise ValueError("a grid is drawn by digits alone")
    return tuple(tuple(map(int, line)) for line in lines)
