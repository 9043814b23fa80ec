"""Tokens, calls and cost: a line for people, a record for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..usage import Usage


def usage_line(usage: Usage, *, repairs: int = 0) -> str:
    """What calls used: `812 tokens in, 90 out, 3 calls, 0 retries, cost $0.000213`.

    Args:
        usage: What they used.
        repairs: How many of the calls were made to repair answers, where that is known.
    """
    calls = counted(usage.calls, "call") + (f" ({repairs} of them to repair answers)" if repairs else "")
    retries = counted(usage.retries, "retry", "retries")
    return f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, {calls}, {retries}, {_cost(usage)}"


def usage_record(usage: Usage) -> dict[str, Any]:
    """Usage as JSON; costs in US dollars, null when a part is unknown."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "calls": usage.calls,
        "retries": usage.retries,
        "cost": None if usage.cost is None else float(usage.cost),
        "known_cost": float(usage.known_cost),
        **({"by_model": {name: usage_record(part) for name, part in usage.by_model.items()}} if usage.by_model else {}),
    }


def kinds_line(kinds: Mapping[str, int]) -> str:
    """How many failed for which kind of reason, the most frequent first: `3 timeout, 1 rate_limit`."""
    rows = sorted(kinds.items(), key=lambda row: (-row[1], row[0]))
    return ", ".join(f"{number:,} {kind}" for kind, number in rows)


def counted(number: int, one: str, more: str = "") -> str:
    """A number and what it counts: `1 call`, `2 calls`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _cost(usage: Usage) -> str:
    if usage.cost is None:
        return f"cost unknown, at least ${usage.known_cost:.6f}" if usage.known_cost else "cost unknown"
    return f"cost ${usage.cost:.6f}" if usage.cost else "cost $0"
