"""From runs of text on a page to text in the order in which it is read: columns one after the other, tables as rows.

Runs that stand beside each other are a line, cut into cells where the gap between two of them is wide. Lines of three
cells or more are rows of a table. Lines of two are either a table of short words, or two columns, if there are several
below each other with a gutter between: those are read left and then right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Final

_GAP: Final = 1.2
"""Heights of a line that are between two cells."""

_PARAGRAPH: Final = 0.9
"""Heights of a line that are between two paragraphs."""

_LEAST_LINES: Final = 3
_SHORT: Final = 24
"""Characters of what stands in a table rather than in a column."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one place, in points from the lower left corner of its page."""

    left: float
    bottom: float
    right: float
    top: float
    text: str

    @property
    def middle(self) -> float:
        """How high it stands."""
        return (self.bottom + self.top) / 2

    @property
    def height(self) -> float:
        """Of its letters."""
        return self.top - self.bottom


Line = tuple[Run, ...]
"""The cells of a line, from left to right."""


def reading_order(runs: Sequence[Run]) -> str:
    """The text of a page; paragraphs are apart by an empty line."""
    lines = _lines(runs)
    gutter = _gutter(lines)
    parts = [
        _block(kind, list(block), gutter) for kind, block in groupby(_kinds(lines, gutter), key=lambda one: one[0])
    ]
    return "\n\n".join(part for part in parts if part)


def _block(kind: str, block: Sequence[tuple[str, Line]], gutter: float) -> str:
    lines = [line for _, line in block]
    if kind == "table":
        return "\n".join(f"| {' | '.join(run.text for run in line)} |" for line in lines)
    if kind == "columns":
        sides = [[run for line in lines for run in line if (run.left < gutter) is is_left] for is_left in (True, False)]
        return "\n\n".join(_paragraphs(side) for side in sides if side)
    return _paragraphs([run for line in lines for run in line])


def _lines(runs: Sequence[Run]) -> list[Line]:
    """The lines from the top down, cut into cells."""
    found: list[list[Run]] = []
    for run in sorted((run for run in runs if run.text.strip()), key=lambda run: (-run.middle, run.left)):
        if found and abs(found[-1][0].middle - run.middle) < max(found[-1][0].height, run.height) / 2:
            found[-1].append(run)
        else:
            found.append([run])
    return [tuple(_cells(sorted(line, key=lambda run: run.left))) for line in found]


def _cells(line: Sequence[Run]) -> Iterator[Run]:
    cell = _clean(line[0])
    for run in map(_clean, line[1:]):
        if run.left - cell.right < _GAP * max(cell.height, run.height):
            cell = Run(
                cell.left,
                min(cell.bottom, run.bottom),
                max(cell.right, run.right),
                max(cell.top, run.top),
                f"{cell.text} {run.text}",
            )
        else:
            yield cell
            cell = run
    yield cell


def _clean(run: Run) -> Run:
    return Run(run.left, run.bottom, run.right, run.top, " ".join(run.text.split()))


def _gutter(lines: Sequence[Line]) -> float:
    """Where the right column of the page begins; 0 where it has no columns."""
    pairs = [line for line in lines if len(line) == 2]  # noqa: PLR2004 - two columns
    words = [len(run.text) for line in pairs for run in line]
    if len(pairs) < _LEAST_LINES or median(words) < _SHORT:
        return 0.0
    return min(line[1].left for line in pairs) - 1


def _kinds(lines: Sequence[Line], gutter: float) -> Iterator[tuple[str, Line]]:
    for line in lines:
        if len(line) > 1 and not (gutter and _keeps_to(line, gutter)):
            yield "table", line
        elif gutter and _keeps_to(line, gutter) and (len(line) > 1 or _is_narrow(line[0], lines, gutter)):
            yield "columns", line
        else:
            yield "text", line


def _keeps_to(line: Line, gutter: float) -> bool:
    """Whether no cell lies across the gutter, and each side has one at the most."""
    left = [run for run in line if run.right <= gutter]
    right = [run for run in line if run.left >= gutter]
    return len(left) + len(right) == len(line) and max(len(left), len(right)) == 1


def _is_narrow(run: Run, lines: Sequence[Line], gutter: float) -> bool:
    """Whether a cell alone is the rest of a column: one stands beside or above it, and it begins where that does."""
    starts = {round(other.left) for line in lines if len(line) > 1 for other in line}
    return round(run.left) in starts and (run.left >= gutter or run.height <= _usual(lines))


def _usual(lines: Sequence[Line]) -> float:
    return 1.2 * median([run.height for line in lines for run in line])


def _paragraphs(runs: Sequence[Run]) -> str:
    text = ""
    for above, run in zip((None, *runs), runs, strict=False):
        if above is None:
            text = run.text
        elif above.bottom - run.top > _PARAGRAPH * max(above.height, run.height):
            text += f"\n\n{run.text}"
        elif text.endswith("-") and run.text[:1].islower():
            text = text[:-1] + run.text
        else:
            text += f" {run.text}"
    return text
