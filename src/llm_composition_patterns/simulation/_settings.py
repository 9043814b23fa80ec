"""Checks of settings: each raises a ValueError that begins with the name of the setting and shows the repair."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from ..errors import did_you_mean

MOST = 10**9
"""More than anybody counts: whatever is meant to be without limit is left out instead."""


def check_number(name: str, value: Any, *, least: float = 0.0, most: float = math.inf, above: bool = False) -> None:
    """`value` is a number from `least` (or `above` it) to `most`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (least < value if above else least <= value) or value > most:
        wanted = f"above {least:g}" if above else f"of {least:g} or more"
        limit = f" and at most {most:g}" if most < math.inf else ""
        raise ValueError(f"{name} must be a number {wanted}{limit}, not {value!r}")


def check_whole(name: str, value: Any, *, least: int) -> None:
    """`value` is a whole number from `least` to `MOST`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}")
    if value > MOST:
        raise ValueError(f"{name} must be a whole number of at most {MOST:,}; leave it out for no limit")


def check_truth(name: str, value: Any) -> None:
    """`value` is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")  # noqa: TRY004 - one kind of error


def check_choice(name: str, value: Any, known: Iterable[str]) -> None:
    """`value` is one of the known words."""
    words = list(known)
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}{did_you_mean(value, words)}")


def check_pattern(name: str, value: Any) -> None:
    """`value` is a regular expression."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a regular expression as a string, not {value!r}")  # noqa: TRY004 - one kind
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{name} must be a regular expression: {value!r} is none ({error})") from error


def check_words(name: str, value: Any) -> None:
    """`value` is a tuple of strings that are not empty."""
    if not isinstance(value, tuple) or not all(isinstance(word, str) and word for word in value):
        raise ValueError(f"{name} must be a tuple of strings, such as ('a', 'b')")


def check_instance(name: str, value: Any, kind: type) -> None:
    """`value` is a `kind`, or None."""
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}(...), not {value!r}")
