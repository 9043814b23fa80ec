"""Choosing one trace among many: the latest, or the one of an id, with the traces that belong to it.

Branches of a giant fan-out are traces of their own, each linked to the span of the fan-out. They belong to its trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import ConfigurationError
from ._finished_span import FinishedSpan


def one_trace(spans: Iterable[FinishedSpan], trace_id: str | None = None) -> list[FinishedSpan]:
    """Give the spans of a trace, of `trace_id` or else of the one that started last, before those that belong to it.

    Raises:
        ConfigurationError: There is no such trace.
    """
    by_id = {span.span_id: span for span in spans}
    owners = _owners(by_id)
    wanted = _latest(by_id.values(), owners) if trace_id is None else trace_id.lower()
    found = [span for span in by_id.values() if _belongs(span.trace_id, wanted, owners)]
    if not found:
        count = len({span.trace_id for span in by_id.values()} - owners.keys())
        raise ConfigurationError(
            f"there is no trace {trace_id} among the {count} there" if trace_id else "there are no spans"
        )
    return sorted(found, key=lambda span: span.trace_id != wanted)


def _owners(by_id: Mapping[str, FinishedSpan]) -> dict[str, str]:
    """Map each trace whose root is linked to a span of another trace to that one."""
    return {
        span.trace_id: by_id[link].trace_id
        for span in by_id.values()
        if span.parent_id is None
        for link in span.links
        if link in by_id and by_id[link].trace_id != span.trace_id
    }


def _latest(spans: Iterable[FinishedSpan], owners: Mapping[str, str]) -> str | None:
    starts: dict[str, int] = {}
    for span in spans:
        if span.trace_id not in owners:
            starts[span.trace_id] = min(span.start, starts.get(span.trace_id, span.start))
    return max(starts, key=lambda trace_id: starts[trace_id], default=None)


def _belongs(trace_id: str, wanted: str | None, owners: Mapping[str, str]) -> bool:
    seen = set[str]()
    while trace_id != wanted:
        if trace_id in seen or trace_id not in owners:
            return False
        seen.add(trace_id)
        trace_id = owners[trace_id]
    return True
