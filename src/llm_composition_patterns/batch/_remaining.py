"""The items that are left to do: those of the source that the store does not know as finished."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Mapping,
    Sequence,
    Sized,
)
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ..errors import BatchError
from ._identity import is_whole
from ._item import Item
from ._states import FINISHED, State
from ._store import Store

LOOKED_UP: Final = range(32, 501)
"""How many items may be looked up at once; of a plain source twice as many are in memory beside those that run."""

Key = Callable[[Any], str]
Group = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be executed: the key of an item, and its input."""

    key: str
    input: Any


class Remaining:
    """Pulls items, and leaves out those that are finished.

    Args:
        items: The source; of a Mapping, its keys are the items' keys.
        key: What an item is known by; None for a Mapping.
        store: Where it is known.
        run: The number of this run.
        retry: The states in which a finished item is executed again.
        at_once: How many run at once; half as many are looked up together, within bounds.

    Attributes:
        total: How many items there are, or None while that is unknown.
        skipped: How many were finished already, by their state.
    """

    def __init__(
        self, items: Any, key: Key | None, store: Store, *, run: int, retry: Collection[State], at_once: int
    ) -> None:
        self._items = items
        self._key = key
        self._store = store
        self._run = run
        self._again = frozenset(retry)
        self._at_once = min(max(at_once // 2, LOOKED_UP[0]), LOOKED_UP[-1])
        self._open: dict[str, Item] = {}  # those that wait to be started
        self._before: set[str] = set()  # those that were given out when the store was asked of the next ones
        self.total = _length(items)
        self.skipped: Counter[State] = Counter()
        self._stopped = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Work]:
        """The items that are left, in the order of the source."""
        groups = self._plain() if isinstance(self._items, Iterable) else self._awaited(aiter(self._items))
        async with aclosing(groups):
            async for group, known in groups:
                for work in self._left(group, known):
                    if self._stopped.is_set():
                        return
                    yield work

    def _left(self, group: Group, known: Mapping[str, Item]) -> list[Work]:
        left = []
        for key, input in group:
            item = known.get(key) or Item(key=key)
            if item.run == self._run or key in self._open or key in self._before:
                raise BatchError(f"two items have the key {key!r}: a key must tell each item from all others")
            if item.state in self._again:
                item = item.asked_again()
            if item.state in FINISHED:
                self.skipped[item.state] += 1
            else:
                self._open[key] = item
                left.append(Work(key, input))
        self._before = {work.key for work in left}
        return left

    def stop(self) -> None:
        """Give no more."""
        self._stopped.set()

    def taken(self, key: str) -> Item:
        """What the store knows of an item, which is started now."""
        return self._open.pop(key)

    async def _plain(self) -> AsyncGenerator[tuple[Group, Mapping[str, Item]]]:
        """The items of a plain source; while one group is given out the store is asked of the next one."""
        groups, asked = self._groups(), None
        try:
            asked = self._asked(next(groups, ()))
            while asked is not None:
                group, looking = asked
                known = await looking
                asked = self._asked(next(groups, ()))
                yield group, known
        finally:
            if asked is not None:
                await _ended(asked[1])
            groups.close()

    def _groups(self) -> Generator[Group]:
        if isinstance(self._items, Mapping):
            pairs: Iterable[tuple[Any, Any]] = self._items.items()
        else:
            pairs = ((self._key_of(item), item) for item in self._items)
        source = iter(pairs)
        try:
            while group := [(self._checked(key), item) for key, item in islice(source, self._at_once)]:
                yield group
        finally:
            if inspect.isgenerator(self._items):
                self._items.close()

    def _asked(self, group: Group) -> tuple[Group, asyncio.Future[Mapping[str, Item]]] | None:
        return (group, asyncio.ensure_future(self._store.find([key for key, _ in group]))) if group else None

    async def _awaited(self, source: AsyncIterator[Any]) -> AsyncGenerator[tuple[Group, Mapping[str, Item]]]:
        """The items of a source that has to be waited for, until no more are wanted: what it gives at once together."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        pulled = asyncio.ensure_future(_pull(source))
        try:
            while not stopped.done():
                await asyncio.wait((pulled, stopped), return_when=asyncio.FIRST_COMPLETED)
                group: list[tuple[str, Any]] = []
                while len(group) < self._at_once and (found := _given(pulled)) is not None:
                    group.append((self._checked(self._key_of(found[0])), found[0]))
                    pulled = asyncio.ensure_future(_pull(source))
                    await asyncio.sleep(0)  # time to begin; a source that does not wait has given the next one then
                if group:
                    yield group, await self._store.find([key for key, _ in group])
                elif pulled.done() and pulled.result() is None:
                    return
        finally:
            try:
                await _ended(pulled)
            finally:
                await _ended(stopped)
                if inspect.isasyncgen(source):
                    await source.aclose()

    def _key_of(self, item: Any) -> Any:
        assert self._key is not None  # noqa: S101 - checked where it is given
        return self._key(item)

    def _checked(self, key: Any) -> str:
        if not isinstance(key, str) or not key:
            raise TypeError(
                f"the key of an item must be a str that is not empty, not {key!r}: key=lambda item: str(...)"
            )
        if not is_whole(key):
            raise TypeError(
                f"the key of an item must be text, and {key!r} has half a character: give os.fsencode(name).hex(), or "
                "another text that tells it from all others"
            )
        return key


def _length(items: object) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:
        return None  # a progress bar around a generator has a length only in name


async def _pull(source: AsyncIterator[Any]) -> tuple[Any] | None:
    try:
        return (await anext(source),)
    except StopAsyncIteration:
        return None


def _given(pulled: asyncio.Future[tuple[Any] | None]) -> tuple[Any] | None:
    """What was pulled; None where that is not known yet, or was the end or an error."""
    return None if not pulled.done() or pulled.cancelled() or pulled.exception() is not None else pulled.result()


async def _ended(task: asyncio.Future[Any]) -> None:
    """Let a task that is not done end, and wait for it."""
    if task.done():
        if not task.cancelled():
            task.exception()  # nobody wants it any more
        return
    reader = asyncio.current_task()
    before = reader.cancelling() if reader is not None else 0
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    if reader is not None and reader.cancelling() > before:
        raise asyncio.CancelledError
