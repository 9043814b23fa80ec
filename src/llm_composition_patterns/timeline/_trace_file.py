"""Reading spans from a file of OTLP requests as JSON, one a line, as `setup_tracing("file:PATH")` writes it.

Lines are read one after the other and of each span only what a timeline asks for is kept, so that a file may be larger
than the memory. A line that cannot be read (the last one of a process that was killed, say) is left out and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ._finished_span import KEPT, FinishedSpan

_FAILED = {2, "STATUS_CODE_ERROR"}


def read_trace_file(path: str | Path) -> tuple[list[FinishedSpan], int]:
    """Read a file of spans; gives them, and the number of lines that could not be read.

    Raises:
        OSError: The file cannot be read.
    """
    spans: list[FinishedSpan] = []
    damaged = 0
    with Path(path).open("rb") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                spans += list(_spans(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
                damaged += 1
    return spans, damaged


def _spans(request: Mapping[str, Any]) -> Iterator[FinishedSpan]:
    for resource in request["resourceSpans"]:
        for scope in resource.get("scopeSpans", ()):
            yield from map(_span, scope.get("spans", ()))


def _span(span: Mapping[str, Any]) -> FinishedSpan:
    status = span.get("status") or {}
    return FinishedSpan(
        name=str(span.get("name", "")),
        trace_id=str(span["traceId"]).lower(),
        span_id=str(span["spanId"]).lower(),
        parent_id=str(span.get("parentSpanId") or "").lower() or None,
        start=int(span["startTimeUnixNano"]),
        end=int(span["endTimeUnixNano"]),
        error=(status.get("message") or "error") if status.get("code") in _FAILED else "",
        attributes=_attributes(span.get("attributes") or ()),
        links=tuple(str(link["spanId"]).lower() for link in span.get("links") or ()),
    )


def _attributes(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs if pair["key"] in KEPT}


def _value(value: Mapping[str, Any]) -> Any:
    """Read a value: OTLP writes whole numbers as text."""
    ((kind, it),) = value.items()
    return int(it) if kind == "intValue" else it
