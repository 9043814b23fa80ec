"""The languages that papers are in, with what tells each of them from others."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from llm_composition_patterns import ConfigurationError

_SCRIPTS: Final = {
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01\uff08\uff09\u300a\u300b",
    "japanese": "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u3001\u3002",
    "hangul": "\uac00-\ud7af\u1100-\u11ff",
    "cyrillic": "\u0400-\u04ff",
    "greek": "\u0370-\u03ff",
    "arabic": "\u0600-\u06ff",
    "hebrew": "\u0590-\u05ff",
    "devanagari": "\u0900-\u097f",
    "thai": "\u0e00-\u0e7f",
    "latin": "A-Za-z\u00c0-\u024f",
}


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        tag: As in BCP 47.
        name: In English.
        script: What it is written in.
    """

    tag: str
    name: str
    script: str = "latin"

    def count(self, text: str) -> int:
        """How many characters of its script a text has."""
        return len(re.findall(f"[{_SCRIPTS[self.script]}]", text))


_KNOWN: Final = (
    Language("zh", "Chinese", "han"),
    Language("ja", "Japanese", "japanese"),
    Language("ko", "Korean", "hangul"),
    Language("ru", "Russian", "cyrillic"),
    Language("uk", "Ukrainian", "cyrillic"),
    Language("el", "Greek", "greek"),
    Language("ar", "Arabic", "arabic"),
    Language("fa", "Persian", "arabic"),
    Language("he", "Hebrew", "hebrew"),
    Language("hi", "Hindi", "devanagari"),
    Language("th", "Thai", "thai"),
    Language("en", "English"),
    Language("de", "German"),
    Language("fr", "French"),
    Language("es", "Spanish"),
    Language("pt", "Portuguese"),
    Language("it", "Italian"),
    Language("nl", "Dutch"),
    Language("pl", "Polish"),
    Language("vi", "Vietnamese"),
)
_BY_WORD: Final = {word: one for one in _KNOWN for word in (one.tag, one.name.lower())}

_SMALL_WORDS: Final = {
    "en": "the of and to in is that for with are as on by we this which be from was it",
    "de": "der die das und ist in den von zu mit wird auf eine ein des im nicht sich als dem",
    "fr": "le la les des et est dans une un que pour par sur du nous avec ce qui sont au",
    "es": "el la los las y es en una un que por con para del se como son al lo nos",
    "pt": "o os as e em uma um que por com para do da se como dos das na no são",
    "it": "il lo gli e in una un che per con di della del si come sono al nel dei da",
    "nl": "de het een en van in is dat op te met voor zijn door niet aan wordt ook bij als",
}
_FEWEST_WORDS: Final = 20


def language(word: str) -> Language:
    """The language that a tag or an English name means.

    Raises:
        ConfigurationError: It is not known.
    """
    found = _BY_WORD.get(word.strip().lower())
    if found is None:
        known = ", ".join(f"{one.name} ({one.tag})" for one in _KNOWN)
        raise ConfigurationError(f"unknown language {word!r}; known are {known}")
    return found


def another_language(text: str, expected: Language) -> str | None:
    """The name of the language that a text is in, where its small words say that it is not the expected one."""
    if expected.tag not in _SMALL_WORDS:
        return None
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < _FEWEST_WORDS:
        return None
    times = Counter(words)
    counts = {tag: sum(times[word] for word in small.split()) for tag, small in _SMALL_WORDS.items()}
    best = max(counts, key=lambda tag: counts[tag])
    clear = counts[best] > 2 * counts[expected.tag] + 3 and counts[best] > len(words) / 10
    return _BY_WORD[best].name if clear else None
