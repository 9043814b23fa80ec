"""What the brand says of itself."""

from __future__ import annotations

from ._files import packaged_text

_FOR_PEOPLE = ("For translators", "Before and after")


def brand_voice() -> str:
    """How the brand writes, without what only its translators need, and without examples of how it does not."""
    return "\n## ".join(part for part in _sections("brand_voice.md") if not part.startswith(_FOR_PEOPLE)).strip()


def about_us() -> str:
    """The company: where, who, how."""
    return packaged_text("about_us.md")


def lifetime_guarantee() -> str:
    """What is repaired, what is replaced, and how."""
    return packaged_text("lifetime_guarantee.md")


def sales_pitches() -> dict[int, str]:
    """Six pitches of 75 to 100 words, by the ids of their products."""
    _, *pitches = _sections("sales_pitches.md")
    return {_product_of(heading): text.strip() for heading, _, text in (part.partition("\n") for part in pitches)}


def _product_of(heading: str) -> int:
    return int(heading.rpartition("(product ")[2].rstrip(")"))


def _sections(name: str) -> list[str]:
    """What comes before the first heading, and each section with its heading."""
    return packaged_text(name).split("\n## ")
