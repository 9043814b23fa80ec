"""`retry_items`: items that failed, put back, so that the next run of their batch executes them again."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from ..errors import BatchError
from ._item import Item
from ._lock import StoreLock
from ._sqlite_file import Fingerprint, connected, read_fingerprint, read_only, unusable
from ._sqlite_rows import item_row, put_item, read_items
from ._states import AGAIN, State


def retry_items(
    store: str | os.PathLike[str],
    *,
    states: Collection[str] = ("failed",),
    kinds: Collection[str] = (),
    keys: Collection[str] = (),
) -> Mapping[str, int]:
    """Put failed items of a batch back, so that its next run executes them, without `retry=` and once.

    What the steps inside them have recorded is kept. The call blocks: in a coroutine, use `asyncio.to_thread`.

    Args:
        store: The batch's file.
        states: The states from which items are put back: `"failed"`, `"abandoned"`.
        kinds: The kinds of failure, as `"invalid_output"`, that are; none for all.
        keys: The items that are; none for all.

    Returns:
        How many were put back, by their kind of failure.

    Raises:
        BatchError: The file is missing, no batch or in use, or one of `keys` is in none of the states: nothing changes.
        ValueError: There is no such state.
    """
    wanted = [state for state in AGAIN if state in states]
    if isinstance(states, str) or not wanted or not set(states) <= set(AGAIN):
        raise ValueError(f"states must be some of {AGAIN}, such as ('failed',), not {states!r}")
    path = Path(store)
    known = _known(path)
    lock = StoreLock.taken(path)
    try:
        with closing(connected(path, known, force=False)) as db:
            return _put_back(db, path, wanted, frozenset(kinds), frozenset(keys))
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    finally:
        lock.release()


def _known(path: Path) -> Fingerprint:
    with closing(read_only(path)) as db:
        try:
            return read_fingerprint(db, path)
        except sqlite3.Error as error:
            raise unusable(path, error) from error


def _put_back(
    db: sqlite3.Connection, path: Path, states: Collection[State], kinds: Collection[str], keys: Collection[str]
) -> Mapping[str, int]:
    db.execute("BEGIN IMMEDIATE")
    items = [item for item in read_items(db, *states) if not keys or item.key in keys]
    if missing := set(keys) - {item.key for item in items}:
        named = ", ".join(map(repr, sorted(missing)))
        raise BatchError(f"{path} has no item {named} that is {' or '.join(states)}: nothing was put back")
    chosen = [item for item in items if not kinds or _kind(item) in kinds]
    for item in chosen:
        put_item(db, item_row(item.asked_again()), None)
    db.execute("COMMIT")
    return Counter(map(_kind, chosen))


def _kind(item: Item) -> str:
    return item.kind or "error"
