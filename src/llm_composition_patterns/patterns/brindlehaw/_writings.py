"""What the brand says of itself."""

from __future__ import annotations

from ._files import packaged_text


def brand_voice() -> str:
    """How the brand writes."""
    return packaged_text("brand_voice.md")


def about_us() -> str:
    """The company: where, who, how."""
    return packaged_text("about_us.md")


def lifetime_guarantee() -> str:
    """What is repaired, what is replaced, and how."""
    return packaged_text("lifetime_guarantee.md")


def sales_pitches() -> str:
    """Six pitches of 75 to 100 words."""
    return packaged_text("sales_pitches.md")
