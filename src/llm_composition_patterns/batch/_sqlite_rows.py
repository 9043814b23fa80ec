"""What is said to a batch's file, once it is open: each a function of the connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from ._item import Item
from ._states import State
from ._store import Recorded
from ._usage_text import read_usage, write_usage

SPENT: Final = "spent"
"""The fact that has what all runs used."""

OTHERS: Final = "others"
"""The fact that has what each other store used that was merged into this one."""

IDENTITY: Final = "id"
"""The fact that has the name of the store itself, which no other one has."""

FINGERPRINT: Final = "fingerprint"
"""The fact that has what decides the results of the batch."""

RUNS: Final = "runs"
"""The fact that has how many runs there were."""

_COLUMNS: Final = tuple(field.name for field in fields(Item))
_PLAIN: Final = attrgetter(*(name for name in _COLUMNS if name != "usage"))  # which is the last of them
_ITEM: Final = ", ".join(f"items.{name}" for name in _COLUMNS)
_PUT: Final = (
    f"INSERT INTO items ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - names of our own
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_VALUE: Final = "INSERT OR REPLACE INTO results SELECT place, ? FROM items WHERE key = ?"
_WITH_VALUES: Final = (
    f"SELECT items.place, results.value, {_ITEM} FROM items "  # noqa: S608
    "LEFT JOIN results ON results.place = items.place AND items.state = 'succeeded' "
)
_PAGE: Final = (
    f"{_WITH_VALUES} WHERE items.place > ? AND items.state IN ('succeeded', 'failed', 'abandoned') "
    "ORDER BY items.place LIMIT ?"
)


def read_page(db: sqlite3.Connection, after: int, count: int) -> list[tuple[int, Recorded]]:
    """The next finished items behind a place, each with its own."""
    return [(row[0], Recorded(_item(row[2:]), row[1])) for row in db.execute(_PAGE, (after, count))]


def read_recorded(db: sqlite3.Connection) -> Iterator[Recorded]:
    """Every item that was reached, with its value, in the order in which they were."""
    return (Recorded(_item(row[2:]), row[1]) for row in db.execute(f"{_WITH_VALUES} ORDER BY items.place"))


def read_items(db: sqlite3.Connection, *states: State) -> Iterator[Item]:
    """The items in some states, in the order in which they were reached."""
    marks = ", ".join("?" * len(states))
    query = f"SELECT {_ITEM} FROM items WHERE state IN ({marks}) ORDER BY place"  # noqa: S608 - question marks
    return map(_item, db.execute(query, states))


def find_items(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Item]:
    """What is known of the items with these keys."""
    marks = ", ".join("?" * len(keys))
    query = f"SELECT {_ITEM} FROM items WHERE key IN ({marks})"  # noqa: S608 - question marks
    return {row[0]: _item(row) for row in db.execute(query, tuple(keys))}


def item_row(item: Item) -> tuple[Any, ...]:
    """An item as it is written."""
    return (*_PLAIN(item), write_usage(item.usage))


def put_item(db: sqlite3.Connection, row: tuple[Any, ...], value: str | None) -> None:
    """Write an item in place of what is known of it, with its value if it has one."""
    db.execute(_PUT, row)
    if value is not None:
        db.execute(_VALUE, (value, row[0]))


def read_counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many items are in each state that there is."""
    return dict(db.execute("SELECT state, COUNT(*) FROM items GROUP BY state"))


def read_kinds(db: sqlite3.Connection) -> dict[State, dict[str, int]]:
    """How many items have not succeeded for which kind of reason, by the state that they are in."""
    rows = db.execute(
        "SELECT state, kind, COUNT(*) FROM items WHERE kind IS NOT NULL GROUP BY state, kind ORDER BY kind"
    )
    found: dict[State, dict[str, int]] = {}
    for state, kind, number in rows:
        found.setdefault(state, {})[kind] = number
    return found


def read_executed(db: sqlite3.Connection, run: int) -> int:
    """How many items a run was the last to start."""
    return int(db.execute("SELECT COUNT(*) FROM items WHERE run = ?", (run,)).fetchone()[0])


def read_repeated(db: sqlite3.Connection) -> list[str]:
    """The keys of items that may have been paid twice, in the order in which they were first reached."""
    return [row[0] for row in db.execute("SELECT key FROM items WHERE repeated ORDER BY place")]


def read_fact(db: sqlite3.Connection, name: str) -> str | None:
    """What is known of the batch as a whole under this name."""
    found = db.execute("SELECT value FROM batch WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def write_fact(db: sqlite3.Connection, name: str, value: str) -> None:
    """Write what is known of the batch as a whole."""
    db.execute("INSERT OR REPLACE INTO batch VALUES (?, ?)", (name, value))


def _item(row: Sequence[Any]) -> Item:
    key, state, executions, deaths, in_doubt, repeated, kind, error, run, elapsed, usage = row
    return Item(
        key=key,
        state=state,
        executions=executions,
        deaths=deaths,
        in_doubt=bool(in_doubt),
        repeated=bool(repeated),
        kind=kind,
        error=error,
        run=run,
        elapsed=elapsed,
        usage=read_usage(usage),
    )
