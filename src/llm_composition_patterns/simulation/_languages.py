"""Which language a request wants its translation in."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LANGUAGES = """
    ar Arabic | bg Bulgarian | bn Bengali | ca Catalan | cs Czech | cy Welsh | da Danish | de German | el Greek
    en English | es Spanish | et Estonian | eu Basque | fa Persian | fa Farsi | fi Finnish | fr French | ga Irish
    gl Galician | he Hebrew | hi Hindi | hr Croatian | hu Hungarian | id Indonesian | is Icelandic | it Italian
    ja Japanese | ko Korean | lt Lithuanian | lv Latvian | ms Malay | nb Norwegian | nl Dutch | pl Polish
    pt Portuguese | ro Romanian | ru Russian | sk Slovak | sl Slovenian | sr Serbian | sv Swedish | sw Swahili
    ta Tamil | th Thai | tl Filipino | tl Tagalog | tr Turkish | uk Ukrainian | ur Urdu | vi Vietnamese | zh Chinese
    zh Mandarin | zh-Hans Simplified Chinese | zh-Hant Traditional Chinese | zh-Hans Chinese (Simplified)
    zh-Hant Chinese (Traditional) | pt-BR Brazilian Portuguese | pt-BR Portuguese (Brazil)
    pt-PT European Portuguese | pt-PT Portuguese (Portugal) | es-MX Mexican Spanish | es-MX Spanish (Mexico)
    es-ES European Spanish | es-ES Spanish (Spain) | fr-CA Canadian French | fr-CA French (Canada)
    de-CH Swiss German | en-GB British English | en-US American English
"""

_ROWS = [row.split(None, 1) for row in _LANGUAGES.replace("\n", "|").split("|") if row.strip()]
TAGS = {" ".join(name.lower().split()): tag for tag, name in _ROWS}
"""The BCP-47 tag of each language, by its English name in lower case."""

_KNOWN = frozenset(tag.split("-")[0] for tag in TAGS.values()) | {"no"}
_WORDS_TOO = frozenset({"he", "hi", "id", "is", "it", "no", "ms"})
"""Tags that are also English words, and so count as tags in quotes or after `language:` only."""

_NAME = "(?:" + "|".join(re.escape(name) for name in sorted(TAGS, key=len, reverse=True)) + r")(?!\w)"
_TAG = r"[a-z]{2}(?:[-_](?:[a-z]{4}|[a-z]{2}|\d{3}))*(?![\w-])"
_QUOTE = r"[\"'`*(<\[]*"

_TARGETS = [
    re.compile(rf"(?<!\w)(?:in)?to\s+[^\W\d][\w -]{{0,40}}\(({_TAG})\)", re.IGNORECASE),
    re.compile(rf"(?<!\w)(?:in)?to\s+(?:the\s+)?(?:language\s+)?{_QUOTE}({_NAME})", re.IGNORECASE),
    re.compile(
        rf"(?<!\w)(?:target|output|to)?[_\s-]*(?:language|locale|lang)(?:\s+(?:code|tag))?{_QUOTE}[\"'`]?\s*(?:[:=]|is)\s*{_QUOTE}"
        rf"({_NAME}|{_TAG})",
        re.IGNORECASE,
    ),
    re.compile(rf"(?<!\w)(?:in)?to\s+{_QUOTE}({_TAG})", re.IGNORECASE),
    re.compile(rf"(?<!\w)in\s+{_QUOTE}({_NAME})", re.IGNORECASE),
    re.compile(rf"(?<!\w)(?<!from )({_NAME})\s+(?:translat|version|locali)", re.IGNORECASE),
    re.compile(rf"(?:translat|locali[sz])[^.\n]{{0,80}}?(?<!\w)(?<!from )({_NAME})", re.IGNORECASE),
]
_QUOTED = re.compile(r"[\"'`(\[:=]\s*$")


def target_language(texts: Iterable[str]) -> str | None:
    """The BCP-47 tag of the language that `texts` ask for, the surest sign first; None when none names one."""
    sources = list(texts)
    for pattern in _TARGETS:
        for text in sources:
            for found in pattern.finditer(text):
                tag = _tag_of(found)
                if tag is not None:
                    return tag
    return None


def _tag_of(found: re.Match[str]) -> str | None:
    written = found[1]
    named = TAGS.get(" ".join(written.lower().split()))
    if named is not None:
        return named
    tag = canonical(written)
    if tag.split("-")[0] not in _KNOWN:
        return None
    is_word = tag in _WORDS_TOO and not _QUOTED.search(found.string[found.start() : found.start(1)])
    return None if is_word else tag


def canonical(tag: str) -> str:
    """A BCP-47 tag in its usual writing: `pt_br` is `pt-BR`, `ZH-hant` is `zh-Hant`."""
    language, *rest = tag.replace("_", "-").split("-")
    return "-".join([language.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])  # noqa: PLR2004
