"""A store that lasts as long as the process: for rehearsals, and for tests of what stands on stores."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from ..usage import NO_USAGE, Usage
from ._item import Item
from ._run_record import RunRecord
from ._states import FINISHED
from ._store import Recorded


class MemoryStore:
    """Keeps everything in dicts.

    Attributes:
        runs: What each run told last, by its number.
    """

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._values: dict[str, str] = {}
        self._steps: dict[str, dict[str, str]] = {}
        self._spent = NO_USAGE
        self._run = 0
        self.runs: dict[int, RunRecord] = {}

    async def begin(self) -> int:
        """Begin a run."""
        self._run += 1
        return self._run

    async def find(self, keys: Sequence[str], /) -> Mapping[str, Item]:
        """What is known of these items."""
        return {key: self._items[key] for key in keys if key in self._items}

    def put(self, item: Item, value: str | None = None, /, *, usage: Usage = NO_USAGE) -> asyncio.Future[None]:
        """Keep an item."""
        self._items[item.key] = item
        self._spent += usage
        if value is None:
            self._values.pop(item.key, None)
        else:
            self._values[item.key] = value
        if item.state == "succeeded":
            self._steps.pop(item.key, None)
        return _written()

    async def recall(self, item: str, key: str, /) -> str | None:
        """The result of a step inside an item."""
        return self._steps.get(item, {}).get(key)

    def keep(self, item: str, key: str, value: str, /, *, usage: Usage) -> asyncio.Future[None]:
        """Keep the result of a step inside an item."""
        self._steps.setdefault(item, {})[key] = value
        self._spent += usage
        return _written()

    def tell(self, record: RunRecord, /) -> asyncio.Future[None]:
        """Keep how far a run has come."""
        self.runs[record.run] = record
        return _written()

    async def running(self) -> Sequence[Item]:
        """The items that are running."""
        return [item for item in self._items.values() if item.state == "running"]

    async def counts(self) -> Mapping[str, int]:
        """How many items are in each state."""
        return Counter(item.state for item in self._items.values())

    async def repeated(self) -> Sequence[str]:
        """The keys of items that may have been paid twice."""
        return [item.key for item in self._items.values() if item.repeated]

    async def spent(self) -> Usage:
        """What all runs used."""
        return self._spent

    async def page(self, after: int, count: int, /) -> Sequence[tuple[int, Recorded]]:
        """The next finished items behind a place."""
        found = [
            (place, Recorded(item, self._values.get(item.key)))
            for place, item in enumerate(self._items.values(), 1)
            if place > after and item.state in FINISHED
        ]
        return found[:count]

    async def aclose(self) -> None:
        """Nothing to let go of."""


def _written() -> asyncio.Future[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
