"""What is translated: each product of the catalog in each language, with a person's translation where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llm_composition_patterns.patterns.brindlehaw import Product, Texts
from llm_composition_patterns.patterns.parallelization.product_translation.languages import Language, languages

REFERENCES: Final = Path(__file__).parents[2] / "data" / "reference_translations.json"
LANGUAGES: Final = tuple(languages(("spanish", "french")))
"""Those that there are references in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One product to be translated into one language.

    Attributes:
        product: The product.
        language: The language.
        reference: How a person translated it, where one did.
    """

    product: Product
    language: Language
    reference: Texts | None

    @property
    def key(self) -> str:
        """The same in every run, so that a dataset that is written again has it once."""
        return f"{self.product.product_id}-{self.language.tag}"

    @property
    def source(self) -> Texts:
        """The texts to translate."""
        return self.product.extracted_data.texts


def cases(products: Iterable[Product]) -> list[Case]:
    """Each product that has texts, in each language; first those with a reference, which are read first."""
    known = references()
    found = [
        Case(product=product, language=language, reference=known.get((product.product_id, language.name)))
        for product in products
        if product.extracted_data.texts.fields()
        for language in LANGUAGES
    ]
    return sorted(found, key=lambda case: case.reference is None)


def references() -> Mapping[tuple[int, str], Texts]:
    """The translations that a person made, by product and language."""
    records: list[dict[str, Any]] = json.loads(REFERENCES.read_text(encoding="utf-8"))
    return {(one["product_id"], one["language"]): Texts.model_validate(one["texts"]) for one in records}
