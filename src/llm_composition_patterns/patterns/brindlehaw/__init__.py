"""What the examples work on: the catalog of Brindlehaw, an invented outdoor brand, and what it says of itself."""

from ._products import ALL, Details, Product, Texts, catalog, load, select
from ._search import find_products
from ._writings import about_us, brand_voice, lifetime_guarantee, sales_pitches

__all__ = [
    "ALL",
    "Details",
    "Product",
    "Texts",
    "about_us",
    "brand_voice",
    "catalog",
    "find_products",
    "lifetime_guarantee",
    "load",
    "sales_pitches",
    "select",
]
