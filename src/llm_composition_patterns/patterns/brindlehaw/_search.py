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
    """The products that share the rarest words with a question, best first; none where no word is shared."""
    catalog = {product.product_id: product for product in products}
    words = {number: frozenset(_words(_text(product))) for number, product in catalog.items()}
    spread = Counter(word for those in words.values() for word in those)
    asked = frozenset(_words(question))
    scores = {number: sum(log(1 + len(catalog) / spread[word]) for word in asked & words[number]) for number in catalog}
    ranked = sorted((number for number in catalog if scores[number]), key=lambda number: (-scores[number], number))
    return [catalog[number] for number in ranked[:most]]


def _text(product: Product) -> str:
    details = product.extracted_data
    category = str((details.model_extra or {}).get("category_id", ""))
    texts = [text for field in details.texts.fields().values() for text in field]
    return " ".join([product.name, category, *texts])


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[^\W\d_]+|\d+", text.lower()):
        if len(word) >= _SHORTEST and word not in _COMMON:
            yield word.removesuffix("s")
