"""Cuts a JSON file into its records without reading them, so that a bad one costs no other.

A record ends where its last bracket closes, or at a comma outside all brackets and quotes. All of these are single
bytes in UTF-8, and no part of a longer character: where a record begins and ends is known though it is no UTF-8, or too
long to be kept.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

_CHUNK: Final = 1 << 16
_OUTSIDE: Final = re.compile(rb'["{}\[\],]')
_QUOTED: Final = re.compile(rb'["\\]')


class Piece(NamedTuple):
    """A record as it stands in its file.

    Attributes:
        text: Its bytes; no more than so many are kept.
        size: How many it has.
        whole: Whether it ends before the file does.
    """

    text: bytes
    size: int
    whole: bool


def cut(file: BinaryIO, *, most: int) -> Iterator[Piece]:
    """The records of a JSON list, or of a file of one record after the other.

    Args:
        file: The file.
        most: How many bytes of a record are kept, and one.
    """
    cutting = _Cutting(most + 1)
    while not cutting.ended and (chunk := file.read(_CHUNK)):
        yield from cutting.pieces(chunk)
    yield from cutting.rest()


class _Cutting:
    """How far a file is cut."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._begun = self._is_list = self._quoted = self._escaped = False
        self._depth = self._size = 0
        self._text = bytearray()
        self.ended: bool = False

    def pieces(self, chunk: bytes) -> Iterator[Piece]:
        """Those that end in the next part of the file."""
        if not self._begun:
            chunk = self._without_beginning(chunk)
        at, begin = int(self._escaped), 0
        self._escaped = False
        while found := (_QUOTED if self._quoted else _OUTSIDE).search(chunk, at):
            at = found.end()
            mark = found[0]
            if mark == b"\\":
                at += 1
            elif self._ends_at(mark):
                closes = mark in b"}]" and not self.ended
                self._keep(chunk[begin : at if closes else at - 1])
                yield from self._piece(whole=True)
                begin = at
            if self.ended:
                return
        self._escaped = at > len(chunk)
        self._keep(chunk[begin:])

    def rest(self) -> Iterator[Piece]:
        """What is left at the end of the file."""
        if not self.ended:
            yield from self._piece(whole=False)

    def _without_beginning(self, chunk: bytes) -> bytes:
        """The rest of a part with which the records begin."""
        chunk = chunk.removeprefix(BOM_UTF8).lstrip()
        self._begun = bool(chunk)
        self._is_list = chunk.startswith(b"[")
        return chunk[1:] if self._is_list else chunk

    def _ends_at(self, mark: bytes) -> bool:
        """Pass a mark; whether a record ends there."""
        if mark == b'"':
            self._quoted = not self._quoted
            return False
        if mark in b"{[":
            self._depth += 1
            return False
        if mark in b"}]":
            self.ended = self._is_list and self._depth == 0 and mark == b"]"
            self._depth = max(self._depth - 1, 0)
        return self._depth == 0

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        self._text += part[: max(self._kept - len(self._text), 0)]

    def _piece(self, *, whole: bool) -> Iterator[Piece]:
        if self._text.strip():
            yield Piece(bytes(self._text), self._size, whole)
        self._text.clear()
        self._size = 0
