"""Text that is plainly not translated, and yet behaves like a translation.

Pseudo-localisation is the practice of people who prepare software for other languages: letters get accents, the text
grows by about a third and is marked, so that whatever breaks with real translations breaks already with these. Here
the mark names the language: `[es] Štôôrm Blùùé jààçkéét`. It stands before the text only, so that a unit, an address
or a placeholder at the end still ends there. What a translator would keep is kept: numbers with their units,
placeholders, tags, addresses, codes, acronyms, and names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from ._chance import number_of

GENERIC = "xx"
"""The marker of a language that nobody named."""

_VARIANTS = {
    "a": "áàâäãå", "c": "çćč", "e": "éèêëę", "i": "íìîï", "n": "ñńň", "o": "óòôöõø", "s": "śšş", "u": "úùûü", "y": "ýÿ",
    "z": "źžż",
}  # fmt: skip
"""Enough letters to be seen, few enough to be read."""

_VOWELS = frozenset("aeiouAEIOU")
_GROWTH = 0.3

_UNITS = (
    "fl oz|oz|lbs?|kg|mg|g/m²|gsm|grams?|g|mm|cm|km|ml|mL|inches|inch|in|feet|foot|ft|yards?|mph|mAh|kWh|[kMGT]?Hz|"
    "[KMGT]B|°[CF]|%|deniers?|liters?|litres?|pounds?|ounces?|hours?|h|min|[mlLDKWVJ]"
)
_KEPT = "|".join([
    r"(?:https?://|www\.)[^\s<>\"']+",  # addresses
    r"[\w.+-]+@[\w-]+\.[\w.-]+",
    r"\{\{[^{}]*\}\}|\$\{[^{}]*\}|\{[^{}\s]*\}",  # placeholders
    r"%\([^()]*\)[a-zA-Z]|(?<![\d])%(?:\d+\$)?[-+0]?\d*(?:\.\d+)?[sdifgxc@](?!\w)",
    r"⟦[^⟦⟧]*⟧",
    r"</?[A-Za-z][^<>]*>|<!--.*?-->|&#?\w+;",  # tags and entities
    r"`[^`\n]*`",  # code
    rf"[$€£¥]?\d+(?:[.,:/\xd7x]\d+)*(?:[\s-]?(?:{_UNITS})(?![\w²]))?\+?",  # numbers with their units
    r"(?<!\w)[A-Z][A-Z0-9&-]{1,5}(?!\w)",  # acronyms
    r"\w+[™®©]|(?<!\w)[A-Za-z]+[a-z][A-Z]\w*",  # names that show it
])  # fmt: skip
_CODE_WORD = r"(?<!\w)(?=[^\W\d]*\d)\w+(?!\w)"
_WORD = r"[^\W\d_]+"


def pseudo_translate(text: str, language: str | None = None, *, protected: Collection[str] = ()) -> str:
    """`text` as if it were in `language` (a BCP-47 tag); unchanged when it has nothing to translate.

    Args:
        text: What to translate.
        language: The tag to mark it with; None for a marker of no language.
        protected: Words that are kept as they are.
    """
    body = text.strip()
    parts = _parts(tuple(sorted(protected, key=len, reverse=True)))
    if not any(character.isalpha() for character in body) or _is_one_address(body, parts):
        return text
    tag = language or GENERIC
    accents = _accents(tag)
    changed = parts.sub(lambda found: found[0] if found["word"] is None else _changed(found[0], accents), body)
    start = text.index(body)
    return f"{text[:start]}[{tag}] {changed}{text[start + len(body) :]}"


def protected_words(instructions: Iterable[str]) -> tuple[str, ...]:
    """What instructions say to keep: `Do not translate "Ridgeline"`, `keep the names Alta and Ridge Line`."""
    sentences = [sentence for text in instructions for sentence in _KEEP.findall(text)]
    quoted = [word for sentence in sentences for word in _QUOTED.findall(sentence)]
    listed = [names for sentence in sentences for names in _NAMED.findall(sentence)]
    named = [name for names in listed for name in re.split(r",\s*(?:and\s+)?|\s+(?:and|or)\s+", names)]
    return tuple(dict.fromkeys([*quoted, *named]))


_KEEP = re.compile(
    r"(?:(?:do\s+not|don't|never|not)\s+(?:be\s+)?(?:translate|change|alter|localize)|keep|leave|preserve)[^.!?\n]*[^\n]*",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?:names?|brands?)\s+([A-Z][\w'\u2019-]*(?:(?:,\s*and|,|\s+and|\s+or)?\s+[A-Z][\w'\u2019-]*)*)")
_QUOTED = re.compile(r"[\"“`]([^\"“”`\n]{1,80})[\"”`]")


@lru_cache(maxsize=64)
def _parts(protected: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in protected)
    kept = f"(?:{names}|{_KEPT}|{_CODE_WORD})" if names else f"(?:{_KEPT}|{_CODE_WORD})"
    return re.compile(f"{kept}|(?P<word>{_WORD})")


def _is_one_address(body: str, parts: re.Pattern[str]) -> bool:
    found = parts.fullmatch(body)
    return found is not None and found["word"] is None and body[0] in "{<%&⟦`hw" and not body[0].isupper()


@lru_cache(maxsize=64)
def _accents(tag: str) -> dict[int, str]:
    """The accented letter for each letter, one choice for each language."""
    chosen = {letter: accents[number_of(tag, letter) % len(accents)] for letter, accents in _VARIANTS.items()}
    both = chosen | {letter.upper(): accent.upper() for letter, accent in chosen.items()}
    return {ord(letter): accent for letter, accent in both.items()}


def _changed(word: str, accents: dict[int, str]) -> str:
    return _grown(word).translate(accents)


def _grown(word: str) -> str:
    """The word with some of its vowels doubled."""
    missing = round(len(word) * _GROWTH)
    letters = []
    for letter in word:
        letters.append(letter)
        if missing and letter in _VOWELS:
            letters.append(letter.lower())
            missing -= 1
    return "".join(letters)
