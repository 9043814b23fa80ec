"""`read_results`: what a batch gave, item by item."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from ..errors import BatchError
from ..outcome import Failure, Outcome, Success
from ..steps import JsonForm
from ._item import Item
from ._sqlite_file import read_only, unusable
from ._sqlite_rows import read_items, read_page
from ._store import Recorded

B = TypeVar("B")

_PAGE: Final = 64
"""Values that are in memory at once."""


@overload
def read_results(store: str | os.PathLike[str], *, output: type[B]) -> AsyncIterator[Outcome[B]]: ...
@overload
def read_results(store: str | os.PathLike[str], *, output: Any = None) -> AsyncIterator[Outcome[Any]]: ...


async def read_results(store: str | os.PathLike[str], *, output: Any = None) -> AsyncIterator[Outcome[Any]]:
    """Read what became of the finished items of a batch, in the order in which they were first reached.

    ```python
    async for outcome in read_results("papers.db", output=Translation):
        match outcome:
            case Success(value=translation):
                ...
    ```

    Items that are pending are left out. A batch may be read while it runs; what is finished later may be missed.

    Args:
        store: The batch's file.
        output: The type of the results; without it they are plain JSON.

    Yields:
        A `Success` with the value, or a `Failure` with a `BatchError` that says what the item failed with. The
        outcome's `key` is the item's; its `input` is not kept.

    Raises:
        BatchError: The file is missing or no batch, or a value in it is not of the type.
    """
    path = Path(store)
    form = JsonForm(output, of="the step")
    place = index = 0
    while page := await asyncio.to_thread(_read, path, place):
        for place, recorded in page:  # noqa: B007 - the last one is where the next page begins
            yield _outcome(recorded, index, form, path)
            index += 1


def iter_results(store: str | os.PathLike[str]) -> Iterator[Outcome[Any]]:
    """What `read_results` gives, as plain JSON, for commands, which have no event loop.

    Raises:
        BatchError: The file is missing or no batch.
    """
    path = Path(store)
    form = JsonForm(None, of="the step")
    place = index = 0
    while page := _read(path, place):
        for place, recorded in page:  # noqa: B007 - the last one is where the next page begins
            yield _outcome(recorded, index, form, path)
            index += 1


def iter_pending(store: str | os.PathLike[str]) -> Iterator[Failure]:
    """The items that wait for another run, each with what its last execution ended with.

    The call blocks: in a coroutine, use `asyncio.to_thread`.

    Raises:
        BatchError: The file is missing or no batch.
    """
    path = Path(store)
    with closing(read_only(path)) as connection:
        try:
            for index, item in enumerate(read_items(connection, "pending")):
                yield _failure(item, index)
        except sqlite3.Error as error:
            raise unusable(path, error) from error


def _read(path: Path, after: int) -> list[tuple[int, Recorded]]:
    with closing(read_only(path)) as connection:
        try:
            return read_page(connection, after, _PAGE)
        except sqlite3.Error as error:
            raise unusable(path, error) from error


def _outcome(recorded: Recorded, index: int, form: JsonForm, path: Path) -> Outcome[Any]:
    item = recorded.item
    if item.state != "succeeded" or recorded.value is None:
        return _failure(item, index)
    try:
        return Success(value=form.read(recorded.value), **_known(item, index))
    except ValueError as error:
        raise BatchError(
            f"the value of {item.key!r} in {path} is not of the type that output= names: {error}"
        ) from error


def _failure(item: Item, index: int) -> Failure:
    error = BatchError(item.error or f"the item was {item.state}")
    return Failure(error=error, kind=item.kind or "error", **_known(item, index))


def _known(item: Item, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "key": item.key,
        "name": item.key,
        "attempts": item.usage.attempts,
        "elapsed": item.elapsed,
        "usage": item.usage,
    }
