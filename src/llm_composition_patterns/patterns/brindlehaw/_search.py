"""Looking products up by the words of a question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import log

from ._products import Product

_SHORTEST = 3
_COMMON = frozenset(
    ("and", "are", "can", "does", "for", "have", "how", "the", "this", "what", "which", "with", "you", "your")
)


def find_products(products: Iterable[Product], question: str, *, most: int = 3) -> list[Product]:
    """The products that share the rarest words with a question, best first; none where no word is shared.

    A word of a product's name or category counts twice.
    """
    catalog = {product.product_id: product for product in products}
    called = {number: frozenset(_words(_heading(product))) for number, product in catalog.items()}
    words = {number: called[number] | frozenset(_words(_text(product))) for number, product in catalog.items()}
    spread = Counter(word for those in words.values() for word in those)
    asked = frozenset(_words(question))

    def score(number: int) -> float:
        shared = [*(asked & words[number]), *(asked & called[number])]
        return sum(log(1 + len(catalog) / spread[word]) for word in shared)

    scores = {number: score(number) for number in catalog}
    ranked = sorted((number for number in catalog if scores[number]), key=lambda number: (-scores[number], number))
    return [catalog[number] for number in ranked[:most]]


def _heading(product: Product) -> str:
    return f"{product.name} {product.kind}"


def _text(product: Product) -> str:
    return " ".join(text for field in product.extracted_data.texts.fields().values() for text in field)


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[^\W\d_]+|\d+", text.lower()):
        if len(word) >= _SHORTEST and word not in _COMMON:
            yield word.removesuffix("s")
