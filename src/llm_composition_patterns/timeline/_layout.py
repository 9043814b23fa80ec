"""Where everything of a drawn timeline is: bars in seconds become rectangles.

Pure: bars in, a `Drawing` out. Left of the bars stand their names, right of them how long they ran and why they failed.
Time maps to the horizontal by one straight line, so that order, overlap and gaps are those of the bars; only what would
be too thin to be seen is drawn `THINNEST` wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..printable import printable
from ._bars import Bar, leaves, left_out, shown, sums
from ._times import duration, round_times

Kind: TypeAlias = Literal["queued", "run", "failed", "cancelled", "group"]

WIDTH = 860.0
MARGIN = 16.0
HEADING = 30.0
SCALE = 20.0
ROW = 22.0
BAR = 12.0
GROUP_BAR = 4.0
LINE = 20.0
CELL = 6.7  # about as wide as a letter
LONGEST_NAME = 36
LONGEST_LINE = 122
INDENT = 12.0
NOTE = 130.0
CROSS = 16.0
THINNEST = 2.0
LABEL = 64.0
LISTED = 10

LEGEND: dict[Kind, str] = {
    "queued": "waiting for a permit",
    "run": "running",
    "failed": "failed",
    "cancelled": "cancelled",
    "group": "from its first start to its last end",
}


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a bar: what it stands for, and where it is."""

    kind: Kind
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """A bar with what is written beside it.

    Attributes:
        label: Its name, cut to its column.
        x: Where the name begins.
        y: The middle of the row.
        note: How long it ran, and why it failed.
        told: All that is known of it, for a tooltip.
        failed: Whether it did not return and nobody wanted that.
        rectangles: Its parts, from left to right.
    """

    label: str
    x: float
    y: float
    note: str
    told: str
    failed: bool
    rectangles: tuple[Rectangle, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline, ready to be written.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        left: Where time begins.
        right: Where time ends.
        top: Where the rows begin.
        bottom: Where they end.
        ticks: Where round times are, with their labels.
        rows: The bars.
        legend: What a mark means, and where that is said.
        lines: What is written below, and how far down.
        description: The same for who cannot see it.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[Row, ...]
    legend: tuple[tuple[float, float, Kind], ...]
    lines: tuple[tuple[float, str], ...]
    description: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The straight line from seconds to the horizontal."""

    start: float
    span: float
    left: float
    right: float

    def x(self, time: float) -> float:
        """Where a time is."""
        return self.left + ((time - self.start) / self.span * (self.right - self.left) if self.span > 0 else 0.0)


def layout(bars: Sequence[Bar], *, max_rows: int) -> Drawing:
    """Place `bars`; of more than `max_rows` the failed and the longest, with what they belong to."""
    indexes, branches = shown(bars, max_rows), set(leaves(bars))
    axis = _axis(bars, indexes)
    top = HEADING + SCALE
    rows = tuple(
        _row(bars[index], axis, top + (place + 0.5) * ROW, group=index not in branches)
        for place, index in enumerate(indexes)
    )
    bottom = top + len(rows) * ROW
    legend = tuple(_legend(rows, bottom + LINE))
    said = [*([left_out(len(bars) - len(rows))] if len(rows) < len(bars) else []), *_joined(sums(bars))]
    lines = tuple((bottom + LINE * (number + 2), line) for number, line in enumerate(said))
    return Drawing(
        width=WIDTH,
        height=bottom + LINE * (len(lines) + 1) + MARGIN,
        left=axis.left,
        right=axis.right,
        top=top,
        bottom=bottom,
        ticks=tuple((axis.x(axis.start + time), label) for time, label in _ticks(axis)),
        rows=rows,
        legend=legend,
        lines=lines,
        description=_description(bars),
    )


def cut(text: str, cells: int) -> str:
    """Cut a text where it is longer than `cells`; wide characters are two."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  # importing the package imports no rich

    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"


def _axis(bars: Sequence[Bar], indexes: Sequence[int]) -> Axis:
    from rich.cells import cell_len  # noqa: PLC0415  # as above

    start = min((bar.start for bar in bars), default=0.0)
    names = [(min(cell_len(printable(bar.name)), LONGEST_NAME), bar.depth) for bar in map(bars.__getitem__, indexes)]
    longest = max((cells * CELL + depth * INDENT for cells, depth in names), default=0.0)
    span = max((bar.end for bar in bars), default=0.0) - start
    return Axis(start, span, MARGIN + longest + MARGIN, WIDTH - MARGIN - NOTE - CROSS)


def _row(bar: Bar, axis: Axis, y: float, *, group: bool) -> Row:
    took = duration(bar.elapsed)
    waited = f"waited {duration(bar.queued)}, " if bar.queued > 0 else ""
    name = printable(bar.name)
    return Row(
        label=cut(name, LONGEST_NAME),
        x=MARGIN + bar.depth * INDENT,
        y=y,
        note=f"{took} {bar.state}" if bar.failed else took,
        told=f"{name}: from {duration(bar.start)} on, {waited}ran {took}, {bar.state}",
        failed=bar.failed and bar.state != "cancelled",
        rectangles=tuple(_rectangles(bar, axis, y, group=group)),
    )


def _rectangles(bar: Bar, axis: Axis, y: float, *, group: bool) -> Iterable[Rectangle]:
    kind = _kind(bar, group=group)
    height = GROUP_BAR if kind == "group" else BAR
    first, run, end = axis.x(bar.start), axis.x(bar.start + bar.queued), axis.x(bar.end)
    if run > first:
        yield Rectangle("queued", first, y - height / 2, run - first, height)
    yield Rectangle(kind, run, y - height / 2, max(end - run, THINNEST), height)


def _kind(bar: Bar, *, group: bool) -> Kind:
    if group:
        return "group"
    if bar.failed:
        return "cancelled" if bar.state == "cancelled" else "failed"
    return "run"


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    return round_times(axis.span, (axis.right - axis.left) / LABEL)


def _legend(rows: Sequence[Row], y: float) -> Iterable[tuple[float, float, Kind]]:
    drawn = {rectangle.kind for row in rows for rectangle in row.rectangles}
    x = MARGIN
    for kind, meaning in LEGEND.items():
        if kind in drawn:
            yield x, y, kind
            x += 2 * MARGIN + (len(meaning) + 2) * CELL


def _joined(parts: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) <= LONGEST_LINE:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


def _description(bars: Sequence[Bar]) -> str:
    branches = [bars[index] for index in leaves(bars)]
    said = [", ".join(sums(bars))]
    if branches:
        slowest = max(branches, key=lambda bar: bar.elapsed)
        said.append(f"Slowest: {printable(slowest.name)}, {duration(slowest.elapsed)}")
    failed = [f"{printable(bar.name)} ({bar.state})" for bar in branches if bar.failed]
    if failed:
        more = f" and {len(failed) - LISTED} more" if len(failed) > LISTED else ""
        said.append(f"Failed: {', '.join(failed[:LISTED])}{more}")
    return ". ".join(said) + "."
