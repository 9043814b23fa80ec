"""The seam to where a batch is kept: what a dispatcher asks of it, whatever is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..usage import NO_USAGE, Usage
from ._item import Item
from ._run_record import RunRecord


@dataclass(frozen=True, slots=True)
class Recorded:
    """An item with its value, as JSON; None where it has none."""

    item: Item
    value: str | None


class Store(Protocol):
    """Keeps items, their values, and the results of the steps inside them.

    What was written is there when its future is done, and survives whatever happens to the process from then on. All
    that is asked for is done in that order, also where nobody awaits its future: who has an answer knows that every
    write before it was made. Opened by its one dispatcher.

    A `BatchError` from any of these says why the store cannot be used any more; what it has is kept.
    """

    def begin(self) -> Awaitable[int]:
        """Begin a run: its number, from 1."""
        ...

    def find(self, keys: Sequence[str], /) -> Awaitable[Mapping[str, Item]]:
        """What is known of the items with these keys; those nobody has reached yet are left out."""
        ...

    def put(self, item: Item, value: str | None = None, /, *, usage: Usage = NO_USAGE) -> asyncio.Future[None]:
        """Write an item in place of what is known of it, with its value, and what is to be added to what was spent.

        Of one that has succeeded the results of the steps inside it are forgotten: its value has them.
        """
        ...

    def recall(self, item: str, key: str, /) -> Awaitable[str | None]:
        """The result of a step inside an item, as JSON; None where there is none."""
        ...

    def keep(self, item: str, key: str, value: str, /, *, usage: Usage) -> asyncio.Future[None]:
        """Write the result of a step inside an item, and what is to be added to what was spent."""
        ...

    def tell(self, record: RunRecord, /) -> asyncio.Future[None]:
        """Write how far a run has come, in place of what it told before."""
        ...

    def running(self) -> Awaitable[Sequence[Item]]:
        """The items that are running, as far as the store knows."""
        ...

    def counts(self) -> Awaitable[Mapping[str, int]]:
        """How many items are in each state that there is."""
        ...

    def repeated(self) -> Awaitable[Sequence[str]]:
        """The keys of items that may have been paid twice, in the order in which they were first reached."""
        ...

    def spent(self) -> Awaitable[Usage]:
        """What all runs used, as far as that was recorded."""
        ...

    def page(self, after: int, count: int, /) -> Awaitable[Sequence[tuple[int, Recorded]]]:
        """The next finished items behind a place, each with its own, in the order in which they were reached."""
        ...

    async def aclose(self) -> None:
        """Write what was asked for, and let go."""
        ...
