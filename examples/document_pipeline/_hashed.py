"""Hashed TF-IDF: vectors of words where no embedding model is installed. Equal words are found, equal meanings are not.

Each word has a place in the vector by its hash, so that no vocabulary has to be kept. How rare a word is, only the
whole collection knows: a vector holds how often its words occur, and `weighed` weighs those of a collection together.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIZE: Final = 4096

_WORD: Final = re.compile(r"\w+")
_LEAST: Final = 2

Array = NDArray[np.float32]


class Hashed:
    """Counts words."""

    def vectors(self, texts: Sequence[str]) -> Array:
        """How often each word occurs in each text, on a logarithmic scale."""
        vectors = np.zeros((len(texts), SIZE), np.float32)
        for row, text in enumerate(texts):
            for word, times in Counter(words(text)).items():
                vectors[row, zlib.crc32(word.encode()) % SIZE] += 1 + math.log(times)
        return vectors


def words(text: str) -> list[str]:
    """The words of a text, without accents and endings of plurals."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    found = _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))
    return [word.removesuffix("s") if len(word) > _LEAST + 1 else word for word in found if len(word) >= _LEAST]


def weighed(vectors: Array, collection: Array) -> Array:
    """The vectors with rare words weighed up, by how many of the collection have them, and of length 1."""
    holding = (collection > 0).sum(axis=0)
    rarity = np.log((1 + len(collection)) / (1 + holding)) + 1
    made = vectors * rarity
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    result: Array = (made / np.maximum(lengths, 1e-12)).astype(np.float32)
    return result
