"""How many spans came, went and were lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingStatistics:
    """What became of the spans so far: `created = exported + lost + queued`, always.

    Attributes:
        created: Spans that ended and were to be exported.
        exported: Spans that arrived where they go.
        lost: Spans that never will: the queue was full, they were refused, or time was over.
        queued: Spans that wait to be sent, or are being sent.
    """

    created: int = 0
    exported: int = 0
    lost: int = 0
    queued: int = 0
