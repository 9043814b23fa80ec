"""Shares of a batch: each item is in exactly one, the same one each time, whatever other items there are. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal shares of a batch, by the keys of its items.

    ```python
    shard = Shard.parse("3/20")
    await run_batch(step, (item for item in items if shard.keeps(item.id)), store="shard-3.db", key=...)
    ```

    A key is in the same share on every machine and in every version of Python.

    Attributes:
        number: Which share, from 1.
        of: How many there are.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(
                f"{self.number}/{self.of} is no share; give its number, from 1, and how many there are, as 3/20"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a share as it is written on command lines: `3/20`.

        Raises:
            ValueError: It is none.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if found is None:
            raise ValueError(f"{text!r} is no share; give its number, from 1, and how many there are, as 3/20")
        return cls(int(found[1]), int(found[2]))

    def keeps(self, key: str) -> bool:
        """Whether the item with this key is in the share."""
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
