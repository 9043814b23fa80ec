"""Bars: the branches of fan-outs on one time line, whichever way they are drawn, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..outcome import Outcome, Success
from ._times import duration

OK_STATE = "ok"
MAX_ROWS = 40


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

    @property
    def failed(self) -> bool:
        """Whether it did not return."""
        return self.state != OK_STATE


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


def shown(bars: Sequence[Bar], max_rows: int) -> list[int]:
    """Choose which bars to draw: all, or the failed and the longest with what they belong to."""
    if len(bars) <= max_rows:
        return list(range(len(bars)))
    parents = _parents(bars)
    chosen: set[int] = set()
    for index in sorted(leaves(bars), key=lambda index: (not bars[index].failed, -bars[index].elapsed, index)):
        family = {index, *_ancestors(index, parents)}
        if len(chosen | family) <= max_rows:
            chosen |= family
    return sorted(chosen) or list(range(max_rows))


def leaves(bars: Sequence[Bar]) -> list[int]:
    """Find the bars that nothing belongs to: the branches whose times add up."""
    deeper = [after.depth > before.depth for before, after in pairwise(bars)]
    return [index for index, has_children in enumerate([*deeper, False][: len(bars)]) if not has_children]


def sums(bars: Sequence[Bar], *, times: str = "\N{MULTIPLICATION SIGN}") -> list[str]:
    """Say what all of `bars` add up to: branches and how they ended, makespan, sum of branch times, speed-up."""
    if not bars:
        return ["0 branches"]
    branches = [bars[index] for index in leaves(bars)]
    makespan = max(bar.end for bar in bars) - min(bar.start for bar in bars)
    total = sum(bar.elapsed for bar in branches)
    states = Counter(bar.state for bar in branches)
    failed = [f"{count} {state}" for state, count in states.most_common() if state != OK_STATE]
    counted = f"{len(branches)} branch{'es' if len(branches) > 1 else ''}"
    said = [f"{counted} ({', '.join([f'{states[OK_STATE]} ok', *failed])})" if failed else counted]
    said += [f"makespan {duration(makespan)}", f"sum of branch times {duration(total)}"]
    return [*said, f"speed-up {total / makespan:.1f}{times}"] if makespan > 0 else said


def left_out(count: int) -> str:
    """Say that so many bars are not drawn."""
    return f"{count} more; shown are the failed and the longest"


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
