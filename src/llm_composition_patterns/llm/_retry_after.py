"""When a provider wants to be called again, in whichever of its dialects: pure but for the clock of HTTP dates."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 7 * 24 * 3600.0
"""Seconds beyond which a value is no wish but a mistake."""


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds until the provider wants to be called again; None where it does not say, or nothing sensible.

    Read are `retry-after-ms`, `retry-after` (seconds or an HTTP date) and `x-ratelimit-reset` (OpenRouter's epoch
    milliseconds).

    Args:
        headers: Found by lower-case names.
        now: Seconds since the epoch; the system's clock where it is left out.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return _sensible(milliseconds / 1000)
    if (wish := headers.get("retry-after")) is not None:
        seconds = _number(wish)
        return _sensible(seconds if seconds is not None else _until_date(wish, now))
    if (reset := _number(headers.get("x-ratelimit-reset"))) is not None and reset > LONGEST:
        return _sensible(_until(reset / 1000 if reset > 1e11 else reset, now))  # noqa: PLR2004 - milliseconds since 1970
    return None


def _until_date(text: str, now: float | None) -> float | None:
    try:
        return _until(parsedate_to_datetime(text).timestamp(), now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _until(epoch: float, now: float | None) -> float:
    return max(0.0, epoch - (time.time() if now is None else now))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except (ValueError, TypeError):
        return None


def _sensible(seconds: float | None) -> float | None:
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds <= LONGEST:
        return None
    return seconds
