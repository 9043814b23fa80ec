"""`merge_stores`: the stores of the shards of a batch, joined into one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from ..errors import BatchError
from ..usage import NO_USAGE
from ._joined import Spending, is_further, joined_item, joined_spending, read_spending, spending, write_spending
from ._lock import StoreLock
from ._run_record import further
from ._sqlite_file import Fingerprint, connected, differences, read_fingerprint, read_only, unusable
from ._sqlite_rows import (
    IDENTITY,
    OTHERS,
    RUNS,
    SPENT,
    find_items,
    item_row,
    put_item,
    read_fact,
    read_recorded,
    read_runs,
    write_fact,
    write_run,
)
from ._store import Recorded
from ._store_status import StoreStatus, read_status
from ._usage_text import read_usage, write_usage

_PAGE: Final = 64
"""Values that are in memory at once."""


def merge_stores(into: str | os.PathLike[str], stores: Sequence[str | os.PathLike[str]]) -> StoreStatus:
    """Join stores of one batch into one, which is made if it is missing and else has what it had.

    Of an item that several know, the one is kept that has come further; what was spent is counted once for each store.
    So the same stores can be merged again, also when they have gone on meanwhile. All are merged or none is, and they
    are only read. The call blocks: in a coroutine, use `asyncio.to_thread`.

    Args:
        into: The store that has everything afterwards. A run of the batch can go on with it.
        stores: Those that are joined.

    Returns:
        How far the batch has come, all in all.

    Raises:
        BatchError: A store is missing, no batch, another batch than the others, or in use; or `into` cannot be written.
    """
    target, sources = Path(into), _distinct(stores)
    if os.path.realpath(target) in map(os.path.realpath, sources):
        raise BatchError(f"{target} cannot be merged into itself: name the stores of the shards after it")
    with ExitStack() as stack:
        for source in sources:
            if not source.is_file():
                raise BatchError(f"there is no store {source}: nothing was merged")
            stack.callback(StoreLock.kept_still(source).release)
        fingerprint = _one_fingerprint(sources)
        stack.callback(StoreLock.taken(target).release)
        is_new = not target.exists() or target.stat().st_size == 0
        if not is_new:
            _one_fingerprint([target, sources[0]])
        try:
            _join(target, fingerprint, sources)
        except BaseException:
            if is_new:
                _remove(target)
            raise
    return read_status(target)


def _distinct(stores: Sequence[str | os.PathLike[str]]) -> list[Path]:
    if not stores:
        raise ValueError("merge_stores needs one store at least to merge")
    return list({os.path.realpath(store): Path(store) for store in stores}.values())


def _one_fingerprint(stores: Sequence[Path]) -> Fingerprint:
    """What batch all the stores hold."""
    first, *others = stores
    wanted = _fingerprint(first)
    for store in others:
        if (known := _fingerprint(store)) != wanted:
            raise BatchError(
                f"{store} holds another batch than {first}: {differences(known, wanted)}. Nothing was merged: name "
                "stores of one batch, whose shards were all run with the same settings"
            )
    return wanted


def _fingerprint(store: Path) -> Fingerprint:
    with _reading(store) as db:
        return read_fingerprint(db, store)


def _join(target: Path, fingerprint: Fingerprint, sources: Sequence[Path]) -> None:
    """Add everything in one transaction."""
    with closing(connected(target, fingerprint, force=False)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
            for source in sources:
                with _reading(source) as other:
                    _add_items(db, _paged(other, source))
                    _add_steps(db, other)
                    _add_facts(db, other, source)
            db.execute("DELETE FROM steps WHERE item IN (SELECT key FROM items WHERE state = 'succeeded')")
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise unusable(target, error) from error


def _add_items(db: sqlite3.Connection, pages: Iterator[list[Recorded]]) -> None:
    for page in pages:
        there = find_items(db, [recorded.item.key for recorded in page])
        for found, value in ((recorded.item, recorded.value) for recorded in page):
            known = there.get(found.key)
            if known is None:
                put_item(db, item_row(found), value)
            elif (item := joined_item(known, found)) != known:
                put_item(db, item_row(item), value if is_further(found, known) else None)


def _add_steps(db: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """Keep what was paid inside items that are not finished."""
    db.executemany("INSERT OR IGNORE INTO steps VALUES (?, ?, ?)", other.execute("SELECT item, key, value FROM steps"))


def _add_facts(db: sqlite3.Connection, other: sqlite3.Connection, source: Path) -> None:
    """Count what was spent, each store's once, and the runs, so that the next one has a number of its own."""
    own = read_fact(db, IDENTITY) or ""
    parts = joined_spending(_spending(db), _spending(other, source))
    write_fact(db, OTHERS, write_spending({store: usage for store, usage in parts.items() if store != own}))
    write_fact(db, SPENT, write_usage(sum(parts.values(), NO_USAGE)) or "{}")
    _add_runs(db, other)
    write_fact(db, RUNS, str(max(int(read_fact(part, RUNS) or 0) for part in (db, other))))


def _add_runs(db: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """Keep what the runs told, each its last word."""
    known = {(run.job, run.record.run): run.record for run in read_runs(db)}
    for run in read_runs(other):
        record = further(known.get((run.job, run.record.run)), run.record)
        write_run(db, run._replace(record=record))


def _spending(db: sqlite3.Connection, path: Path | None = None) -> Spending:
    store = read_fact(db, IDENTITY)
    if store is None:
        raise BatchError(f"{path} has no name of its own yet: run its batch once more with this version, then merge")
    return spending(store, read_usage(read_fact(db, SPENT)), read_spending(read_fact(db, OTHERS)))


@contextmanager
def _reading(store: Path) -> Iterator[sqlite3.Connection]:
    with closing(read_only(store, still=True)) as db:
        yield db


def _paged(db: sqlite3.Connection, source: Path) -> Iterator[list[Recorded]]:
    try:
        rows = read_recorded(db)
        while page := list(islice(rows, _PAGE)):
            yield page
    except sqlite3.Error as error:
        raise unusable(source, error) from error


def _remove(store: Path) -> None:
    """Leave nothing of a store that was only begun."""
    for ending in ("", "-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)
