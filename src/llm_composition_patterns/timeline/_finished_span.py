"""`FinishedSpan`: what a timeline needs to know of a span, whatever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..tracing import names

SPAN_KIND: Final = "openinference.span.kind"
KEPT: Final = frozenset(
    {
        SPAN_KIND,
        names.INDEX,
        names.KEY,
        names.ROUND,
        names.START_OFFSET_SECONDS,
        names.FAILURE_KIND,
        names.WAIT_REASON,
        names.RETRY,
        names.HEDGE,
        names.HEDGED_AWAY,
    }
)
"""The attributes that a timeline asks for: inputs and outputs of a large trace would not fit into memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedSpan:
    """A span that has ended.

    Attributes:
        name: What it is called.
        trace_id: The trace it is in, 32 hexadecimal digits.
        span_id: Its own id, 16 hexadecimal digits.
        parent_id: The id of the span it lies in; None at the root of a trace.
        start: When it started, in nanoseconds since 1970.
        end: When it ended, in the same.
        error: Why it failed, with the class of the error first; empty where it did not.
        attributes: What is known of it. Readers keep only what a timeline asks for.
        links: The ids of the spans that it is linked to.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None = None
    start: int
    end: int
    error: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[str, ...] = ()
