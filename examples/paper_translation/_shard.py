"""Shares of an archive: each paper is in exactly one, the same one each time, whatever else the archive has."""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `of` shares, from 1."""

    number: int
    of: int

    def has(self, key: str) -> bool:
        """Whether an entry is in this share."""
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def shard(text: str) -> Shard:
    """Read `3/20`, as the `type` of an argument."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give its number and how many there are, as 3/20")
    return Shard(int(found[1]), int(found[2]))
