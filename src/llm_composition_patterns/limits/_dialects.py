"""What replies say of rate limits, in whichever provider's dialect: pure.

Headers come in four families: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` (OpenAI, Groq and many after
them; the reset is a duration), `anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}` (the reset is a date),
`x-ratelimit-{limit,remaining,reset}` (OpenRouter; requests, the reset in milliseconds since 1970), and those of the
IETF: `ratelimit-{limit,remaining,reset}` (requests, the reset in seconds), or `ratelimit` and `ratelimit-policy`, where
each limit has a name: `"a";r=50;t=30` is what is left of `"a";q=100;w=60`. The text of a refusal may name limit, use
and window; one that does not say when to come back, but that nothing is left until a reset, means then. One that only
speaks of a rate means requests. Whatever is negative, not a number, or further away than a week is a mistake and is
left out: a server can say what it likes, and is believed where it makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, TypeAlias

from ._moments import duration, number, seconds_until, sensible
from ._readings import Reading, Refusal, Unit
from ._retry_after import retry_after

MOST: Final = 1e12
"""A limit above this is none."""

READ: Final = 4000
"""Characters of a message that are looked at."""

_FIRST_FEW: Final = 8
"""Limits and units of a message that are looked at."""

_Family: TypeAlias = tuple[Unit, str, str, str]
"""A unit, and the names of its limit, of what remains, and of its reset."""


def _family(unit: Unit, name: str) -> _Family:
    return unit, name.format("limit"), name.format("remaining"), name.format("reset")


_FAMILIES: Final = (
    _family("requests", "x-ratelimit-{}-requests"),
    _family("tokens", "x-ratelimit-{}-tokens"),
    _family("requests", "anthropic-ratelimit-requests-{}"),
    _family("tokens", "anthropic-ratelimit-tokens-{}"),
    _family("requests", "x-ratelimit-{}"),
    _family("requests", "ratelimit-{}"),
)
_WINDOWS: Final = {"second": 1.0, "sec": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "day": 86400.0}
_DAY: Final = 86400.0
_LETTERS: Final[Mapping[str, Unit]] = {"R": "requests", "T": "tokens"}
_LETTER_WINDOWS: Final = {"S": 1.0, "M": 60.0, "H": 3600.0, "D": 86400.0}

_PER: Final = re.compile(r"\b(requests?|tokens?)[ -]per[ -](second|sec|minute|min|hour|day)\b", re.IGNORECASE)
_SHORT: Final = re.compile(r"\b([RT]P[SMHD])\b")
_AMOUNT: Final = r"[:= ]{1,3}([0-9][0-9,]{0,15}(?:\.[0-9]{1,6})?)"
_NAMED: Final = re.compile(r'"([^"]{1,64})"((?:\s{0,4};\s{0,4}[a-z]{1,8}=[^;,\s]{1,32}){1,8})')
"""A limit of `ratelimit` or `ratelimit-policy`: its name, and what is said of it."""

_LIMIT: Final = re.compile(r"\blimit" + _AMOUNT, re.IGNORECASE)
_NEAR: Final = re.compile(r"[ :()]{0,4}(?:[RT]P[SMHD][ :()]{1,4})?", re.IGNORECASE)
"""What may stand between a unit and the number that belongs to it."""

_USED: Final = re.compile(r"\b(?:used|current)" + _AMOUNT, re.IGNORECASE)
_REQUESTED: Final = re.compile(r"\brequested" + _AMOUNT, re.IGNORECASE)
_AGAIN: Final = re.compile(r"\b(?:try|retry)(?: again)? (?:in|after) ([0-9][0-9.a-z]{0,30})", re.IGNORECASE)
_DAILY: Final = re.compile(r"\b[a-z]{1,30}-per-day\b", re.IGNORECASE)
"""Names of limits, as gateways have them."""

_RATE: Final = re.compile(
    r"\brate[ _-]?limit|\bquota\b.{0,80}\bper[ _-](?:second|sec|minute|min|hour)\b", re.IGNORECASE | re.DOTALL
)
"""Words that speak of a rate, where nothing else does."""

_TOKENS: Final = re.compile(r"\btokens?\b", re.IGNORECASE)
_FULL: Final = re.compile(r"\bqueue (?:is )?full\b|\bpending requests\b|\bno (?:free )?slots?\b(?! for)", re.IGNORECASE)
"""How servers of few slots say that all of them, and the places to wait for one, are taken."""

_CONCURRENT: Final = re.compile(rf"\b(?:concurren(?:t|cy)|simultaneous|in[ -]parallel)|{_FULL.pattern}", re.IGNORECASE)


def read_headers(headers: Mapping[str, str], *, now: float | None = None) -> tuple[Reading, ...]:
    """The rate limits that a reply's headers show.

    Args:
        headers: Of the reply, names in any case.
        now: Seconds since 1970; `virtual_time.date` where it is left out.
    """
    found = {name.lower(): value for name, value in headers.items() if "ratelimit" in name.lower()}
    if not found:
        return ()
    readings = (_of_family(found, family, now) for family in _FAMILIES)
    return *(reading for reading in readings if reading is not None), *_of_policies(found)


def _of_policies(found: Mapping[str, str]) -> Iterator[Reading]:
    """The limits that have names."""
    if "ratelimit" not in found:
        return
    policies = dict(_named(found.get("ratelimit-policy", "")))
    for name, left in _named(found["ratelimit"]):
        policy = policies.get(name, {})
        limit, remaining = number(policy.get("q")), number(left.get("r"))
        if policy.get("qu", '"requests"') != '"requests"' or limit is None or not 0 < limit <= MOST:
            continue
        if remaining is not None and 0 <= remaining <= limit:
            unit: Unit = "tokens" if "token" in name.lower() else "requests"
            reset, window = sensible(number(left.get("t"))), sensible(number(policy.get("w")))
            yield Reading(unit=unit, limit=limit, remaining=remaining, reset=reset, window=window)


def _named(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for found in islice(_NAMED.finditer(text[:READ]), _FIRST_FEW):
        parts = (part.partition("=") for part in found[2].split(";")[1:])
        yield found[1], {key.strip(): value.strip() for key, _, value in parts}


def _of_family(found: Mapping[str, str], family: _Family, now: float | None) -> Reading | None:
    unit, of_limit, of_remaining, of_reset = family
    limit = number(found.get(of_limit, "").partition(",")[0])  # behind a comma: of which windows it is made
    if limit is None or not 0 < limit <= MOST:
        return None
    remaining = number(found.get(of_remaining))
    if remaining is not None and not 0 <= remaining <= limit:
        return None  # it counts in some other way
    return Reading(unit=unit, limit=limit, remaining=remaining, reset=seconds_until(found.get(of_reset), now))


def read_refusal(message: str, headers: Mapping[str, str], *, now: float | None = None) -> Refusal:
    """What a refusal says, in its text and its headers.

    Args:
        message: The text of the error.
        headers: Of the reply, with those that its body may hold.
        now: Seconds since 1970; `virtual_time.date` where it is left out.
    """
    text = message[:READ]
    told, too_large = _told(text)
    readings = read_headers(headers, now=now)
    wish, concurrent = _wish(text, headers, now), _CONCURRENT.search(text) is not None
    return Refusal(
        retry_after=_reset(readings) if wish is None and not concurrent else wish,
        readings=readings if told is None else (*readings, told),
        exhausted=_exhausted(text, told, readings),
        daily=(_kind(text)[1] or 0) >= _DAY or _DAILY.search(text) is not None,
        too_large=too_large,
        concurrent=concurrent or None,
    )


def tells_full(message: str) -> bool:
    """Whether an error's text says that a server is full, which is a refusal, though its status may be a failure's."""
    return _FULL.search(message[:READ]) is not None


def _wish(text: str, headers: Mapping[str, str], now: float | None) -> float | None:
    wish = retry_after(headers, now=now)
    if wish is None and (said := _AGAIN.search(text)):
        wish = duration(said[1].rstrip("."))
    return wish


def _reset(readings: tuple[Reading, ...]) -> float | None:
    """When that is back of which nothing is left; a reset of 0 is one that was rounded."""
    return max((reading.reset for reading in readings if reading.remaining == 0 and reading.reset), default=None)


def _told(text: str) -> tuple[Reading | None, bool]:
    """The limit that a text names, and whether the request alone is larger."""
    used, requested = _amount(_USED, text), _amount(_REQUESTED, text)
    limit = _limit(text, alone=used is None and requested is None)
    too_large = "request too large" in text.lower()
    unit, window = _kind(text)
    if unit is None or limit is None or not 0 < limit <= MOST:
        return None, too_large
    too_large = too_large or (requested is not None and requested > limit)
    reading = Reading(unit=unit, limit=limit, window=window)
    if used is None:
        return reading, too_large
    return replace(reading, remaining=max(0.0, limit - used)), too_large


def _amount(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return number(found[1].replace(",", "")) if found else None


def _limit(text: str, *, alone: bool) -> float | None:
    """The limit; where it stands alone, only beside its unit: texts speak of other limits, too."""
    for found in islice(_LIMIT.finditer(text), _FIRST_FEW):
        if not alone or _is_beside_a_unit(text, found):
            return number(found[1].replace(",", ""))
    return None


def _is_beside_a_unit(text: str, found: re.Match[str]) -> bool:
    for unit in (*islice(_PER.finditer(text), _FIRST_FEW), *islice(_SHORT.finditer(text), _FIRST_FEW)):
        first, last = sorted((unit.span(), found.span()))
        if _NEAR.fullmatch(text, first[1], last[0]):
            return True
    return False


def _kind(text: str) -> tuple[Unit | None, float | None]:
    """Which unit a text speaks of, and a window of how many seconds."""
    if said := _PER.search(text):
        return "tokens" if said[1].lower().startswith("token") else "requests", _WINDOWS[said[2].lower()]
    if short := _SHORT.search(text):
        return _LETTERS[short[1][0]], _LETTER_WINDOWS[short[1][2]]
    return None, None


def _exhausted(text: str, told: Reading | None, readings: tuple[Reading, ...]) -> Unit | None:
    """Which limit refused: the one that the text names, else the only one of which nothing is left."""
    if told is not None:
        return told.unit
    unit, _ = _kind(text)
    if unit is None and not readings and _RATE.search(text) and not _DAILY.search(text):
        return "tokens" if _TOKENS.search(text) else "requests"
    empty = [reading.unit for reading in readings if reading.remaining == 0]
    return unit or (empty[0] if len(empty) == 1 else None)
