"""Cuts a paper into segments: what one call translates.

A segment has as many whole paragraphs as fit, 1,200 to 1,800 tokens; a paragraph that is longer is cut between
sentences. The title, the abstract, the subjects and the creators are a segment of their own, the first one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ._body import paragraphs
from ._mask import Masked, mask
from ._records import Paper

LEAST: Final = 1_200
MOST: Final = 1_800
"""Tokens of a segment, as far as they can be told without the model's own tokenizer."""

CONTEXT: Final = 300
"""Characters of the paragraph before that are sent along."""

Field = Literal["title", "abstract", "subjects", "creators", "body"]

_WIDE: Final = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_SENTENCE: Final = re.compile(r"(?<=[\u3002\uff01\uff1f\uff1b])|(?<=[.!?;]\s)|(?<=\n)")
_LETTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Unit:
    """One text of a paper, or a part of a long one.

    Attributes:
        field: What it is.
        index: Which one of them it is: which paragraph, which subject.
        masked: The text, with tokens for what is not translated.
    """

    field: Field
    index: int
    masked: Masked


@dataclass(frozen=True, slots=True)
class Segment:
    """Units that are translated by one call, with what comes before them."""

    number: int
    units: tuple[Unit, ...]
    context: str = ""


def tokens(text: str) -> int:
    """About how many tokens a text has: one for each Chinese character, one for four other letters."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + _LETTERS_PER_TOKEN - 1) // _LETTERS_PER_TOKEN


def segments(paper: Paper) -> list[Segment]:
    """The segments of a paper, in order; texts without a word are in none."""
    body = paragraphs(paper.body_text)
    groups = [_front(paper), *_grouped([*_units(body)])]
    found: list[Segment] = []
    for group in groups:
        if group:
            first = group[0]
            before = body[first.index - 1][-CONTEXT:] if first.field == "body" and first.index else ""
            found.append(Segment(len(found), _numbered(group), before))
    return found


def _front(paper: Paper) -> list[Unit]:
    texts: list[tuple[Field, Sequence[str]]] = [
        ("title", (paper.title,)),
        ("abstract", (paper.abstract,)),
        ("subjects", paper.subjects),
        ("creators", paper.creators),
    ]
    units = [Unit(field, index, mask(text)) for field, given in texts for index, text in enumerate(given)]
    return [unit for unit in units if not unit.masked.is_empty]


def _units(body: Sequence[str]) -> Iterator[Unit]:
    for index, text in enumerate(body):
        masked = mask(text)
        if not masked.is_empty:
            yield from (Unit("body", index, part) for part in _parts(masked))


def _parts(masked: Masked) -> list[Masked]:
    """A paragraph, cut between sentences where it is longer than a segment."""
    if tokens(masked.text) <= MOST:
        return [masked]
    parts, part, size = [], "", 0
    for sentence in _sentences(masked.text):
        length = tokens(sentence)
        if part and size + length > MOST:
            parts.append(part)
            part, size = "", 0
        part, size = part + sentence, size + length
    parts.append(part)
    return [Masked(text, {token: piece for token, piece in masked.pieces.items() if token in text}) for text in parts]


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text; what has no end for too long is cut, though never in a token."""
    for sentence in _SENTENCE.split(text):
        rest = sentence
        while tokens(rest) > MOST:
            cut = MOST
            opened = rest.rfind("⟦", 0, cut)
            cut = opened if opened > 0 and rest.find("⟧", opened) >= cut else cut
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _grouped(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    group: list[Unit] = []
    size = 0
    for unit in units:
        length = tokens(unit.masked.text)
        if group and (size >= LEAST or size + length > MOST):
            yield group
            group, size = [], 0
        group.append(unit)
        size += length
    if group:
        yield group


def _numbered(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units with tokens that no other one of the segment has."""
    numbered, first = [], 1
    for unit in units:
        renamed = {token: f"{token[:2]}{first + place}⟧" for place, token in enumerate(unit.masked.pieces)}
        text = re.sub(r"⟦[A-Z]\d+⟧", lambda found, names=renamed: names[found[0]], unit.masked.text)  # type: ignore[misc]
        pieces = {renamed[token]: piece for token, piece in unit.masked.pieces.items()}
        numbered.append(replace(unit, masked=Masked(text, pieces)))
        first += len(renamed)
    return tuple(numbered)
