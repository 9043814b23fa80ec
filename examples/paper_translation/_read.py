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
from typing import Any, BinaryIO, Final

from llm_composition_patterns import ConfigurationError

from ._characters import whole
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
            size = len(line) + _skip_line(file)
            yield Entry(place, None, f"{place}: the record has {size:,} bytes, and {MOST_BYTES:,} is the most")
        elif line.strip():
            yield _decoded(line.removeprefix(BOM_UTF8) if number == 1 else line, place)


def _skip_line(file: BinaryIO) -> int:
    """Go to the next line; how many bytes that was."""
    skipped = 0
    while part := file.readline(_CHUNK):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _decoded(line: bytes, place: str) -> Entry:
    try:
        return entry(whole(json.loads(line.decode())), place)
    except UnicodeDecodeError as error:
        return Entry(place, None, f"{place}: no UTF-8: byte 0x{line[error.start]:02x} at {error.start + 1}")
    except RecursionError:
        return Entry(place, None, f"{place}: no paper: it is nested too deep")
    except ValueError as error:
        ended = not line.endswith(b"\n") or not line.rstrip().endswith(b"}")
        return Entry(place, None, f"{place}: {'cut off' if ended else 'no JSON'}: {error}")


def _json(file: BinaryIO, name: str) -> Iterator[Entry]:
    """The records of a JSON list, or the one record of a file."""
    text = _Text(file)
    is_list = text.skip("[")
    number = 0
    while not text.skip("]") and text.more():
        number += 1
        place = f"{name}, record {number}"
        try:
            record = text.value()
        except UnicodeDecodeError:
            yield Entry(place, None, f"{place}: no UTF-8; what follows it in the file is not read")
            return
        except (ValueError, RecursionError) as error:
            yield Entry(place, None, f"{place}: {error}; what follows it in the file is not read")
            return
        yield entry(whole(record), place)
        if not text.skip(",") and not is_list:
            return


class _Text:
    """A JSON text of which no more is in memory than the value that is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = b""
        self._text = ""
        self._decoder = json.JSONDecoder()

    def more(self) -> bool:
        """Whether anything but blanks is left."""
        while not self._text.strip():
            if not self._read():
                return False
        self._text = self._text.lstrip("\ufeff \t\r\n")
        return True

    def skip(self, mark: str) -> bool:
        """Pass by a mark, if it comes next."""
        if not self.more() or not self._text.startswith(mark):
            return False
        self._text = self._text[len(mark) :]
        return True

    def value(self) -> Any:
        """The next value.

        Raises:
            ValueError: There is none, or it is too long.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError as error:
                if len(self._text) > MOST_BYTES:
                    raise ValueError(f"no record of at most {MOST_BYTES:,} bytes: {error}") from None
                if not self._read(len(self._text)):  # twice as much each time
                    raise ValueError(f"cut off, or no JSON: {error}") from None
            else:
                self._text = self._text[end:]
                return value

    def _read(self, least: int = 0) -> bool:
        chunk = self._file.read(max(_CHUNK, least))
        if not chunk and self._bytes:
            self._bytes.decode()
        known = self._bytes + chunk
        cut = len(known) - (_incomplete(known) if chunk else 0)
        self._text += known[:cut].decode()
        self._bytes = known[cut:]
        return bool(chunk)


def _incomplete(data: bytes) -> int:
    """How many bytes at the end begin a character that does not end there."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of several
            return back if back < 2 + (byte >= 0xE0) + (byte >= 0xF0) else 0  # noqa: PLR2004
        if byte < 0x80:  # noqa: PLR2004 - a character of one byte
            return 0
    return 0
