"""The languages that products are translated into: English names and BCP-47 tags."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass

from ....errors import ConfigurationError, did_you_mean

DEFAULT = ("spanish", "french", "german")


@dataclass(frozen=True, slots=True)
class Language:
    """A language to translate into.

    Attributes:
        name: Its English name in lower case, as results are keyed by.
        tag: Its BCP-47 tag.
    """

    name: str
    tag: str

    @property
    def slug(self) -> str:
        """The name as one word, for the names of spans."""
        return "_".join(re.findall(r"\w+", self.name)).lower()

    @property
    def title(self) -> str:
        """The name as prose writes it."""
        name, variant, tag = self.name.partition(" (")
        return name.title() + variant + tag

    @property
    def in_full(self) -> str:
        """The name and the tag, as a translator is told."""
        return self.title if self.name.endswith(f"({self.tag})") else f"{self.title} ({self.tag})"


KNOWN = tuple(
    Language(name, tag)
    for name, tag in (
        ("arabic", "ar"), ("basque", "eu"), ("bengali", "bn"), ("brazilian portuguese", "pt-BR"), ("bulgarian", "bg"),
        ("canadian french", "fr-CA"), ("catalan", "ca"), ("chinese", "zh"), ("croatian", "hr"), ("czech", "cs"),
        ("danish", "da"), ("dutch", "nl"), ("estonian", "et"), ("finnish", "fi"), ("french", "fr"),
        ("galician", "gl"), ("german", "de"), ("greek", "el"), ("hebrew", "he"), ("hindi", "hi"),
        ("hungarian", "hu"), ("icelandic", "is"), ("indonesian", "id"), ("irish", "ga"), ("italian", "it"),
        ("japanese", "ja"), ("korean", "ko"), ("latvian", "lv"), ("lithuanian", "lt"), ("malay", "ms"),
        ("mexican spanish", "es-MX"), ("norwegian", "nb"), ("persian", "fa"), ("polish", "pl"), ("portuguese", "pt"),
        ("romanian", "ro"), ("russian", "ru"), ("serbian", "sr"), ("simplified chinese", "zh-Hans"), ("slovak", "sk"),
        ("slovenian", "sl"), ("spanish", "es"), ("swahili", "sw"), ("swedish", "sv"), ("swiss german", "de-CH"),
        ("tagalog", "tl"), ("tamil", "ta"), ("thai", "th"), ("traditional chinese", "zh-Hant"), ("turkish", "tr"),
        ("ukrainian", "uk"), ("urdu", "ur"), ("vietnamese", "vi"), ("welsh", "cy"),
    )
)  # fmt: skip

_VARIANT = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?")
"""A BCP-47 tag in lower case: the language, a script, a region."""

_BY_WORD = {word: language for language in KNOWN for word in (language.name, language.tag.lower())}


def language(word: str) -> Language:
    """The language that a name or a tag means, in any case, with `_` or `-` for a blank.

    Raises:
        ConfigurationError: It is not known; the message lists those that are.
    """
    plain = word.strip().lower()
    for spelled in (plain, plain.replace("_", "-"), plain.replace("_", " ").replace("-", " ")):
        if spelled in _BY_WORD:
            return _BY_WORD[spelled]
    if variant := _variant(plain.replace("_", "-")):
        return variant
    known = ", ".join(f"{known.name} ({known.tag})" for known in KNOWN)
    meant = did_you_mean(plain, _BY_WORD)
    raise ConfigurationError(f"unknown language {reprlib.repr(word)}{meant}; known are {known}, and variants as fr-BE")


def _variant(tag: str) -> Language | None:
    """The language of a tag that names a script or a region too, if the language itself is known."""
    found = _VARIANT.fullmatch(tag)
    if found is None or found[1] not in _BY_WORD:
        return None
    script, region = found[2], found[3]
    parts = [found[1], *([script.title()] if script else []), *([region.upper()] if region else [])]
    return Language(f"{_BY_WORD[found[1]].name} ({'-'.join(parts)})", "-".join(parts))


def languages(words: Iterable[str]) -> list[Language]:
    """The languages that words mean, each once, in the order of their first mention."""
    return list(dict.fromkeys(language(word) for word in words))
