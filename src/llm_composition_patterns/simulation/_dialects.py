"""How providers tell of their rate limits: in headers, in the words of a refusal, inside its body.

Each dialect is a function of the buckets; what readers of the real ones must cope with is kept: units, resets by the
clock, limits that show in no header.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ._rate_limit import DAY, MINUTE, Bucket, Exceeded
from ._scenario import Dialect, RateLimit
from ._wire import ERRORS, error_body

_OK = 200
_TOO_LARGE = 413
_NAMES = {
    ("requests", MINUTE): "requests per minute (RPM)",
    ("tokens", MINUTE): "tokens per minute (TPM)",
    ("requests", DAY): "requests per day (RPD)",
    ("tokens", DAY): "tokens per day (TPD)",
}
_SHOWN: Mapping[Dialect, frozenset[tuple[str, float]]] = {
    "openai": frozenset({("requests", MINUTE), ("tokens", MINUTE)}),
    "groq": frozenset({("requests", DAY), ("tokens", MINUTE)}),
    "anthropic": frozenset({("requests", MINUTE), ("tokens", MINUTE)}),
    "openrouter": frozenset(),
    "none": frozenset(),
}
"""Which limits show in the headers of every reply."""


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as the provider tells it.

    Attributes:
        status: The HTTP status.
        headers: Headers of this refusal, beside those of every reply.
        body: The JSON body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


def limit_headers(dialect: Dialect, buckets: Sequence[Bucket], now: float, epoch: float) -> dict[str, str]:
    """The headers that every reply has.

    Args:
        dialect: Whose.
        buckets: What is limited.
        now: The time on the buckets' clock.
        epoch: The same time in seconds since 1970.
    """
    headers = {}
    for bucket in buckets:
        if (bucket.unit, bucket.window) in _SHOWN[dialect]:
            name = f"anthropic-ratelimit-{bucket.unit}-" if dialect == "anthropic" else "x-ratelimit-"
            ending = "" if dialect == "anthropic" else f"-{bucket.unit}"
            full_in = bucket.full_in(now)
            headers[f"{name}limit{ending}"] = f"{bucket.limit:.0f}"
            headers[f"{name}remaining{ending}"] = str(bucket.remaining(now))
            headers[f"{name}reset{ending}"] = (
                _by_clock(epoch + full_in) if dialect == "anthropic" else duration(full_in)
            )
    return headers


def refusal(limit: RateLimit, exceeded: Exceeded, epoch: float, *, model: str) -> Told:
    """What a request is told that was refused at the time `epoch`, in seconds since 1970."""
    status = _TOO_LARGE if exceeded.is_too_large else ERRORS["rate_limit"].status
    inside = _gateway_headers(exceeded, epoch) if limit.dialect == "openrouter" else {}
    outside: dict[str, str] = {}
    gives = limit.dialect != "openrouter" if limit.retry_after is None else limit.retry_after
    if gives and not exceeded.is_too_large:
        (inside if limit.in_body else outside)["retry-after"] = str(math.ceil(exceeded.wait))
    details: dict[str, Any] = {"type": "rate_limit_error" if limit.dialect == "anthropic" else exceeded.bucket.unit}
    if limit.in_body or limit.dialect == "openrouter":
        details["code"] = status
    if inside:
        details["metadata"] = {"headers": inside}
    message = f"{_WORDS[limit.dialect](exceeded, model)} (simulated)"
    return Told(_OK if limit.in_body else status, outside, error_body("rate_limit", message=message, **details))


def _gateway_headers(exceeded: Exceeded, epoch: float) -> dict[str, str]:
    bucket, now = exceeded.bucket, exceeded.now
    return {
        "X-RateLimit-Limit": f"{bucket.limit:.0f}",
        "X-RateLimit-Remaining": str(bucket.remaining(now)),
        "X-RateLimit-Reset": str(math.ceil((epoch + bucket.full_in(now)) * 1000)),
    }


def _in_numbers(exceeded: Exceeded, model: str) -> str:
    bucket = exceeded.bucket
    what = "Request too large" if exceeded.is_too_large else "Rate limit reached"
    advice = (
        "Reduce the size of the request" if exceeded.is_too_large else f"Please try again in {duration(exceeded.wait)}"
    )
    used = math.ceil(bucket.used(exceeded.now) - 1e-9)
    numbers = f"Limit {bucket.limit:.0f}, Used {used}, Requested {exceeded.amount:.0f}"
    return f"{what} for model `{model}` on {_NAMES[bucket.unit, bucket.window]}: {numbers}. {advice}."


def _in_a_name(exceeded: Exceeded, _model: str) -> str:
    return f"Rate limit exceeded: {exceeded.bucket.unit}-per-{_window(exceeded)}."


def _in_a_sentence(exceeded: Exceeded, _model: str) -> str:
    bucket = exceeded.bucket
    return f"This request would exceed your rate limit of {bucket.limit:,.0f} {bucket.unit} per {_window(exceeded)}."


def _without_numbers(_exceeded: Exceeded, _model: str) -> str:
    return "Too many requests."


_WORDS: Mapping[Dialect, Callable[[Exceeded, str], str]] = {
    "openai": _in_numbers,
    "groq": _in_numbers,
    "anthropic": _in_a_sentence,
    "openrouter": _in_a_name,
    "none": _without_numbers,
}


def _window(exceeded: Exceeded) -> str:
    return "day" if exceeded.bucket.window == DAY else "minute"


def _by_clock(epoch: float) -> str:
    """A time as RFC 3339 has it, in whole seconds, rounded up."""
    return datetime.fromtimestamp(math.ceil(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Seconds as providers write them: `120ms`, `7.66s`, `6m0s`, `1h0m0s`; rounded up to a millisecond."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:  # noqa: PLR2004
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
