"""The catalog of products, and the part of a product that is translated."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ...errors import ConfigurationError
from ._files import packaged

ALL = "all"
FILE = "products.json"


class Texts(BaseModel):
    """The texts of a product that are translated; everything else stays as it is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    available_colors: list[str] | None
    product_features: list[str] | None
    fabric_details: list[str] | None
    other_details: list[str] | None

    def fields(self) -> dict[str, list[str]]:
        """The texts that there are, by field."""
        return {field: texts for field in type(self).model_fields if (texts := getattr(self, field))}


class Details(BaseModel):
    """What the catalog says of a product."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    product_name: str | None = None
    available_colors: list[str] | None = None
    product_features: list[str] | None = None
    fabric_details: list[str] | None = None
    other_details: list[str] | None = None

    @property
    def texts(self) -> Texts:
        """The part that is translated."""
        return Texts.model_validate({field: getattr(self, field) for field in Texts.model_fields})

    def translated(self, texts: Texts) -> Details:
        """The same product with other texts."""
        return self.model_copy(update={field: getattr(texts, field) for field in Texts.model_fields})


class Product(BaseModel):
    """One product of the catalog."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    product_id: int
    extracted_data: Details

    @property
    def name(self) -> str:
        """What it is called, where it is called anything."""
        return self.extracted_data.product_name or f"product {self.product_id} (no name)"

    @property
    def kind(self) -> str:
        """What sort of thing it is, such as `jackets`."""
        return str((self.extracted_data.model_extra or {}).get("category_id") or "")

    @property
    def price(self) -> str:
        """What it costs, where it is sold."""
        return str((self.extracted_data.model_extra or {}).get("price") or "not sold")

    @property
    def facts(self) -> list[str]:
        """What the catalog says of it, a sentence each."""
        details = self.extracted_data
        return [*(details.product_features or ()), *(details.fabric_details or ()), *(details.other_details or ())]


def load(path: Path | None = None) -> dict[int, Product]:
    """The products by their ids, from the packaged catalog or from a file of the same shape.

    Raises:
        ConfigurationError: There is no such file, it is no catalog, there is no product in it, or one twice.
    """
    source = path or packaged(FILE)
    try:
        found: Any = json.loads(source.read_text(encoding="utf-8"))
        products = TypeAdapter(list[Product]).validate_python(found)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no catalog at {source}; install the package again, or check out data/"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{source} is no catalog of products: {_reason(error)}") from error
    if not products:
        raise ConfigurationError(f"{source} is no catalog of products: it is empty; add a product")
    by_id: dict[int, Product] = {}
    for number, product in enumerate(products, start=1):
        if by_id.setdefault(product.product_id, product) is not product:
            known = f"product_id {product.product_id} was there already"
            raise ConfigurationError(f"{source} is no catalog of products: record {number}: {known}")
    return by_id


@cache
def catalog() -> Mapping[int, Product]:
    """The packaged catalog, which is read once: call it before the event loop runs, and it does not block it.

    Raises:
        ConfigurationError: As from `load`.
    """
    return MappingProxyType(load())


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    first = error.errors(include_url=False)[0]
    record, *field = first["loc"] or ("",)
    if not isinstance(record, int):
        return first["msg"]
    where = f"record {record + 1}" + (f", {'.'.join(map(str, field))}" if field else "")
    return f"{where}: {first['msg']}"


def select(catalog: dict[int, Product], words: Sequence[str]) -> list[Product]:
    """The products that ids or `all` mean, each once.

    Raises:
        ConfigurationError: There is no such product.
    """
    if ALL in words:
        return list(catalog.values())
    named = [_product(catalog, word) for word in words]
    return list({product.product_id: product for product in named}.values())


def _product(catalog: dict[int, Product], word: str) -> Product:
    try:
        return catalog[int(word)]
    except (ValueError, KeyError):
        raise ConfigurationError(
            f"unknown product {reprlib.repr(word)}; the catalog has {min(catalog)} to {max(catalog)}, or say {ALL}"
        ) from None
