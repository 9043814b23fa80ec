"""Checks of a translation that need no reference. A finding is a sentence for whoever looks at the paper."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ._languages import Language, another_language
from ._mask import TOKEN, damage
from ._numbers import missing_numbers

RESIDUE: Final = 0.001
"""The share of characters that may be left in the script of the source."""

SHORTEST: Final = 0.4
LONGEST: Final = 2.5
"""How long a translation is, against what is usual for its languages."""

_PER_CHARACTER: Final = 3.0
"""So many letters say what one Chinese character says."""

_COMPARED: Final = 60
_REPEATED_WORDS: Final = 6
_REPEATED_TIMES: Final = 4
_SAME_WORDS: Final = 5


def findings(
    source: str, translated: str, *, spoken: Language, wanted: Language, glossary: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong with the translation of a text; both have their tokens still."""
    if not translated.strip():
        yield "it is empty"
        return
    if wrong := damage(translated, dict.fromkeys(TOKEN.findall(source), "")):
        yield f"tokens {wrong}"
    if missing := missing_numbers(source, translated):
        yield f"numbers are missing: {', '.join(missing[:5])}"
    plain, before = TOKEN.sub(" ", translated), TOKEN.sub(" ", source)
    yield from _of_language(before, plain, spoken, wanted)
    yield from _of_length(before, plain)
    yield from _of_repetition(before, plain)
    if source.count("|") > 3 and source.count("|") != translated.count("|"):  # noqa: PLR2004 - a table has more
        yield f"the table has {translated.count('|')} bars and not {source.count('|')}"
    unused = [term for term, word in glossary.items() if term in source and word.lower() not in translated.lower()]
    if unused:
        yield f"the glossary was not followed for {', '.join(unused[:5])}"


def _of_language(source: str, translated: str, spoken: Language, wanted: Language) -> Iterator[str]:
    letters = sum(not character.isspace() for character in translated)
    if _is_same(source, translated):
        yield "it was not translated"
    elif spoken.script != wanted.script and letters:
        left = spoken.count(translated)
        if left > RESIDUE * letters:
            yield f"{left} characters are still {spoken.name} ({left / letters:.1%})"
    if (other := another_language(translated, wanted)) is not None:
        yield f"it is in {other}, not in {wanted.name}"


def _is_same(source: str, translated: str) -> bool:
    words = re.findall(r"[^\W\d_]+", source)
    return source.split() == translated.split() and (len(words) >= _SAME_WORDS or not source.isascii())


def _of_length(source: str, translated: str) -> Iterator[str]:
    usual = _weight(source)
    if usual < _COMPARED:
        return
    share = _weight(translated) / usual
    if not SHORTEST <= share <= LONGEST:
        yield f"it is {share:.1f} times as long as is usual"


def _weight(text: str) -> float:
    wide = len(re.findall(r"[\u3040-\u9fff\uac00-\ud7af]", text))
    return wide * _PER_CHARACTER + (len(text) - wide)


def _of_repetition(source: str, translated: str) -> Iterator[str]:
    """Where a model goes round in circles, which the source did not."""
    words = re.findall(r"\w+", translated.lower())
    runs = Counter(tuple(words[place : place + _REPEATED_WORDS]) for place in range(len(words) - _REPEATED_WORDS + 1))
    if not runs:
        return
    run, times = runs.most_common(1)[0]
    if times >= _REPEATED_TIMES and times > 2 * _most_repeated(source):
        yield f"it says {times} times: {' '.join(run)}"


def _most_repeated(source: str) -> int:
    letters = re.sub(r"\s+", "", source)
    runs = Counter(letters[place : place + _REPEATED_WORDS] for place in range(len(letters) - _REPEATED_WORDS + 1))
    return max(runs.values(), default=0)
