"""A timeline of branches as lines of text: one bar a branch, over time.

Pure: bars in, lines out. A line is a list of pieces, a text with its style; what a bar means can be read without the
styles, because waiting, running and failed have marks of their own. Columns are the branch's name, its bar, how long
it ran, and what became of it; on a narrow terminal first the last column goes, then the bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from ..printable import printable
from ..timeline import (
    LEGEND,
    LONGEST_STRIP,
    MAX_ROWS,
    Bar,
    Kind,
    Segment,
    density,
    duration,
    left_out,
    round_times,
    segments,
    shown,
    sums,
)

Piece: TypeAlias = tuple[str, str]
Line: TypeAlias = list[Piece]

LEAST_CELLS = 12
CELLS_A_LABEL = 8


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters that a timeline is drawn with."""

    queued: str
    failed: str
    group: str
    run: str
    retry: str
    hedge: str
    between: str
    parts: str
    levels: str
    tick: str
    grid: str
    more: str
    and_then: str
    times: str


FINE = Marks("░", "×", "━", "█", "▓", "≡", "─", "▏▎▍▌▋▊▉", "▁▂▃▄▅▆▇█", "│", "┊", "…", " · ", "×")  # noqa: RUF001  # the multiplication sign is meant
ASCII = Marks(".", "x", "=", "#", "+", "%", "-", "", ".-=#", "|", " ", "~", ", ", "x")

STYLES: Mapping[Kind, str] = MappingProxyType(
    {
        "queued": "dim", "run": "cyan", "retry": "cyan", "hedge": "cyan", "between": "cyan",
        "failed": "red", "cancelled": "yellow", "group": "blue",
    }
)  # fmt: skip


def timeline(bars: Sequence[Bar], *, width: int, max_rows: int = MAX_ROWS, marks: Marks = FINE) -> list[Line]:
    """Draw `bars` in lines of at most `width` cells.

    Of more than `max_rows` bars the failed and the longest are drawn, in their order, with the bars that they belong
    to; a line says how many were not. The sums at the end are of all of them.
    """
    if not bars:
        return []
    indexes = shown(bars, max_rows)
    rows = [bars[index] for index in indexes]
    layout = _Layout.of(rows, bars, width, marks)
    lines = [layout.scale()] if layout.cells else []
    lines += layout.strips(bars) if layout.cells and len(rows) < len(bars) else []
    lines += [layout.row(bars[index]) for index in indexes]
    if len(rows) < len(bars):
        more = f"{marks.more} {left_out(len(bars) - len(rows))}"
        lines += [[(text, "dim")] for text in _wrapped([more], width, marks)]
    if layout.cells:
        lines += [[(text, "dim")] for text in _wrapped(_legend(rows, marks), width, marks)]
    return lines + [[(text, "bold")] for text in _wrapped(sums(bars, times=marks.times), width, marks)]


def text_of(line: Line) -> str:
    """Give the text of a line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def _legend(rows: Sequence[Bar], marks: Marks) -> list[str]:
    drawn = {_drawn(segment.kind) for bar in rows for segment in segments(bar)} | {"run"}
    if any(bar.failed for bar in rows):
        drawn.add("failed")
    return [f"{_mark(kind, marks)} {meaning}" for kind, meaning in LEGEND.items() if kind in drawn - {"group"}]


def _drawn(kind: Kind) -> Kind:
    """What a kind is drawn as: a line of text has one mark for all that did not return."""
    return "failed" if kind == "cancelled" else kind


def _mark(kind: Kind, marks: Marks) -> str:
    mark: str = getattr(marks, _drawn(kind))
    return mark


def _wrapped(parts: Sequence[str], width: int, marks: Marks) -> list[str]:
    """Put `parts` on as few lines as they fit on, each line cut at `width`."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(marks.and_then) + len(part) <= width:
            lines[-1] += marks.and_then + part
        else:
            lines.append(part)
    return [_cut(line, width, marks) for line in lines]


