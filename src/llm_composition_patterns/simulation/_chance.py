"""Chance that is no chance: numbers that follow from what they are drawn for, in every process the same."""

from __future__ import annotations

from hashlib import blake2b

_RANGE = 2**64


def draw(*reasons: object) -> float:
    """A number from 0 to 1 (excluded) that follows from `reasons`."""
    return number_of(*reasons) / _RANGE


def number_of(*reasons: object) -> int:
    """A whole number from 0 to 2**64 - 1 that follows from `reasons`."""
    text = "\x1f".join([str(reason) for reason in reasons])
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
