"""Reads reports, one JSON object a line. What is wrong with a line is told of that line, and the rest is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llm_composition_patterns import ConfigurationError

from ._labels import Labels

MOST_BYTES: Final = 200_000
"""Bytes of the longest line that is read at all."""

_AT_ONCE: Final = 64


class Item(BaseModel):
    """A report.

    Attributes:
        id: What it is known by.
        title: Its title.
        text: What it says.
        source: Where it is from.
        published: When it was, as written there.
        labels: What a person says of it, where one did.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    text: str = Field(default="", max_length=50_000)
    source: str = ""
    published: str = ""
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: a report, or why it is none.

    Attributes:
        key: What the batch knows it by: the report's id, or its place.
        item: The report.
        problem: Why there is none; empty where there is.
    """

    key: str
    item: Item | None
    problem: str = ""


def item_files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those in the directories that are named.

    Raises:
        ConfigurationError: One does not exist, or a directory has none.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise ConfigurationError(f"{path} has no reports: it needs files that end in .jsonl")
        for file in found:
            if not file.is_file():
                raise ConfigurationError(
                    f"there is no file {file}: name one of JSON lines, as data/threats/labeled.jsonl"
                )
        files += found
    return list({file.resolve(): file for file in files}.values())


def read_entries(files: Iterable[Path]) -> Iterator[Entry]:
    """Every line that is not empty; the second one of an id is a problem of its own."""
    seen: set[str] = set()
    for path in files:
        with path.open("rb") as file:
            for place, line in _lines(file, path.name):
                one = _entry(line, place)
                if one.key in seen:
                    one = Entry(f"{place} ({one.key} again)", None, f"{place}: the id {one.key!r} was there before")
                seen.add(one.key)
                yield one


async def stream_entries(files: Iterable[Path]) -> AsyncGenerator[Entry]:
    """The same, read in a thread, so that the event loop never waits for a disk."""
    entries = read_entries(files)
    while group := await asyncio.to_thread(lambda: list(islice(entries, _AT_ONCE))):
        for one in group:
            yield one


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[str, bytes]]:
    number, whole = 1, True
    while line := file.readline(MOST_BYTES + 1):
        if whole and line.strip():
            yield f"{name}, line {number}", line
        whole = line.endswith(b"\n")
        number += whole


def _entry(line: bytes, place: str) -> Entry:
    if len(line) > MOST_BYTES:
        return Entry(place, None, f"{place}: longer than {MOST_BYTES:,} bytes")
    try:
        record = json.loads(line.decode("utf-8-sig"))  # the first line of a file from Windows
    except (ValueError, RecursionError) as error:
        return Entry(place, None, f"{place}: no JSON: {error}")
    try:
        item = Item.model_validate(record)
    except ValidationError as error:
        return Entry(_key(record, place), None, f"{place}: no report: {_told(error)}")
    return Entry(item.id, item)


def _key(record: object, place: str) -> str:
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) and found else place


def _told(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'the line'}: {one['msg']}" for one in found]
    return "; ".join(dict.fromkeys(told[:3]))
