"""Texts as vectors in which those that say the same lie in the same direction: TF-IDF. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

Vector: TypeAlias = Mapping[str, float]

_WORD: Final = re.compile(r"[a-z][a-z0-9-]+")
_ENDINGS: Final = re.compile(r"(?<=[a-z]{4})(?:ing|ed|es|s)$")
_LEAST: Final = 2
"""Texts that a word must be in: one that is in a single text says nothing of others."""


def vectors(texts: Sequence[str]) -> list[Vector]:
    """A vector of length 1 for each text: words and pairs of words, those that few texts have weighing more."""
    counted = [Counter(_terms(text)) for text in texts]
    texts_with = Counter(term for counts in counted for term in counts)
    weight = {term: math.log(len(texts) / number) + 1.0 for term, number in texts_with.items() if number >= _LEAST}
    return [
        scaled({term: (1 + math.log(count)) * weight[term] for term, count in counts.items() if term in weight})
        for counts in counted
    ]


def scaled(vector: Vector) -> Vector:
    """The vector of length 1 in the same direction."""
    length = math.sqrt(sum(value * value for value in vector.values()))
    return {term: value / length for term, value in vector.items()} if length else vector


def total(many: Iterable[Vector]) -> dict[str, float]:
    """The sum of vectors."""
    summed: dict[str, float] = {}
    for vector in many:
        for term, value in vector.items():
            summed[term] = summed.get(term, 0.0) + value
    return summed


def product(one: Vector, other: Vector) -> float:
    """How far two vectors point the same way, times their lengths."""
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    return sum(value * large.get(term, 0.0) for term, value in small.items())


def _terms(text: str) -> list[str]:
    words = [_ENDINGS.sub("", word) for word in _WORD.findall(text.lower())]
    return words + [f"{one} {other}" for one, other in pairwise(words)]
