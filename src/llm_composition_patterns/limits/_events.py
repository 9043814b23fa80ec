"""What the end of a call has changed, shown on the span of that call."""

from __future__ import annotations

from collections.abc import Iterable

from ..tracing import add_event, listening, names
from ._controller import Change

_EVENTS = {
    "limit": names.LIMIT_CHANGED,
    "rate": names.RATE_LEARNED,
    "pause": names.CALLS_PAUSED,
    "outage began": names.OUTAGE_BEGAN,
    "outage ended": names.OUTAGE_ENDED,
}


def show(changes: Iterable[Change]) -> None:
    """Write an event for each change on the current span, where somebody listens."""
    if listening() is not None:
        for change in changes:
            add_event(_EVENTS[change.what], _attributes(change))


def _attributes(change: Change) -> dict[str, str | int | float]:
    match change.what:
        case "limit":
            return {names.LIMIT: int(change.value), names.LIMIT_CHANGED_BECAUSE: change.why}
        case "rate":
            unit, _, source = change.why.partition(", ")
            per_minute = names.REQUESTS_PER_MINUTE if unit == "requests" else names.TOKENS_PER_MINUTE
            return {per_minute: change.value, names.LEARNED_FROM: source}
        case "pause":
            return {names.PAUSED_SECONDS: change.value}
        case "outage ended":
            return {names.OUTAGE_SECONDS: change.value}
    return {}
