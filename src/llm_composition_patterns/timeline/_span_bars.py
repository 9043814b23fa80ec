"""Bars made of finished spans.

A tree of spans becomes a smaller tree of rows. Waits for permits and attempts at models become parts of the row that
they lie in. A span that is alone in another one (a chain in its branch, a fan-out in its tracked run) is no row of its
own: it would say the same twice. What is left are groups, which branches belong to; branches; and steps, which lie
beside each other in a branch, or in a trace without any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..tracing import names
from ._bars import CANCELLED_STATE, OK_STATE, Bar, Role
from ._finished_span import FinishedSpan
from ._parts import NANOSECOND, is_attempt, is_wait, parts_of, was_cancelled

UNNAMED = "parallelize "
"""What the names begin with that fan-outs have where nobody gave them one."""


@dataclass(slots=True)
class _Row:
    span: FinishedSpan
    name: str
    role: Role = "step"
    rows: list[_Row] = field(default_factory=list)
    marks: list[FinishedSpan] = field(default_factory=list)
    state: str = OK_STATE


def span_bars(spans: Iterable[FinishedSpan]) -> tuple[str, list[Bar]]:
    """Make bars of spans; gives what the whole is called, empty where it has no one name, and the bars."""
    rows = _rows(spans)
    if not rows:
        return "", []
    zero = min(row.span.start for row in rows)
    name = rows[0].name if len(rows) == 1 else ""
    if name and rows[0].role == "group" and not rows[0].marks:
        rows = rows[0].rows  # its name stands above, and its length is the whole
    _tell_apart(rows)
    return name, list(_bars(rows, zero))


def _bars(rows: Sequence[_Row], zero: int) -> Iterator[Bar]:
    """Give each row before those that belong to it."""
    waiting = [(row, 0) for row in reversed(rows)]
    while waiting:
        row, depth = waiting.pop()
        yield _bar(row, depth, zero)
        waiting += ((inner, depth + 1) for inner in reversed(row.rows))


def _bar(row: _Row, depth: int, zero: int) -> Bar:
    return Bar(
        name=row.name,
        start=(row.span.start - zero) * NANOSECOND,
        end=(row.span.end - zero) * NANOSECOND,
        state=row.state,
        depth=depth,
        parts=parts_of(_marks(row), row.span, zero, stopped=row.state == CANCELLED_STATE),
        role=row.role,
    )


def _marks(row: _Row) -> list[FinishedSpan]:
    """The waits and attempts that are drawn on a row: a branch shows those of its steps, a group only its own."""
    found, inside = list(row.marks), list(row.rows) if row.role != "group" else []
    while inside:
        inner = inside.pop()
        found += inner.marks
        inside += inner.rows
    return found


def _rows(spans: Iterable[FinishedSpan]) -> list[_Row]:
    """Build the rows from the innermost spans outwards."""
    by_id = {span.span_id: span for span in spans}
    children: dict[str | None, list[FinishedSpan]] = {}
    for span in by_id.values():
        children.setdefault(_parent(span, by_id), []).append(span)
    rows: dict[str, _Row] = {}
    for span in reversed(_outermost_first(children)):
        inner = children.get(span.span_id, ())
        inside = sorted((rows.pop(child.span_id) for child in inner if not _is_mark(child)), key=_order)
        rows[span.span_id] = _row(span, [child for child in inner if _is_mark(child)], inside)
    alone = [_row(span, [span], []) for span in children.get(None, ()) if _is_mark(span)]
    return sorted([*rows.values(), *alone], key=_order)


def _parent(span: FinishedSpan, by_id: dict[str, FinishedSpan]) -> str | None:
    """Find what a span lies in; a branch that is a trace of its own names the span of its fan-out by a link."""
    if span.parent_id is not None:
        return span.parent_id if span.parent_id in by_id else None
    return next((link for link in span.links if link in by_id and link != span.span_id), None)


def _outermost_first(children: dict[str | None, list[FinishedSpan]]) -> list[FinishedSpan]:
    """Walk through all but waits and attempts, what lies in which is not looked at."""
    found: list[FinishedSpan] = []
    waiting = list(children.get(None, ()))
    while waiting:
        span = waiting.pop()
        if not _is_mark(span):
            found.append(span)
            waiting += children.get(span.span_id, ())
    return found


def _is_mark(span: FinishedSpan) -> bool:
    return is_attempt(span) or is_wait(span)


def _row(span: FinishedSpan, marks: list[FinishedSpan], inside: list[_Row]) -> _Row:
    row = _Row(span, span.name, rows=inside, marks=marks)
    if len(inside) == 1 and inside[0].role != "branch":
        _take_in(row, inside[0])
    if any(inner.role != "step" for inner in row.rows):
        row.role = "group"
    elif names.START_OFFSET_SECONDS in span.attributes:
        row.role = "branch"
    row.state = _state(row)
    _tell_apart(row.rows)
    return row


def _take_in(row: _Row, only: _Row) -> None:
    """Let a row show what the only one in it shows."""
    row.rows = only.rows
    row.marks = [*row.marks, *only.marks]
    if names.START_OFFSET_SECONDS in row.span.attributes and only.role == "group" and not only.name.startswith(UNNAMED):
        row.name = only.name  # branches are often all called the same, the fan-outs in them are not


def _state(row: _Row) -> str:
    attributes = row.span.attributes
    if kind := attributes.get(names.FAILURE_KIND):
        return str(kind)
    if row.span.error:
        return CANCELLED_STATE if was_cancelled(row.span) else "error"
    if row.role != "group":
        return OK_STATE
    return next((row.state for row in row.rows if row.state not in {OK_STATE, CANCELLED_STATE}), OK_STATE)


def _order(row: _Row) -> tuple[int, int]:
    index = row.span.attributes.get(names.INDEX)
    return index if isinstance(index, int) else 0, row.span.start


def _tell_apart(rows: Sequence[_Row]) -> None:
    """Add to names that are the same what they differ in: the key, else the place, of a branch, the round of a step."""
    called = Counter(row.name for row in rows)
    for row in rows:
        own = [row.span.attributes[key] for key in (names.KEY, names.INDEX, names.ROUND) if key in row.span.attributes]
        if called[row.name] > 1 and own:
            row.name = f"{row.name} {own[0]}".strip()
