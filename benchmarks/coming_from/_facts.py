"""What the server knows of tickets, letters and reviews, and what the tasks must come to therefore."""

from __future__ import annotations

import re

TOO_LONG = (13, 77)
"""Tickets that are refused with 400, as one that is longer than the context."""
NEVER_VALID = 150
"""The ticket whose answer fits no schema, however often it is asked for."""


def number(word: str, asked: str, otherwise: int = -1) -> int:
    """The number of the ticket, letter or review that is asked about."""
    found = re.search(rf"{word} (\d+):", asked)
    return int(found[1]) if found else otherwise


def ruling(review: int, *, dissenting: bool = False) -> str:
    """What most judges say of a review."""
    return "hold back" if (review % 4 == 0) != dissenting else "publish"
