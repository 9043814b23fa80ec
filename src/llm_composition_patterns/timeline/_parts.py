"""Parts of a bar: the waits and attempts inside it, laid on one line.

Where several lie over one another, an attempt hides a wait, because a branch that works does not wait, and of two
attempts the later one is seen, because it began beside the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from ..tracing import names
from ._bars import Part, PartKind
from ._finished_span import SPAN_KIND, FinishedSpan

NANOSECOND = 1e-9


def is_wait(span: FinishedSpan) -> bool:
    """Whether it is a wait for a permit."""
    return span.name == names.WAIT_FOR_PERMIT and names.WAIT_REASON in span.attributes


def is_attempt(span: FinishedSpan) -> bool:
    """Whether it is an attempt at a model."""
    return span.attributes.get(SPAN_KIND) == "LLM"


def kind_of(span: FinishedSpan, *, stopped: bool) -> PartKind:
    """What a wait or an attempt is drawn as; `stopped` says that its branch was cancelled."""
    if is_wait(span):
        return "queued"
    if span.error and not span.attributes.get(names.HEDGED_AWAY):
        return "cancelled" if stopped and was_cancelled(span) else "failed"
    if span.attributes.get(names.HEDGE):
        return "hedge"
    return "retry" if span.attributes.get(names.RETRY) else "run"


def was_cancelled(span: FinishedSpan) -> bool:
    """Whether a cancellation ended it."""
    return span.error.partition(":")[0] == "CancelledError"


def parts_of(marks: Sequence[FinishedSpan], row: FinishedSpan, zero: int, *, stopped: bool) -> tuple[Part, ...]:
    """Lay waits and attempts on the line of the row that they lie in.

    Args:
        marks: The waits and attempts.
        row: The span of the row; what lies outside it is cut off.
        zero: The time that the timeline starts at, in nanoseconds.
        stopped: Whether the row was cancelled.
    """
    cut = [
        (max(mark.start, row.start), min(mark.end, row.end), mark)
        for mark in marks
        if mark.start <= row.end and mark.end >= row.start
    ]
    seen = [*_seen(cut), *((start, end, mark) for start, end, mark in cut if start == end and mark.error)]
    seen.sort(key=lambda one: one[:2])
    return tuple(
        Part(kind_of(mark, stopped=stopped), (start - zero) * NANOSECOND, (end - zero) * NANOSECOND)
        for start, end, mark in seen
    )


def _seen(cut: Sequence[tuple[int, int, FinishedSpan]]) -> Iterable[tuple[int, int, FinishedSpan]]:
    """Go along the line, and give each stretch with the mark that is seen there."""
    coming = sorted(((start, end, number) for number, (start, end, _) in enumerate(cut) if end > start), reverse=True)
    times = sorted({time for start, end, _ in coming for time in (start, end)})
    over: list[tuple[bool, int, int, int]] = []
    open_one, since = -1, 0
    for time in times:
        while coming and coming[-1][0] <= time:
            start, end, number = coming.pop()
            heapq.heappush(over, (is_wait(cut[number][2]), -start, number, end))
        while over and over[0][3] <= time:
            heapq.heappop(over)
        seen = over[0][2] if over else -1
        if seen != open_one:
            if open_one >= 0:
                yield since, time, cut[open_one][2]
            open_one, since = seen, time
