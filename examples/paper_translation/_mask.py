"""Puts tokens such as `⟦M1⟧` in the place of what must not be translated, and back again.

Each token stands for one piece and is used once. A text has no double bracket left after masking but those of its
tokens (one that was there already is a piece itself), so every one in an answer is a token, or a damaged one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ._scan import spans


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with tokens, and what each of them stands for."""

    text: str
    pieces: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to translate: no letter outside of the tokens."""
        return not any(character.isalpha() for character in TOKEN.sub("", self.text))


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with the tokens of an answer."""

    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    mangled: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.doubled or self.unknown or self.mangled)

    def __str__(self) -> str:
        parts = (
            ("missing", self.missing),
            ("more than once", self.doubled),
            ("not in the source", self.unknown),
            ("damaged", self.mangled),
        )
        return "; ".join(f"{what}: {', '.join(tokens)}" for what, tokens in parts if tokens)


TOKEN: Final = re.compile(r"⟦[A-Z][1-9]\d*⟧")
_LOOSE: Final = re.compile(r"(?:⟦|\[\[|【|〚|\[)\s*([A-Za-z])\s*(\d+)\s*(?:⟧|\]\]|】|〛|\])|(?:\S{0,8}[⟦⟧]\S{0,8})")


def mask(text: str, *, first: int = 1) -> Masked:
    """Put tokens in the place of what is kept.

    Args:
        text: Any text.
        first: The number of the first token, for texts that are sent together.
    """
    parts: list[str] = []
    pieces: dict[str, str] = {}
    place = 0
    for span in spans(text):
        token = f"⟦{span.kind}{first + len(pieces)}⟧"
        pieces[token] = text[span.start : span.end]
        parts += [text[place : span.start], token]
        place = span.end
    return Masked("".join([*parts, text[place:]]), pieces)


def unmask(text: str, pieces: Mapping[str, str]) -> str:
    """Put the pieces back; tokens that stand for none stay."""
    return TOKEN.sub(lambda found: pieces.get(found[0], found[0]), text)


def damage(text: str, pieces: Mapping[str, str]) -> Damage:
    """What is wrong with the tokens in `text`, which should have each of `pieces` once."""
    found = Counter(TOKEN.findall(text))
    missing = tuple(token for token in pieces if not found[token])
    return Damage(
        missing=missing,
        doubled=tuple(token for token in pieces if found[token] > 1),
        unknown=tuple(token for token in found if token not in pieces),
        mangled=tuple(_mangled(TOKEN.sub(" ", text), set(missing))) if missing or "⟦" in text or "⟧" in text else (),
    )


def _mangled(rest: str, missing: set[str]) -> list[str]:
    """What looks like a token and is none; of other brackets only what would be one that is missing."""
    return [
        found[0].strip()
        for found in _LOOSE.finditer(rest)
        if "⟦" in found[0] or "⟧" in found[0] or f"⟦{found[1].upper()}{int(found[2])}⟧" in missing
    ]
