"""A timeline of branches as lines of text: one bar a branch, over time.

Pure: bars in, lines out. A line is a list of pieces, a text with its style; what a bar means can be read without the
styles, because waiting, running and failed have marks of their own. Columns are the branch's name, its bar, how long
it ran, and what became of it; on a narrow terminal first the last column goes, then the bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..printable import printable
from ..timeline import MAX_ROWS, Bar, duration, leaves, left_out, round_times, shown, sums

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
    parts: str
    tick: str
    grid: str
    more: str
    between: str
    times: str


FINE = Marks("░", "×", "━", "█", "▏▎▍▌▋▊▉", "│", "┊", "…", " · ", "×")  # noqa: RUF001  # the multiplication sign is meant
ASCII = Marks(".", "x", "=", "#", "", "|", " ", "~", ", ", "x")


def timeline(bars: Sequence[Bar], *, width: int, max_rows: int = MAX_ROWS, marks: Marks = FINE) -> list[Line]:
    """Draw `bars` in lines of at most `width` cells.

    Of more than `max_rows` bars the failed and the longest are drawn, in their order, with the bars that they belong
    to; a line says how many were not. The sums at the end are of all of them.
    """
    if not bars:
        return []
    indexes, branches = shown(bars, max_rows), set(leaves(bars))
    rows = [bars[index] for index in indexes]
    layout = _Layout.of(rows, bars, width, marks)
    lines = [layout.scale()] if layout.cells else []
    lines += [layout.row(bars[index], group=index not in branches) for index in indexes]
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
    legend = [f"{marks.run} running"]
    if any(bar.queued > 0 for bar in rows):
        legend.insert(0, f"{marks.queued} waiting for a permit")
    if any(bar.failed for bar in rows):
        legend.append(f"{marks.failed} failed")
    return legend


def _wrapped(parts: Sequence[str], width: int, marks: Marks) -> list[str]:
    """Put `parts` on as few lines as they fit on, each line cut at `width`."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(marks.between) + len(part) <= width:
            lines[-1] += marks.between + part
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
        longest = max(cell_len(_label(bar)) for bar in rows)
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

    def row(self, bar: Bar, *, group: bool) -> Line:
        """Draw one bar between its name and its time."""
        style = "red" if bar.failed else ("bold" if group else "")
        state = bar.state if self.states > 1 else (self.marks.failed if bar.failed else "")
        name = _padded(_label(bar), self.names, self.marks)
        time = f" {duration(bar.elapsed):>{self.times}}"
        return [
            (name + (" " if self.cells else ""), style),
            *self._bar(bar, group),
            (time, style),
            (f" {state}", style or "dim"),
        ]

    def _bar(self, bar: Bar, group: bool) -> Line:  # noqa: FBT001  # one of two kinds of row
        if not self.cells:
            return []
        first = min(round(self._position(bar.start)), self.cells - 1)
        run = max(min(round(self._position(bar.start + bar.queued)), self.cells - 1), first)
        solid = self._solid(run, self._position(bar.end), bar, group)
        pieces = [self._empty(0, first), (self.marks.queued * (run - first), "dim"), solid]
        return [*pieces, self._empty(run + len(solid[0]), self.cells)]

    def _solid(self, first: int, end: float, bar: Bar, group: bool) -> Piece:  # noqa: FBT001  # as above
        if not bar.failed and self.marks.parts and not group:
            whole, part = divmod(max(round(end * 8) - first * 8, 1), 8)
            return self.marks.run * whole + (self.marks.parts[part - 1] if part else ""), "cyan"
        cells = max(round(end) - first, 1)
        if bar.failed:
            return self.marks.failed * cells, "red"
        return (self.marks.group if group else self.marks.run) * cells, "blue" if group else "cyan"

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
