"""A timeline of branches as lines of text: one bar a branch, over time.

Pure: bars in, lines out. A line is a list of pieces, a text with its style; what a bar means can be read without the
styles, because waiting, running and failed have marks of their own. Columns are the branch's name, its bar, how long
it ran, and what became of it; on a narrow terminal first the last column goes, then the bars.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from ..outcome import Outcome, Success
from ._terminal import printable

Piece: TypeAlias = tuple[str, str]
Line: TypeAlias = list[Piece]

OK_STATE = "ok"
MAX_ROWS = 40
LEAST_CELLS = 12
CELLS_A_LABEL = 8
CENTISECOND = 0.01
MINUTE = 60
HOUR = 3600
STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Bar:
    """One branch on a timeline.

    Attributes:
        name: The branch's name.
        start: When it started, in seconds from the start of the whole.
        queued: How long it waited for permits; drawn first, wherever the waits were.
        elapsed: How long it ran, without `queued`.
        state: `ok`, or why it failed.
        depth: How deeply it is nested; a bar belongs to the nearest one above it that is less deep.
    """

    name: str
    start: float
    queued: float
    elapsed: float
    state: str = OK_STATE
    depth: int = 0

    @property
    def end(self) -> float:
        """When it ended."""
        return self.start + self.queued + self.elapsed


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


def bars(outcomes: Iterable[Outcome[Any]], *, offset: float = 0.0, depth: int = 0) -> list[Bar]:
    """Make bars from the outcomes of a fan-out.

    Args:
        outcomes: As a collecting fan-out gives them.
        offset: When the fan-out started, in seconds after the start of the whole timeline.
        depth: How deeply the fan-out is nested.
    """
    return [
        Bar(
            name=outcome.name,
            start=offset + outcome.started,
            queued=outcome.queued,
            elapsed=outcome.elapsed,
            state=OK_STATE if isinstance(outcome, Success) else outcome.kind,
            depth=depth,
        )
        for outcome in outcomes
    ]


def timeline(bars: Sequence[Bar], *, width: int, max_rows: int = MAX_ROWS, marks: Marks = FINE) -> list[Line]:
    """Draw `bars` in lines of at most `width` cells.

    Of more than `max_rows` bars the failed and the longest are drawn, in their order, with the bars that they belong
    to; a line says how many were not. The sums at the end are of all of them.
    """
    if not bars:
        return []
    indexes, leaves = shown(bars, max_rows), set(_leaves(bars))
    rows = [bars[index] for index in indexes]
    layout = _Layout.of(rows, bars, width, marks)
    lines = [layout.scale()] if layout.cells else []
    lines += [layout.row(bars[index], group=index not in leaves) for index in indexes]
    if len(rows) < len(bars):
        left_out = f"{marks.more} {len(bars) - len(rows)} more; shown are the failed and the longest"
        lines += [[(text, "dim")] for text in _wrapped([left_out], width, marks)]
    if layout.cells:
        lines += [[(text, "dim")] for text in _wrapped(_legend(rows, marks), width, marks)]
    return lines + [[(text, "bold")] for text in _wrapped(_sums(bars, marks), width, marks)]


def text_of(line: Line) -> str:
    """Give the text of a line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def duration(seconds: float) -> str:
    """Write a time with up to three figures: `4.2 ms`, `1.23 s`, `12.3 s`, `2 min 05 s`, `3 h 04 min`."""
    if seconds < CENTISECOND:
        return f"{seconds * 1000:.2g} ms" if seconds > 0 else "0 s"
    if round(seconds, 1) < 100:  # noqa: PLR2004  # three figures
        return f"{seconds:.2f} s" if round(seconds, 2) < 10 else f"{seconds:.1f} s"  # noqa: PLR2004  # as above
    minutes, rest = divmod(round(seconds), MINUTE)
    if minutes < 100:  # noqa: PLR2004  # as above
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def shown(bars: Sequence[Bar], max_rows: int) -> list[int]:
    """Choose which bars to draw: all, or the failed and the longest with what they belong to."""
    if len(bars) <= max_rows:
        return list(range(len(bars)))
    parents = _parents(bars)
    chosen: set[int] = set()
    for index in sorted(_leaves(bars), key=lambda index: (bars[index].state == OK_STATE, -bars[index].elapsed, index)):
        family = {index, *_ancestors(index, parents)}
        if len(chosen | family) <= max_rows:
            chosen |= family
    return sorted(chosen) or list(range(max_rows))


