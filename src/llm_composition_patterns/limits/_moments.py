"""Times as servers write them, in seconds from now: pure but for the clock that dates need.

Whatever makes no sense is None: negative, not finite, further away than a week, over for more than a minute.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from .. import virtual_time

LONGEST: Final = 7 * 24 * 3600.0
"""Seconds beyond which a time is no wish but a mistake."""

LONGEST_OVER: Final = 60.0
"""Seconds for which a time may be over and still mean now: clocks differ, and answers take a while."""

_LONGEST_TEXT: Final = 64
_EPOCH: Final = 1e9
_EPOCH_MILLISECONDS: Final = 1e11
"""From here on a number counts from 1970: no duration is that long."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+", re.ASCII)
_PART: Final = r"(?:([0-9]+(?:\.[0-9]+)?){})?"
_DURATION: Final = re.compile("".join(_PART.format(unit) for unit in ("d", "h", "m(?!s)", "s", "ms")), re.ASCII)
_SECONDS: Final = (86400.0, 3600.0, 60.0, 1.0, 0.001)


def number(text: object) -> float | None:
    """A finite number; None where the text is none."""
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT or not _NUMBER.fullmatch(text := text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def duration(text: str) -> float | None:
    """Seconds of `120ms`, `7.66s`, `6m0s`, `1h0m0s`, or of a plain number."""
    text = text.strip().lower()
    if (plain := number(text)) is not None:
        return sensible(plain)
    found = _DURATION.fullmatch(text) if text and len(text) <= _LONGEST_TEXT else None
    if found is None:
        return None
    return sensible(sum(float(part) * scale for part, scale in zip(found.groups(), _SECONDS, strict=True) if part))


def seconds_until(text: str | None, now: float | None = None) -> float | None:
    """Seconds until a time that is written as a duration, a date, or seconds or milliseconds since 1970.

    Args:
        text: As the server wrote it.
        now: Seconds since 1970; `virtual_time.date` where it is left out.
    """
    if text is None:
        return None
    if (plain := number(text)) is not None:
        if plain < _EPOCH:
            return sensible(plain)
        return _from_now(plain / 1000 if plain > _EPOCH_MILLISECONDS else plain, now)
    if (lasting := duration(text)) is not None:
        return lasting
    moment = _date(text)
    return None if moment is None else _from_now(moment, now)


def sensible(seconds: float | None) -> float | None:
    """The seconds, if anybody could mean them."""
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds <= LONGEST:
        return None
    return seconds


def _date(text: str) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it, or RFC 3339."""
    if len(text) > _LONGEST_TEXT:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(text.strip()).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            continue
    return None


def _from_now(epoch: float, now: float | None) -> float | None:
    """A time that is just over is now; one long ago is a mistake, as is one far away."""
    seconds = epoch - (virtual_time.date() if now is None else now)
    return sensible(0.0 if -LONGEST_OVER <= seconds < 0 else seconds)
