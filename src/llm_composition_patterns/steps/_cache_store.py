"""Where results are kept: the protocol, and a store in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from ._checks import check_count


class CacheStore(Protocol):
    """Keeps texts under keys. The contract suite in `tests/contract` says what each store must do."""

    async def get(self, key: str, /) -> str | None:
        """The text that was put last under this key, or None."""
        ...

    async def put(self, key: str, text: str, /) -> None:
        """Keep a text under a key, in place of what was there."""
        ...


class MemoryCache:
    """Keeps the results of `with_cache` in memory, for as long as the process runs.

    ```python
    embed = with_cache(embed_text, store=MemoryCache(max_entries=100_000))
    ```

    Args:
        max_entries: How many results are kept; then the one goes that was asked for the longest ago.

    Raises:
        TypeError: `max_entries` is no whole number.
        ValueError: `max_entries` is less than 1.
    """

    def __init__(self, *, max_entries: int = 10_000) -> None:
        check_count("max_entries", max_entries, least=1)
        self._most = max_entries
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()  # several event loops in as many threads may share it

    def __len__(self) -> int:
        """How many results are kept now."""
        return len(self._texts)

    async def get(self, key: str, /) -> str | None:
        """The text that was put last under this key, or None."""
        with self._lock:
            text = self._texts.get(key)
            if text is not None:
                self._texts.move_to_end(key)
            return text

    async def put(self, key: str, text: str, /) -> None:
        """Keep a text under a key, in place of what was there."""
        with self._lock:
            self._texts[key] = text
            self._texts.move_to_end(key)
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)
