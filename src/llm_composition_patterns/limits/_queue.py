"""Who is served next: fair between groups.

Groups take turns, one item each, however many each has waiting: a job of 20 beside a job of 1,000 gets every second
turn. Inside a group it is first come, first served, but retries come before what has not been tried yet: they have
waited before, and to finish what was begun keeps fewer calls open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairQueue(Generic[T]):
    """Items that wait in groups. Every operation takes the same time, however many wait."""

    __slots__ = ("_groups", "_size")

    def __init__(self) -> None:
        self._groups: OrderedDict[Hashable, _Group[T]] = OrderedDict()  # in the order of their turns
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        """All items, group by group."""
        for group in self._groups.values():
            yield from group.retries
            yield from group.fresh

    def push(self, group: Hashable, item: T, *, retry: bool = False) -> None:
        """Let an item wait, behind its group's others; a retry behind its group's other retries."""
        line = self._groups.get(group)
        if line is None:
            line = self._groups[group] = _Group()
        (line.retries if retry else line.fresh)[item] = None
        self._size += 1

    def peek(self) -> T | None:
        """Who is next; None when nobody waits."""
        if not self._size:
            return None
        line = next(iter(self._groups.values()))
        return next(iter(line.retries or line.fresh))

    def pop(self) -> T:
        """Take out who is next; the turn goes on to the next group."""
        group, line = next(iter(self._groups.items()))
        item, _ = (line.retries or line.fresh).popitem(last=False)
        self._size -= 1
        if line.retries or line.fresh:
            self._groups.move_to_end(group)
        else:
            del self._groups[group]
        return item

    def remove(self, group: Hashable, item: T) -> None:
        """Take out an item that waits no longer; the turns stay as they are.

        Raises:
            KeyError: It does not wait.
        """
        line = self._groups[group]
        del (line.retries if item in line.retries else line.fresh)[item]
        self._size -= 1
        if not line.retries and not line.fresh:
            del self._groups[group]


class _Group(Generic[T]):
    """The items of one group that wait."""

    __slots__ = ("fresh", "retries")

    def __init__(self) -> None:
        self.retries: OrderedDict[T, None] = OrderedDict()
        self.fresh: OrderedDict[T, None] = OrderedDict()
