"""Endings of calls and the state of a limiter, as plain data. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from ...limits import (
    Accepted,
    Answered,
    Ending,
    Failed,
    Limiter,
    LimiterStatistics,
    Overdue,
    Reading,
    Refusal,
    Throttled,
)

_KINDS: Final = {kind.__name__: kind for kind in (Accepted, Answered, Failed, Overdue, Throttled)}
_STATISTICS: Final = tuple(field.name for field in fields(LimiterStatistics))


def write_ending(ending: Accepted | Throttled | Failed | Overdue | Answered) -> dict[str, Any]:
    """An ending as plain data."""
    return {"kind": type(ending).__name__, **asdict(ending)}


def read_ending(shown: dict[str, Any]) -> Ending:
    """The ending that is shown."""
    details = dict(shown)
    kind = _KINDS[details.pop("kind")]
    if "refusal" in details:
        refusal = details["refusal"]
        return Throttled(Refusal(**{**refusal, "readings": _readings(refusal["readings"])}))
    if "readings" in details:
        details["readings"] = _readings(details["readings"])
    return kind(**details)


def _readings(shown: list[dict[str, Any]]) -> tuple[Reading, ...]:
    return tuple(Reading(**reading) for reading in shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterState:
    """What a limiter did and knew when it was last heard of, for those that cannot ask it at once.

    Attributes:
        statistics: What it shows.
        outage: Whether the provider fails.
        feels: Whether single calls find out when a pause is over.
        hedge_after: Seconds after which a call is worth a second one.
        surely_out: Whether it fails calls so different that it is not for what is in them.
        fails_often: Whether much fails though the provider is there.
        outages_over: The calls, by number, that were sent in outages that are over.
    """

    statistics: LimiterStatistics
    outage: bool
    feels: bool
    hedge_after: float | None
    surely_out: bool
    fails_often: bool
    outages_over: tuple[range, ...]


def write_state(limiter: Limiter) -> dict[str, Any]:
    """What a limiter does and knows now, as plain data."""
    now = limiter.statistics()
    statistics = {name: getattr(now, name) for name in _STATISTICS}
    return {
        "statistics": {**statistics, "waiting_by_reason": dict(now.waiting_by_reason)},
        "outage": limiter.outage,
        "feels": limiter.feels,
        "hedge_after": limiter.hedge_after(),
        "surely_out": limiter.surely_out,
        "fails_often": limiter.fails_often,
        "outages_over": [(outage.start, outage.stop) for outage in limiter.outages_over],
    }


def read_state(shown: dict[str, Any]) -> LimiterState:
    """The state that is shown."""
    over = tuple(range(*outage) for outage in shown["outages_over"])
    return LimiterState(**{**shown, "statistics": LimiterStatistics(**shown["statistics"]), "outages_over": over})
