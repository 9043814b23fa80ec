"""The PDFs of a folder, each known by what is in it: two files of one content are one document with two names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_composition_patterns import ConfigurationError


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is to be read.

    Attributes:
        key: The SHA-256 of its content; or, where it cannot be read, what stands for it.
        files: Where it is.
        problem: Why it cannot be read; empty where it can.
    """

    key: str
    files: tuple[str, ...]
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Where it is, as text that can be written: a file's name may have bytes in it that are none."""
        return tuple(file.encode(errors="surrogateescape").decode(errors="replace") for file in self.files)


def pdf_files(places: Sequence[Path]) -> list[Path]:
    """The files that are named, and the PDFs in the folders that are named, at any depth.

    Raises:
        ConfigurationError: One does not exist, or a folder has none.
    """
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise ConfigurationError(f"there is no {place}: name a folder of PDFs, or `generate` makes one")
        found = _below(place) if place.is_dir() else [place]
        if not found:
            raise ConfigurationError(f"{place} has no PDF in it: their names end in .pdf")
        files += found
    return list(dict.fromkeys(files))


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file())


def documents(files: Iterable[Path]) -> list[Document]:
    """The documents in the files, in the order of the first file of each."""
    found: dict[str, tuple[list[str], str]] = {}
    for file in files:
        try:
            with file.open("rb") as opened:
                key, problem = hashlib.file_digest(opened, "sha256").hexdigest(), ""
        except OSError as error:
            key, problem = f"unread: {os.fsencode(file)!r}", f"it cannot be read: {error.strerror}"
        found.setdefault(key, ([], problem))[0].append(str(file))
    return [Document(key, tuple(names), problem) for key, (names, problem) in found.items()]
