"""Bars: the branches of fan-outs on one time line, whichever way they are drawn, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..outcome import Outcome, Success
from ._times import duration

OK_STATE = "ok"
CANCELLED_STATE = "cancelled"
MAX_ROWS = 40

PartKind: TypeAlias = Literal["queued", "run", "retry", "hedge", "failed", "cancelled"]
Kind: TypeAlias = Literal["queued", "run", "retry", "hedge", "failed", "cancelled", "between", "group"]
Role: TypeAlias = Literal["branch", "group", "step"]


@dataclass(frozen=True, slots=True)
class Part:
    """A time inside a bar: a wait for a permit (`queued`), or an attempt at a model.

    An attempt that failed is `failed` and one that was stopped with its branch `cancelled`; of the others one after a
    failure is a `retry`, one beside a late one a `hedge`, and the rest `run`.
    """

    kind: PartKind
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a timeline: a branch, or what branches belong to or are made of. Times are seconds.

    Attributes:
        name: What is written before it.
        start: When it started, from the start of the whole.
        end: When it ended.
        state: `ok`, or why it failed.
        depth: How deeply it is nested; a bar belongs to the nearest one above it that is less deep.
        parts: Waits and attempts inside it, in order, none over another. The rest of the time it ran.
        role: A `branch`, whose time is added up; a `group` of branches; or a `step` of a branch, whose time is that
            branch's.
    """

    name: str
    start: float
    end: float
    state: str = OK_STATE
    depth: int = 0
    parts: tuple[Part, ...] = ()
    role: Role = "branch"

    @property
    def queued(self) -> float:
        """How long it waited for permits."""
        return sum(part.end - part.start for part in self.parts if part.kind == "queued")

    @property
    def elapsed(self) -> float:
        """How long it ran: what is left without the waits."""
        return self.end - self.start - self.queued

    @property
    def failed(self) -> bool:
        """Whether it did not return."""
        return self.state != OK_STATE

    @property
    def attempts(self) -> int:
        """How many attempts at models its parts show."""
        return sum(part.kind != "queued" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Segment:
    """A time of a bar as it is drawn: with its neighbors it covers the whole bar."""

    kind: Kind
    start: float
    end: float


def bars(outcomes: Iterable[Outcome[Any]], *, offset: float = 0.0, depth: int = 0) -> list[Bar]:
    """Make bars from the outcomes of a fan-out; all that a branch waited stands first.

    Args:
        outcomes: As a collecting fan-out gives them.
        offset: When the fan-out started, in seconds after the start of the whole timeline.
        depth: How deeply the fan-out is nested.
    """
    return [_bar(outcome, offset + outcome.started, depth) for outcome in outcomes]


def _bar(outcome: Outcome[Any], start: float, depth: int) -> Bar:
    runs = start + outcome.queued
    return Bar(
        name=outcome.name,
        start=start,
        end=runs + outcome.elapsed,
        state=OK_STATE if isinstance(outcome, Success) else outcome.kind,
        depth=depth,
        parts=(Part("queued", start, runs),) if outcome.queued > 0 else (),
    )


def segments(bar: Bar) -> list[Segment]:
    """Cut a bar into what is drawn: its parts, and what it did between them.

    A bar that ended while it waited, or that failed although no attempt did, ends with a segment of no length that
    says what became of it.
    """
    base, cursor, found = _base(bar), bar.start, list[Segment]()
    for part in bar.parts:
        if part.start > cursor:
            found.append(Segment(base, cursor, part.start))
        found.append(Segment(part.kind, part.start, part.end))
        cursor = max(cursor, part.end)
    if bar.end > cursor:
        found.append(Segment(base, cursor, bar.end))
    if not _tells(bar, found):
        found.append(Segment(_became(bar), bar.end, bar.end))
    return found


def _tells(bar: Bar, found: Sequence[Segment]) -> bool:
    """Whether the segments show what became of their bar."""
    kind = _became(bar)
    return any(one.kind == kind for one in found) if bar.failed else any(one.kind != "queued" for one in found)


def _base(bar: Bar) -> Kind:
    """What a bar did where no part says it."""
    if bar.role == "group":
        return "group"
    return "between" if bar.attempts else _became(bar)


def _became(bar: Bar) -> Kind:
    if bar.role == "group":
        return "group"
    if not bar.failed:
        return "run"
    return "cancelled" if bar.state == CANCELLED_STATE else "failed"


def shown(bars: Sequence[Bar], max_rows: int) -> list[int]:
    """Choose which bars to draw: all, or failed and the longest branches with what they belong to."""
    if len(bars) <= max_rows:
        return list(range(len(bars)))
    parents = _parents(bars)
    chosen: set[int] = set()
    for index in _in_order_of_interest(bars, max_rows):
        family = {index, *_ancestors(index, parents)}
        if len(chosen | family) <= max_rows:
            chosen |= family
    return sorted(chosen) or list(range(max_rows))


def _in_order_of_interest(bars: Sequence[Bar], max_rows: int) -> list[int]:
    """Failed ones for three quarters of the room, the longest, the other failed ones; steps last."""
    rows = [index for index, bar in enumerate(bars) if bar.role != "group"]
    rows.sort(key=lambda index: (-bars[index].elapsed, index))
    branches = [index for index in rows if bars[index].role == "branch"]
    failed = [index for index in branches if bars[index].failed]
    first = failed[: max(max_rows * 3 // 4, 1)]
    left = set(failed) - set(first)
    longest = [index for index in branches if not bars[index].failed]
    return [*first, *longest, *sorted(left), *(index for index in rows if bars[index].role == "step")]


def branches(bars: Sequence[Bar]) -> list[Bar]:
    """Find the bars whose times add up."""
    return [bar for bar in bars if bar.role == "branch"]


def sums(bars: Sequence[Bar], *, times: str = "\N{MULTIPLICATION SIGN}") -> list[str]:
    """Say what all of `bars` add up to: branches and how they ended, makespan, sum of branch times, speed-up."""
    if not bars:
        return ["0 branches"]
    of_them = branches(bars)
    # What comes before and after a fan-out, a plan and a synthesis, is not made shorter by it.
    makespan = max(bar.end for bar in of_them or bars) - min(bar.start for bar in of_them or bars)
    if not of_them:
        return [f"{len(bars)} step{'s' if len(bars) > 1 else ''}, no fan-out", f"makespan {duration(makespan)}"]
    total = sum(bar.elapsed for bar in of_them)
    states = Counter(bar.state for bar in of_them)
    failed = [f"{count:,} {state}" for state, count in states.most_common() if state != OK_STATE]
    counted = f"{len(of_them):,} branch{'es' if len(of_them) > 1 else ''}"
    said = [f"{counted} ({', '.join([f'{states[OK_STATE]:,} ok', *failed])})" if failed else counted]
    said += [f"makespan {duration(makespan)}", f"sum of branch times {duration(total)}"]
    return [*said, f"speed-up {total / makespan:.1f}{times}"] if makespan > 0 else said


def left_out(count: int) -> str:
    """Say that so many bars are not drawn."""
    return f"{count:,} more; shown are the failed and the longest"


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
