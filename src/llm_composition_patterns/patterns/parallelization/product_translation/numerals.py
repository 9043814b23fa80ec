"""Numbers in texts, compared by value: languages write the same number differently.

What stands between digits is a decimal mark in one language and groups thousands in another: `1,200` is `1.200` or
`1 200` elsewhere, and `4.3` is `4,3`. A source is English and is read as such. A translation may mean any of the
readings that its numerals have, and a number is missing where none of them is it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

_DECIMAL_MARKS = frozenset(".,\N{ARABIC DECIMAL SEPARATOR}")
_BETWEEN = ".,'\u2019\u066b\u066c\xa0\u2009\u202f"  # apostrophes, the Arabic marks, blanks that do not break
_IN_ENGLISH = re.compile(rf"\d+(?:[{_BETWEEN}]\d+)*")
_ANYWHERE = re.compile(rf"\d+(?:[{_BETWEEN}]\d+| \d{{3}}(?!\d))*")  # elsewhere a blank may group thousands too


def missing_numbers(source: str, translated: str) -> list[str]:
    """The numbers of an English text that its translation has not, as the text has them."""
    spellings = [found for numeral in _IN_ENGLISH.findall(source) for found in _in_english(numeral)]
    wanted = Counter(value for value, _ in spellings)
    for numeral in _ANYWHERE.findall(translated):
        wanted -= _meant(numeral, wanted)
    return [spelling for value, spelling in dict(spellings).items() for _ in range(wanted[value])]


def _in_english(numeral: str) -> Iterator[tuple[Decimal, str]]:
    """What an English text means by a numeral: one number, or several that nothing but a mark parts."""
    parts, marks = _taken_apart(numeral)
    if "." not in marks and (whole := _grouped(parts, marks)):
        yield Decimal(whole), numeral
    elif marks[-1:] == ["."] and (fraction := _with_fraction(parts, marks)):
        yield Decimal(fraction), numeral
    else:
        yield from ((Decimal(part), part) for part in parts)


def _meant(numeral: str, wanted: Counter[Decimal]) -> Counter[Decimal]:
    """The reading of a numeral that has the most of what is wanted."""
    readings = [*map(Counter, _readings(numeral))]
    if " " in numeral:
        apart: Counter[Decimal] = Counter()
        for piece in numeral.split(" "):
            apart += _meant(piece, wanted - apart)
        readings.append(apart)
    return max(readings, key=lambda reading: sum((reading & wanted).values()))


def _readings(numeral: str) -> Iterator[tuple[Decimal, ...]]:
    """What a numeral may mean somewhere: a whole number, one with a fraction, several numbers."""
    parts, marks = _taken_apart(numeral)
    for single in (_grouped(parts, marks), _with_fraction(parts, marks)):
        if single:
            yield (Decimal(single),)
    yield tuple(map(Decimal, parts))


def _taken_apart(numeral: str) -> tuple[list[str], list[str]]:
    return re.findall(r"\d+", numeral), re.findall(r"\D", numeral)


def _grouped(parts: Sequence[str], marks: Sequence[str]) -> str:
    """The digits of a whole number; empty where its marks do not group thousands (lakhs are groups of two)."""
    if not marks:
        return parts[0]
    first, *middle, last = parts
    fits = 1 <= len(first) <= 3 and all(2 <= len(part) <= 3 for part in middle) and len(last) == 3  # noqa: PLR2004 - digits
    return "".join(parts) if fits and len(set(marks)) == 1 else ""


def _with_fraction(parts: Sequence[str], marks: Sequence[str]) -> str:
    """A number whose last mark is the decimal one; empty where it cannot be."""
    if not marks or marks[-1] not in _DECIMAL_MARKS or marks[-1] in marks[:-1]:
        return ""
    whole = _grouped(parts[:-1], marks[:-1])
    return f"{whole}.{parts[-1]}" if whole else ""
