"""Which vectors the baseline compares: an embedding model's where one is installed, else words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final, NamedTuple

from llm_composition_patterns.console import say

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
    """What `--vectors` means here.

    Raises:
        ConfigurationError: The files of the embedding model are not those that were published.
    """
    if choice == "words" or find_spec("numpy") is None:
        return WORDS
    from .. import minilm  # noqa: PLC0415 - NumPy is an extra

    if minilm.missing():
        return WORDS
    files = minilm.checked_files()

    def embedded(texts: Sequence[str]) -> list[Vector]:
        say(f"embedding {len(texts):,} reports with {minilm.NAME}; --vectors words is quicker")
        rows = minilm.MiniLm(files).vectors(texts).tolist()
        return [{str(place): value for place, value in enumerate(row)} for row in rows]

    return Vectors(minilm.NAME, embedded)