def _leaves(bars: Sequence[Bar]) -> list[int]:
    """Find the bars that nothing belongs to: the branches whose times add up."""
    deeper = [after.depth > before.depth for before, after in pairwise(bars)]
    return [index for index, has_children in enumerate([*deeper, False]) if not has_children]


def _parents(bars: Sequence[Bar]) -> list[int | None]:
    parents: list[int | None] = []
    open_ones: list[int] = []
    for index, bar in enumerate(bars):
        while open_ones and bars[open_ones[-1]].depth >= bar.depth:
            open_ones.pop()
        parents.append(open_ones[-1] if open_ones else None)
        open_ones.append(index)
    return parents


def _ancestors(index: int, parents: Sequence[int | None]) -> Iterable[int]:
    parent = parents[index]
    while parent is not None:
        yield parent
        parent = parents[parent]


def _sums(bars: Sequence[Bar], marks: Marks) -> list[str]:
    leaves = [bars[index] for index in _leaves(bars)]
    makespan = max(bar.end for bar in bars) - min(bar.start for bar in bars)
    total = sum(bar.elapsed for bar in leaves)
    states = Counter(bar.state for bar in leaves)
    failed = [f"{count} {state}" for state, count in states.most_common() if state != OK_STATE]
    branches = f"{len(leaves)} branch{'es' if len(leaves) > 1 else ''}"
    sums = [f"{branches} ({', '.join([f'{states[OK_STATE]} ok', *failed])})" if failed else branches]
    sums += [f"makespan {duration(makespan)}", f"sum of branch times {duration(total)}"]
    return [*sums, f"speed-up {total / makespan:.1f}{marks.times}"] if makespan > 0 else sums


def _legend(rows: Sequence[Bar], marks: Marks) -> list[str]:
    legend = [f"{marks.run} running"]
    if any(bar.queued > 0 for bar in rows):
        legend.insert(0, f"{marks.queued} waiting for a permit")
    if any(bar.state != OK_STATE for bar in rows):
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
        failed = bar.state != OK_STATE
        style = "red" if failed else ("bold" if group else "")
        state = bar.state if self.states > 1 else (self.marks.failed if failed else "")
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
        if bar.state == OK_STATE and self.marks.parts and not group:
            whole, part = divmod(max(round(end * 8) - first * 8, 1), 8)
            return self.marks.run * whole + (self.marks.parts[part - 1] if part else ""), "cyan"
        cells = max(round(end) - first, 1)
        if bar.state != OK_STATE:
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
    step = _step(span * CELLS_A_LABEL / cells)
    return {round(tick * step / span * cells): _tick_label(tick * step) for tick in range(math.ceil(span / step))}


def _step(least: float) -> float:
    """Find the smallest round time that is not below `least`."""
    if least > STEPS[-1]:
        return math.ceil(least / STEPS[-1]) * STEPS[-1]
    if least > 50:  # noqa: PLR2004  # then minutes and hours are round, not powers of ten
        return next(step for step in STEPS if step >= least)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _tick_label(time: float) -> str:
    if time >= HOUR:
        return f"{time / HOUR:.3g} h"
    if time >= MINUTE:
        return f"{time / MINUTE:.3g} min"
    return f"{time:.6g} s" if time >= CENTISECOND or time == 0 else f"{time * 1000:.6g} ms"
