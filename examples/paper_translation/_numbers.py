"""Numbers in texts, compared by value: `3.5 万` is 35,000, and `3 月` is March."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"(?<![A-Za-z\d.])\d+(?:,\d{3})*(?:\.\d+)?(?:\s?([\u4e07\u4ebf\u5343\u767e]))?(\s?\u6708)?")
_TIMES: Final = {"\u767e": 100, "\u5343": 1000, "\u4e07": 10_000, "\u4ebf": 100_000_000}
_LARGE: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_IN_WORDS: Final = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)[ -](hundred|thousand|million|billion)\b", re.IGNORECASE)
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
    there = Counter(_value(found[0]) for found in _NUMBER.finditer(translated))
    there += Counter(_value(number) * _LARGE[word.lower()] for number, word in _IN_WORDS.findall(translated))
    words = set(re.findall(r"[A-Za-z]+", translated.lower()))
    missing = []
    for found in _NUMBER.finditer(source):
        readings = _readings(found)
        met = next((value for value in readings if there[value] > 0), None)
        if met is not None:
            there[met] -= 1
        elif not _is_spelled(found, readings[-1], words):
            missing.append(found[0].strip())
    return missing


def _readings(found: re.Match[str]) -> list[Decimal]:
    plain = _value(found[0])
    return [plain * _TIMES[found[1]], plain] if found[1] else [plain]


def _is_spelled(found: re.Match[str], value: Decimal, words: set[str]) -> bool:
    """Whether a word says the number: a month, or a small one."""
    if value != int(value):
        return False
    month = found[2] is not None and 1 <= value <= len(_MONTHS) and _MONTHS[int(value) - 1].lower() in words
    return month or (value < len(_SMALL) and _SMALL[int(value)] in words)


def _value(text: str) -> Decimal:
    digits = re.match(r"[\d,.]+", text)
    assert digits is not None  # noqa: S101 - it begins with a digit
    return Decimal(digits[0].replace(",", "").rstrip("."))
