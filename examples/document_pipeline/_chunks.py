"""Cuts the text of a document into chunks that a model can take, each with the pages that it is from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel, ConfigDict

from ._extract import Page

MOST: Final = 900
"""Characters of a chunk: about 200 tokens, so that none is cut off by an embedder that reads 256."""

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n")


class Chunk(BaseModel):
    """A part of a document.

    Attributes:
        number: From 1.
        first_page: Where it begins.
        last_page: Where it ends.
        text: Its words.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    first_page: int
    last_page: int
    text: str


def cut(pages: Iterable[Page], *, most: int = MOST) -> list[Chunk]:
    """The chunks of a document, whole paragraphs where they fit."""
    found: list[Chunk] = []
    held: list[tuple[int, str]] = []
    for page, text in _paragraphs(pages, most):
        if held and sum(len(one) + 2 for _, one in held) + len(text) > most:
            found.append(_chunk(len(found) + 1, held))
            held = []
        held.append((page, text))
    return [*found, _chunk(len(found) + 1, held)] if held else found


def _chunk(number: int, held: list[tuple[int, str]]) -> Chunk:
    text = "\n\n".join(text for _, text in held)
    return Chunk(number=number, first_page=held[0][0], last_page=held[-1][0], text=text)


def _paragraphs(pages: Iterable[Page], most: int) -> Iterator[tuple[int, str]]:
    for page in pages:
        for paragraph in page.text.split("\n\n"):
            for part in _parts(paragraph, most):
                yield page.number, part


def _parts(paragraph: str, most: int) -> Iterator[str]:
    """A paragraph, or whole sentences of one that is too long; a sentence that is too long is cut between words."""
    held = ""
    for sentence in _SENTENCE.split(paragraph):
        for piece in _pieces(sentence, most):
            if held and len(held) + 1 + len(piece) > most:
                yield held
                held = ""
            held = f"{held} {piece}" if held else piece
    if held:
        yield held


def _pieces(sentence: str, most: int) -> Iterator[str]:
    rest = sentence.strip()
    while len(rest) > most:
        place = rest.rfind(" ", 1, most)
        place = place if place > 0 else most
        yield rest[:place].rstrip()
        rest = rest[place:].lstrip()
    if rest:
        yield rest
