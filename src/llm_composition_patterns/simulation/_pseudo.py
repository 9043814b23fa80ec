"""Text that is plainly not translated, and yet behaves like a translation.

Pseudo-localisation is the practice of people who prepare software for other languages: letters get accents, the text
grows by about a third and is marked, so that whatever breaks with real translations breaks already with these. Here
the mark names the language: `[es] Štôôrm Blùùé jààçkéét`. It stands before the text only, so that a unit, an address
or a placeholder at the end still ends there. What a translator would keep is kept: numbers with their units,
placeholders, tags, addresses, codes, acronyms, and names. Chinese, Japanese and Korean have no letters for accents: of
each of their characters a syllable is made, so that none is left where another language was asked for.
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
_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
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
    rf"\w+[™®©]|(?<!\w)[A-Za-z]+[a-z][A-Z][^\W{_CJK}]*",  # names that show it
])  # fmt: skip
_WORD = r"[^\W\d_]+"
_CODE_WORD = rf"(?<![^\W{_CJK}])(?=[^\W\d{_CJK}]*\d)[^\W{_CJK}]+(?![^\W{_CJK}])"
_SPELLED = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_MARKS = {
    "\uff0c": ",", "\u3001": ",", "\u3002": ".", "\uff1b": ";", "\uff1a": ":", "\uff1f": "?", "\uff01": "!",
    "\uff08": "(", "\uff09": ")", "\u300a": "\u201c", "\u300b": "\u201d", "\u300c": "\u201c", "\u300d": "\u201d",
}  # fmt: skip
"""The punctuation of Chinese and Japanese, and what it is elsewhere."""

_BLANK_AFTER = frozenset(",.;:?!)")
_BLANK_BEFORE = frozenset("(\u201c")
_CONSONANTS, _VOICES = "bdfgklmnprstvz", "aeiou"
_OWN_SCRIPT = frozenset({"zh", "ja", "ko"})


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
    spells = tag.split("-")[0] not in _OWN_SCRIPT

    def write(found: re.Match[str]) -> str:
        word, mark = found["word"], found["mark"]
        if mark is not None:
            return _spelled_mark(found) if spells else mark
        if word is None:
            return found[0]
        if spells and not word.isascii():
            return _spelled(found, accents)
        return _changed(word, accents)

    changed = parts.sub(write, body)
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
    return re.compile(f"{kept}|(?P<word>{_WORD})|(?P<mark>[{''.join(_MARKS)}])")


def _is_one_address(body: str, parts: re.Pattern[str]) -> bool:
    found = parts.fullmatch(body)
    return found is not None and found.lastgroup is None and body[0] in "{<%&⟦`hw" and not body[0].isupper()


@lru_cache(maxsize=64)
def _accents(tag: str) -> dict[int, str]:
    """The accented letter for each letter, one choice for each language."""
    chosen = {letter: accents[number_of(tag, letter) % len(accents)] for letter, accents in _VARIANTS.items()}
    both = chosen | {letter.upper(): accent.upper() for letter, accent in chosen.items()}
    return {ord(letter): accent for letter, accent in both.items()}


def _changed(word: str, accents: dict[int, str]) -> str:
    return _grown(word).translate(accents)


def _spelled(found: re.Match[str], accents: dict[int, str]) -> str:
    """A word with syllables for its Chinese, Japanese and Korean characters, apart from what it touches."""
    parts = [
        " ".join(_syllables(part)) if re.match(f"[{_CJK}]", part) else _changed(part, accents)
        for part in _SPELLED.findall(found[0])
    ]
    before, after = found.string[: found.start()][-1:], found.string[found.end() : found.end() + 1]
    left = " " if before.isalnum() or before in {"\u27e7", "%", "\u300b", "\u300d"} else ""
    right = " " if after.isalnum() or after == "\u27e6" else ""
    return f"{left}{' '.join(parts)}{right}"


def _syllables(characters: str) -> list[str]:
    """Two characters to a word."""
    sounds = [
        _CONSONANTS[code % len(_CONSONANTS)] + _VOICES[code // len(_CONSONANTS) % len(_VOICES)]
        for code in map(ord, characters)
    ]
    return ["".join(sounds[place : place + 2]) for place in range(0, len(sounds), 2)]


def _spelled_mark(found: re.Match[str]) -> str:
    mark = _MARKS[found[0]]
    before, after = found.string[: found.start()][-1:], found.string[found.end() : found.end() + 1]
    if mark in _BLANK_BEFORE:
        return (" " if before.isalnum() else "") + mark
    return mark + (" " if mark in _BLANK_AFTER and (after.isalnum() or after == "\u27e6") else "")


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
