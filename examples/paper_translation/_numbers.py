"""Numbers in texts, compared by value: `3.5 万` is 35,000, and `3 月` is March."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(
    r"(?<![A-Za-z\d.])\d+(?:,\d{3})*(?:\.\d+)?(?:\s?([\u767e\u5343\u4e07\u4ebf]{1,2}))?"
    r"(?:[ -](hundred|thousand|million|billion|trillion)\b)?(\s?\u6708)?",
    re.IGNORECASE,
)
_SOME: Final = {"\u767e": 100, "\u5343": 1000}
_MANY: Final = {"\u4e07": 10**4, "\u4ebf": 10**8}
_LARGE: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SMALL: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_TOKEN: Final = re.compile(r"⟦[^⟦⟧]*⟧")


def missing_numbers(source: str, translated: str) -> list[str]:
    """The numbers of a text that its translation has not, as the text writes them; tokens are no numbers."""
    source, translated = _TOKEN.sub(" ", source), _TOKEN.sub(" ", translated)
    there = [_meant(found) for found in _NUMBER.finditer(translated)]
    words = set(re.findall(r"[A-Za-z]+", translated.lower()))
    missing = []
    for found in _NUMBER.finditer(source):
        plain = _value(found[0])
        wanted = {*_meant(found), plain}  # a word for its size may be one that is not known here
        met = next((values for values in there if not wanted.isdisjoint(values)), None)
        if met is not None:
            there.remove(met)
        elif not _is_spelled(found, plain, words):
            missing.append(found[0].strip())
    return missing


def _meant(found: re.Match[str]) -> set[Decimal]:
    """What a number may mean: `3.5 万` is 35,000 only, but in `5 千米` the thousand is the unit's."""
    value, signs = _value(found[0]), found[1] or ""
    large = value * _LARGE[found[2].lower()] if found[2] else value
    for sign in signs:
        large *= _SOME.get(sign) or _MANY[sign]
    return {large} if found[2] or _MANY.keys() & set(signs) else {large, value}


def _is_spelled(found: re.Match[str], value: Decimal, words: set[str]) -> bool:
    """Whether a word says the number: a month, or a small one."""
    if value != int(value):
        return False
    month = found[3] is not None and 1 <= value <= len(_MONTHS) and _MONTHS[int(value) - 1].lower() in words
    return month or (value < len(_SMALL) and _SMALL[int(value)] in words)


def _value(text: str) -> Decimal:
    digits = re.match(r"[\d,.]+", text)
    assert digits is not None  # noqa: S101 - it begins with a digit
    return Decimal(digits[0].replace(",", "").rstrip("."))
