"""Where everything of a drawn timeline is: bars in seconds become rectangles.

Pure: bars in, a `Drawing` out. Left of the bars stand their names, right of them how long they ran and why they failed.
Time maps to the horizontal by one straight line, so that order, overlap and gaps are those of the bars; only what would
be too thin to be seen is drawn `THINNEST` wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..printable import printable
from ._bars import CANCELLED_STATE, Bar, Kind, branches, left_out, segments, shown, sums
from ._density import density
from ._times import duration, round_times

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
NOTE = 148.0
CROSS = 16.0
THINNEST = 2.0
LABEL = 64.0
LISTED = 10
STRIP = 30.0
STRIP_GAP = 8.0
BINS = 240
LONGEST_STRIP = "waiting at once"
HEIGHTS: Mapping[Kind, float] = MappingProxyType({"group": GROUP_BAR, "between": GROUP_BAR / 2})
UNSEEN_IF_SHORT: frozenset[Kind] = frozenset({"queued", "between"})

LEGEND: Mapping[Kind, str] = MappingProxyType({
    "queued": "waiting for a permit",
    "run": "running",
    "retry": "retry",
    "hedge": "hedge",
    "between": "between attempts",
    "failed": "failed",
    "cancelled": "cancelled",
    "group": "group of branches",
})  # fmt: skip


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
class Strip:
    """How many of all branches did something at each time, as a hill.

    Attributes:
        kind: What they did.
        label: The same in words.
        note: How many at most, or in all.
        y: Where its ground is.
        hill: Its outline above the ground, from left to right: where each level begins, and how high it is.
    """

    kind: Kind
    label: str
    note: str
    y: float
    hill: tuple[tuple[float, float], ...]


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
        strips: All branches together, where not each has a row.
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
    strips: tuple[Strip, ...]
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
    indexes = shown(bars, max_rows)
    axis = _axis(bars, indexes)
    top = HEADING + SCALE
    strips = tuple(_strips(bars, axis, top)) if len(indexes) < len(bars) else ()
    first = top + len(strips) * (STRIP + STRIP_GAP)
    rows = tuple(_row(bars[index], axis, first + (place + 0.5) * ROW) for place, index in enumerate(indexes))
    bottom = first + len(rows) * ROW
    legend = tuple(_legend(rows, strips, bottom + LINE))
    said = [*([left_out(len(bars) - len(rows))] if strips else []), *_joined(sums(bars))]
    below = max((y for _, y, _ in legend), default=bottom)
    lines = tuple((below + LINE * (number + 1), line) for number, line in enumerate(said))
    return Drawing(
        width=WIDTH,
        height=below + LINE * len(lines) + MARGIN,
        left=axis.left,
        right=axis.right,
        top=top,
        bottom=bottom,
        ticks=tuple((axis.x(axis.start + time), label) for time, label in _ticks(axis)),
        strips=strips,
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
    strips = [(len(LONGEST_STRIP), 0)] if len(indexes) < len(bars) else []
    longest = max((cells * CELL + depth * INDENT for cells, depth in [*names, *strips]), default=0.0)
    span = max((bar.end for bar in bars), default=0.0) - start
    return Axis(start, span, MARGIN + longest + MARGIN, WIDTH - MARGIN - NOTE - CROSS)


def _row(bar: Bar, axis: Axis, y: float) -> Row:
    took = duration(bar.elapsed)
    name = printable(bar.name)
    return Row(
        label=cut(name, LONGEST_NAME),
        x=MARGIN + bar.depth * INDENT,
        y=y,
        note=f"{took} {bar.state}" if bar.failed else took,
        told=f"{name}: {_told(bar, took)}",
        failed=bar.failed and bar.state != CANCELLED_STATE,
        rectangles=tuple(_rectangles(bar, axis, y)),
    )


def _told(bar: Bar, took: str) -> str:
    said = [f"from {duration(bar.start)} on"]
    if bar.queued > 0:
        said.append(f"waited {duration(bar.queued)}")
    said.append(f"ran {took}")
    if bar.attempts:
        lost = sum(part.kind == "failed" for part in bar.parts)
        said.append(f"{bar.attempts} attempt{'s' if bar.attempts > 1 else ''}" + (f" ({lost} failed)" if lost else ""))
    return ", ".join([*said, bar.state])


def _rectangles(bar: Bar, axis: Axis, y: float) -> Iterable[Rectangle]:
    for segment in segments(bar):
        height = HEIGHTS.get(segment.kind, BAR)
        left, right = axis.x(segment.start), axis.x(segment.end)
        least = 0.0 if segment.kind in UNSEEN_IF_SHORT else THINNEST
        if right > left or least:
            yield Rectangle(segment.kind, left, y - height / 2, max(right - left, least), height)


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    return round_times(axis.span, (axis.right - axis.left) / LABEL)


def _strips(bars: Sequence[Bar], axis: Axis, top: float) -> Iterable[Strip]:
    counts = density(bars, BINS)
    kinds: dict[Kind, tuple[str, tuple[int, ...]]] = {
        "run": ("running at once", counts.running),
        "queued": (LONGEST_STRIP, counts.queued),
        "failed": ("failed", counts.failed),
    }
    y = top
    for kind, (label, hill) in kinds.items():
        peak = max(hill)
        if peak:
            y += STRIP
            note = f"{sum(hill):,} in all" if kind == "failed" else f"{peak:,} at most"
            yield Strip(kind, label, note, y, tuple(_hill(hill, axis, STRIP / peak)))
        y += STRIP_GAP if peak else 0.0


def _hill(counts: Sequence[int], axis: Axis, scale: float) -> Iterable[tuple[float, float]]:
    """Give where the height changes, and to what; the last is where time ends."""
    before = 0
    for number, count in enumerate(counts):
        if count != before:
            yield axis.left + (axis.right - axis.left) * number / len(counts), count * scale
        before = count
    yield axis.right, 0.0


def _legend(rows: Sequence[Row], strips: Sequence[Strip], y: float) -> Iterable[tuple[float, float, Kind]]:
    drawn = {rectangle.kind for row in rows for rectangle in row.rectangles} | {strip.kind for strip in strips}
    x = MARGIN
    for kind, meaning in LEGEND.items():
        if kind in drawn:
            width = 2 * MARGIN + (len(meaning) + 2) * CELL
            if x + width > WIDTH:
                x, y = MARGIN, y + LINE
            yield x, y, kind
            x += width


def _joined(parts: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) <= LONGEST_LINE:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


def _description(bars: Sequence[Bar]) -> str:
    of_them = branches(bars) or bars
    said = [", ".join(sums(bars))]
    if of_them:
        slowest = max(of_them, key=lambda bar: bar.elapsed)
        said.append(f"Slowest: {printable(slowest.name)}, {duration(slowest.elapsed)}")
    failed = [f"{printable(bar.name)} ({bar.state})" for bar in of_them if bar.failed]
    if failed:
        more = f" and {len(failed) - LISTED} more" if len(failed) > LISTED else ""
        said.append(f"Failed: {', '.join(failed[:LISTED])}{more}")
    return ". ".join(said) + "."