def _cut(text: str, cells: int, marks: Marks) -> str:
    """Cut `text` where it is longer than `cells`; wide characters are two cells."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  # --help need not pay for it

    return text if cell_len(text) <= cells else set_cell_size(text, max(cells - 1, 0)).rstrip() + marks.more


def _padded(text: str, cells: int, marks: Marks) -> str:
    from rich.cells import set_cell_size  # noqa: PLC0415  # --help need not pay for it

    return set_cell_size(_cut(text, cells, marks), cells)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns are, and how time is spread over the bars' cells."""

    start: float
    span: float
    names: int
    cells: int
    times: int
    states: int
    ticks: dict[int, str]
    marks: Marks

    @classmethod
    def of(cls, rows: Sequence[Bar], bars: Sequence[Bar], width: int, marks: Marks) -> _Layout:
        from rich.cells import cell_len  # noqa: PLC0415  # --help need not pay for it

        start = min(bar.start for bar in bars)
        span = max(bar.end for bar in bars) - start
        times = max(len(duration(bar.elapsed)) for bar in rows)
        states = max(len(bar.state) for bar in rows)
        labels = [_label(bar) for bar in rows] + ([LONGEST_STRIP] if len(rows) < len(bars) else [])
        longest = max(map(cell_len, labels))
        names = min(longest, max(width * 2 // 5, LEAST_CELLS))
        cells = width - names - times - states - 3
        if cells < LEAST_CELLS:
            states = 1
            cells = width - names - times - states - 3
        if cells < LEAST_CELLS:
            names, cells = min(longest, max(width - times - 3, 1)), 0
        return cls(start, span, names, cells, times, states, _ticks(span, cells), marks)

    def scale(self) -> Line:
        """Draw the line above the bars that says what time is where."""
        line = ""
        for cell, label in self.ticks.items():
            whole = cell + len(self.marks.tick + label) <= self.cells
            line = line.ljust(cell) + self.marks.tick + (label if whole else "")
        return [(" " * (self.names + 1), ""), (line, "dim")]

    def strips(self, bars: Sequence[Bar]) -> list[Line]:
        """Draw how many of all branches ran, waited and failed at each time, each against its own most."""
        counts = density(bars, self.cells)
        return [
            self._strip("running at once", counts.running, "run"),
            *([self._strip(LONGEST_STRIP, counts.queued, "queued")] if any(counts.queued) else []),
            *([self._strip("failed", counts.failed, "failed")] if any(counts.failed) else []),
        ]

    def _strip(self, label: str, counts: Sequence[int], kind: Kind) -> Line:
        levels, peak = self.marks.levels, max(counts)
        cells = "".join(levels[-(-count * len(levels) // peak) - 1] if count else " " for count in counts)
        said = f"{sum(counts):,} in all" if kind == "failed" else f"{peak:,} at most"
        room = self.times + self.states + 1
        note = said if len(said) <= room else said.split(maxsplit=1)[0]
        return [(_padded(label, self.names, self.marks) + " ", ""), (cells, STYLES[kind]), (f" {note}", "dim")]

    def row(self, bar: Bar) -> Line:
        """Draw one bar between its name and its time."""
        style = "red" if bar.failed else ("bold" if bar.role == "group" else "")
        state = bar.state if self.states > 1 else (self.marks.failed if bar.failed else "")
        name = _padded(_label(bar), self.names, self.marks)
        time = f" {duration(bar.elapsed):>{self.times}}"
        return [
            (name + (" " if self.cells else ""), style),
            *self._bar(bar),
            (time, style),
            (f" {state}", style or "dim"),
        ]

    def _bar(self, bar: Bar) -> Line:
        if not self.cells:
            return []
        parts = [one for one in segments(bar) if one.kind != "between" or self._cells(one) > 0]
        cursor = first = min(round(self._position(bar.start)), self.cells - 1)
        pieces = []
        for number, segment in enumerate(parts):
            pieces.append(self._piece(segment, cursor, last=number == len(parts) - 1))
            cursor += len(pieces[-1][0])
        if bar.failed and bar.role == "group" and pieces[-1][0]:
            line, style = pieces.pop()
            pieces += [(line[:-1], style), (self.marks.failed, STYLES["failed"])]
        return [self._empty(0, first), *pieces, self._empty(cursor, self.cells)]

    def _piece(self, segment: Segment, first: int, *, last: bool) -> Piece:
        """Draw a segment from a cell on; one that failed and the last of a bar have at least a cell's part."""
        kind, end = segment.kind, self._position(segment.end)
        least = 1 if last or kind in {"failed", "cancelled"} else 0
        if last and kind == "run" and self.marks.parts and first < self.cells:
            whole, part = divmod(max(round(end * 8) - first * 8, 1), 8)
            return self.marks.run * whole + (self.marks.parts[part - 1] if part else ""), STYLES[kind]
        # What follows needs a cell, too.
        room = self.cells - first - (not last)
        cells = max(min(round(end) - first, room), min(least, self.cells - first), 0)
        return _mark(kind, self.marks) * cells, STYLES[kind]

    def _cells(self, segment: Segment) -> int:
        return round(self._position(segment.end)) - round(self._position(segment.start))

    def _empty(self, first: int, after: int) -> Piece:
        return "".join(self.marks.grid if cell in self.ticks else " " for cell in range(first, after)), "dim"

    def _position(self, time: float) -> float:
        return (time - self.start) / self.span * self.cells if self.span > 0 else 0.0


def _label(bar: Bar) -> str:
    return "  " * bar.depth + printable(bar.name)


def _ticks(span: float, cells: int) -> dict[int, str]:
    """Choose round times for the scale, far enough apart for their labels, each with its cell."""
    if not cells or span <= 0:
        return {0: "0 s"} if cells else {}
    return {round(time / span * cells): label for time, label in round_times(span, cells / CELLS_A_LABEL)}
