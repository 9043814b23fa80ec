"""Reads an archive, one record at a time: JSON, JSON Lines, and Dublin Core in XML, as OAI-PMH gives it.

Whatever is wrong with a record is told of that record, and the rest is read. At most one record is in memory.
"""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from llm_composition_patterns import ConfigurationError

from ._characters import whole
from ._cut import cut
from ._oai import read_oai
from ._records import Entry, entry

MOST_BYTES: Final = 8_000_000
"""Bytes of the longest record that is read at all."""

_CHUNK: Final = 1 << 16
_AT_ONCE: Final = 32
_KINDS: Final = (".jsonl", ".ndjson", ".json", ".xml")


def archive_files(paths: Iterable[Path]) -> list[Path]:
    """The files of an archive: those named, and those in the directories that are named.

    Raises:
        ConfigurationError: One does not exist or is of no known kind, or a directory has none.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(file for file in path.iterdir() if file.suffix in _KINDS) if path.is_dir() else [path]
        if not found:
            raise ConfigurationError(f"{path} has no records: it needs files that end in {', '.join(_KINDS)}")
        for file in found:
            if not file.is_file():
                raise ConfigurationError(f"there is no file {file}: name the archive's records, as data/papers")
            if file.suffix not in _KINDS:
                raise ConfigurationError(f"{file} is of no known kind: records are in {', '.join(_KINDS)}")
        files += found
    return list({file.resolve(): file for file in files}.values())


def read_entries(files: Iterable[Path]) -> Iterator[Entry]:
    """Every entry of the archive; the second one of an id is a problem of its own."""
    seen: set[int] = set()
    files = list(files)
    names = Counter(file.name for file in files)
    for file in files:
        name = file.name if names[file.name] == 1 else str(file)
        for number, one in enumerate(_entries(file, name), 1):
            known = hash(one.key)
            if known in seen:
                place = f"{name}, record {number}"
                yield Entry(f"{place} ({one.key} again)", None, f"{place}: the id {one.key!r} was there before")
            else:
                seen.add(known)
                yield one


async def stream_entries(files: Iterable[Path]) -> AsyncGenerator[Entry]:
    """The same, read in a thread, so that the event loop never waits for a disk."""
    entries = read_entries(files)
    while group := await asyncio.to_thread(lambda: list(islice(entries, _AT_ONCE))):
        for one in group:
            yield one


def _entries(path: Path, name: str) -> Iterator[Entry]:
    with path.open("rb") as file:
        if path.suffix == ".xml":
            yield from read_oai(file, name, most=MOST_BYTES)
        elif path.suffix == ".json":
            yield from _json(file, name)
        else:
            yield from _lines(file, name)


def _lines(file: BinaryIO, name: str) -> Iterator[Entry]:
    number = 0
    while line := file.readline(MOST_BYTES + 1):
        number += 1
        place = f"{name}, line {number}"
        if len(line) > MOST_BYTES:
            yield _too_long(place, len(line) + _skip_line(file))
        elif line.strip():
            is_cut = not line.endswith(b"\n") or not line.rstrip().endswith(b"}")
            text = line.removeprefix(BOM_UTF8) if number == 1 else line
            yield _decoded(text, place, "cut off" if is_cut else "no JSON")


def _skip_line(file: BinaryIO) -> int:
    """Go to the next line; how many bytes that was."""
    skipped = 0
    while part := file.readline(_CHUNK):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _decoded(text: bytes, place: str, told: str) -> Entry:
    """The entry of a record; `told` says what is wrong with one that is no JSON."""
    try:
        return entry(whole(json.loads(text.decode())), place)
    except UnicodeDecodeError as error:
        return Entry(place, None, f"{place}: no UTF-8: byte 0x{text[error.start]:02x} at {error.start + 1}")
    except RecursionError:
        return Entry(place, None, f"{place}: no paper: it is nested too deep")
    except ValueError as error:
        return Entry(place, None, f"{place}: {told}: {error}")


def _json(file: BinaryIO, name: str) -> Iterator[Entry]:
    for number, piece in enumerate(cut(file, most=MOST_BYTES), 1):
        place = f"{name}, record {number}"
        if piece.size > MOST_BYTES:
            yield _too_long(place, piece.size)
        else:
            yield _decoded(piece.text, place, "no JSON" if piece.whole else "cut off, or no JSON")


def _too_long(place: str, size: int) -> Entry:
    return Entry(place, None, f"{place}: the record has {size:,} bytes, and {MOST_BYTES:,} is the most")
