"""Which vectors the baseline compares: an embedding model's where one is installed, else words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final, NamedTuple

from llm_composition_patterns.console import say

from ..document_pipeline import _embed
from ._vectors import Vector, vectors

CHOICES: Final = ("auto", "words")


class Vectors(NamedTuple):
    """What makes vectors of texts.

    Attributes:
        name: As it is called in what is printed.
        of: Gives a vector of length 1 for each text.
    """

    name: str
    of: Callable[[Sequence[str]], list[Vector]]


WORDS: Final = Vectors("TF-IDF", vectors)


def chosen(choice: str) -> Vectors:
    """What `--vectors` means here."""
    if choice == "words" or find_spec("numpy") is None or _embed.chosen("auto") != "minilm":
        return WORDS
    return Vectors(_embed.MINILM, _embedded)


def _embedded(texts: Sequence[str]) -> list[Vector]:
    say(f"embedding {len(texts):,} reports with {_embed.MINILM}; --vectors words is quicker")
    rows = _embed.Embedder("minilm").vectors(texts).tolist()
    return [{str(place): value for place, value in enumerate(row)} for row in rows]
