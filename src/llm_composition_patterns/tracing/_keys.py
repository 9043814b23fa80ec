"""API keys, which are never written: those that are in use are known by their value, others by how they look.

A provider may quote the key that it was sent, and a program may have it among what it gives to a step. A key once used
is known until the process ends: what quotes it may be written long after.
"""

from __future__ import annotations

import re
import threading
from typing import Final

REDACTED: Final = "__REDACTED__"
_SHORTEST: Final = 8
"""Characters that a key has at least; what is shorter is a placeholder, and may be an ordinary word."""

_LOOKS_LIKE_ONE: Final = re.compile(
    r"\b(?:sk|gsk|pk|rk|xai|hf)[-_][\w-]{16,}|(?<=\bbearer )[\w.~+/=-]{8,}", re.IGNORECASE
)
_lock: Final = threading.Lock()
_in_use: tuple[str, ...] = ()
"""The longest first, because one may begin with another; never changed in place, because any thread reads it."""


def know_key(key: str) -> None:
    """Never write this key from now on."""
    global _in_use  # noqa: PLW0603 - what is written by one model may quote another's key
    if len(key) >= _SHORTEST:
        with _lock:
            _in_use = tuple(sorted({*_in_use, key}, key=len, reverse=True))


def without_known_keys(text: str) -> str:
    """The text without the keys that are in use; the same object where none is in it."""
    for key in _in_use:
        if key in text:
            text = text.replace(key, REDACTED)
    return text


def without_keys(text: str) -> str:
    """The text without the keys that are in use, and without what looks like one."""
    return _LOOKS_LIKE_ONE.sub(REDACTED, without_known_keys(text))
