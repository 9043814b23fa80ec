"""When a provider wants to be called again, in whichever of its dialects."""

from __future__ import annotations

from collections.abc import Mapping

from ._moments import LONGEST, number, seconds_until, sensible


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds until the provider wants to be called again; None where it does not say, or nothing sensible.

    Read are `retry-after-ms`, `retry-after` (seconds or an HTTP date) and `x-ratelimit-reset` where it counts from 1970
    (OpenRouter's milliseconds).

    Args:
        headers: Found by lower-case names.
        now: Seconds since 1970; `virtual_time.date` where it is left out.
    """
    if (milliseconds := number(headers.get("retry-after-ms"))) is not None:
        return sensible(milliseconds / 1000)
    if (wish := headers.get("retry-after")) is not None:
        return seconds_until(wish, now)
    if (reset := number(headers.get("x-ratelimit-reset"))) is not None and reset > LONGEST:
        return seconds_until(headers.get("x-ratelimit-reset"), now)
    return None
