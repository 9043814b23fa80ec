"""Checks of a translation that need no reference: what must not change has not changed.

A finding is a sentence for a person to read. It is no failure: a model may have had its reasons.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ...brindlehaw import Texts
from .numerals import missing_numbers

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{[^{}\s]+\}|%[sd]|</?[a-zA-Z][^<>]*>")
_UNIT = re.compile(
    r"(?<=[\d\s\u00a0\u202f(])(?:g|kg|gsm|oz|lb|mm|cm|m|L|K|D|%|°C|°F)(?=$|[\s.,;:)/\u00a0\u202f])|UPF|°F|°C|%"
)
_WORD = re.compile(r"[^\W\d_]{3,}")

SAME_WORDS = 4
"""So many words in a row that stayed the same were not translated; fewer may be a name."""


Check: TypeAlias = Literal["structure", "numbers", "units", "placeholders", "translated"]
"""What is looked at: whether everything is there, and what of it is kept, and whether it was translated at all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of a translation: it passed where it found nothing."""

    check: Check
    findings: tuple[str, ...]


def findings(source: Texts, translated: Texts) -> list[str]:
    """What is wrong with a translation, a sentence each; empty if nothing was found."""
    return [finding for _, finding in _findings(source, translated)]


def verdicts(source: Texts, translated: Texts) -> list[Verdict]:
    """What each check says of a translation."""
    found = list(_findings(source, translated))
    return [Verdict(check, tuple(text for its, text in found if its == check)) for check in get_args(Check)]


def _findings(source: Texts, translated: Texts) -> Iterator[tuple[Check, str]]:
    for field in Texts.model_fields:
        before, after = getattr(source, field), getattr(translated, field)
        if not before and not after:
            continue
        if not before or not after:
            yield "structure", f"{field} is {'missing' if before else 'invented'}"
        elif len(before) != len(after):
            yield "structure", f"{field} has {len(after)} entries instead of {len(before)}"
        else:
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from _of_text(f"{field}[{index}]", old, new)
    yield from _untranslated(source, translated)


def _of_text(place: str, before: str, after: str) -> Iterator[tuple[Check, str]]:
    if not after.strip():
        yield "structure", f"{place} is empty"
        return
    units, placeholders = _units(before) - _units(after), _placeholders(before) - _placeholders(after)
    missing_of: list[tuple[Check, str, Iterable[str]]] = [
        ("numbers", "number", missing_numbers(before, after)),
        ("units", "unit", units),
        ("placeholders", "placeholder", placeholders),
    ]
    for check, what, missing in missing_of:
        if missing:
            yield check, f"{place}: {what} {', '.join(missing)} is missing"


def _units(text: str) -> Counter[str]:
    return Counter(_UNIT.findall(text))


def _placeholders(text: str) -> Counter[str]:
    return Counter(_PLACEHOLDER.findall(text))


def _untranslated(source: Texts, translated: Texts) -> Iterator[tuple[Check, str]]:
    for field, before in source.fields().items():
        after = translated.fields().get(field, [])
        same = [
            text
            for text, new in zip(before, after, strict=False)
            if text == new and len(_WORD.findall(text)) >= SAME_WORDS
        ]
        if same:
            yield "translated", f"{field}: {same[0]!r} was not translated"
