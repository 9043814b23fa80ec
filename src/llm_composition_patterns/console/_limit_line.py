"""What a model's limiter does, in one line for people."""

from __future__ import annotations

from typing import Final

from ..limits import LimiterStatistics

_REASONS = {
    "requests": "for the rate of requests",
    "tokens": "for the rate of tokens",
    "retry_after": "as the provider asked",
    "outage": "for the provider to come back",
}

_PACED: Final = frozenset({"requests", "tokens"})
_LONG: Final = 2.0
"""Seconds of a wait that are worth to be told: shorter ones are over before they are read."""


def limit_line(name: str, now: LimiterStatistics) -> str:
    """The model, how many calls are in flight of how many, and whatever holds others."""
    parts = [f"{now.in_flight} of {now.limit} in flight"]
    if now.waiting:
        parts.append(f"{now.waiting:,} waiting{_why(now)}")
    for rate, unit in ((now.requests_per_minute, "requests"), (now.tokens_per_minute, "tokens")):
        if rate is not None:
            parts.append(f"{rate:,.0f} {unit}/min")
    if now.refused:
        parts.append(f"{now.refused:,} refused")
    if now.paused_for >= 1:
        parts.append(f"asked to wait {now.paused_for:.0f} s")
    if now.outage_for is not None:
        parts.append(f"failing for {now.outage_for:.0f} s")
    return f"{name}: " + " · ".join(parts)


def _why(now: LimiterStatistics) -> str:
    """What most of those who wait wait for, where it is not the end of other calls."""
    reason = max(now.waiting_by_reason, key=lambda reason: now.waiting_by_reason[reason], default="")
    if reason not in _REASONS:
        return ""
    if reason in _PACED and now.held_for is not None and now.held_for >= _LONG:
        return f" {_REASONS[reason]}, {now.held_for:.0f} s more"
    return f" {_REASONS[reason]}"
