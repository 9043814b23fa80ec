"""Writes small PDFs: text where it is to stand, ruled lines, a picture of a page, a password.

The catalog comes last, so that a file which is cut off has none, as in life.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 595
HEIGHT: Final = 842
_PADDING: Final = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_PERMISSIONS: Final = -44
_ID: Final = bytes(range(16))
_KEY_LENGTH: Final = 5


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text whose baseline begins at a point, in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line."""

    x: float
    y: float
    length: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a scanner sees it: gray pixels and no text.

    Attributes:
        pixels: Rows of gray values from 0 to 255.
        width: Pixels in a row.
    """

    pixels: bytes
    width: int


Drawn = Words | Rule | Picture
"""What can be on a page."""


def write_pdf(pages: Sequence[Sequence[Drawn]], *, password: str = "") -> bytes:
    """The bytes of a PDF; with a password it cannot be opened without it (RC4, 40 bits)."""
    objects: list[bytes] = [
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    lock = _Lock(password) if password else None
    last = len(objects) + sum(_objects_of(page) for page in pages) + 1
    kids = [_add_page(objects, page, last, lock) for page in pages]
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects.append(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids)))
    objects.append(b"<< /Type /Catalog /Pages %d 0 R >>" % last)
    if lock is not None:
        objects.append(lock.dictionary)
    return _file(objects, root=last + 1, lock=lock)


def _objects_of(page: Sequence[Drawn]) -> int:
    return 2 + sum(isinstance(drawn, Picture) for drawn in page)


def _add_page(objects: list[bytes], page: Sequence[Drawn], parent: int, lock: _Lock | None) -> int:
    """Add a page, its content and its pictures; its number."""
    pictures, said = b"", b""
    for drawn in page:
        if isinstance(drawn, Picture):
            objects.append(_stream(_picture(drawn), drawn.pixels, len(objects) + 1, lock))
            pictures += b"/P%d %d 0 R " % (len(objects), len(objects))
            said += b"q %d 0 0 %d 0 0 cm /P%d Do Q\n" % (WIDTH, HEIGHT, len(objects))
        else:
            said += _said(drawn)
    objects.append(_stream(b"", said, len(objects) + 1, lock))
    objects.append(
        b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
        b"/Resources << /Font << /F1 1 0 R /F2 2 0 R >> /XObject << %s>> >> >>"
        % (parent, WIDTH, HEIGHT, len(objects), pictures)
    )
    return len(objects)


def _said(drawn: Words | Rule) -> bytes:
    if isinstance(drawn, Rule):
        return b"%.1f %.1f m %.1f %.1f l S\n" % (drawn.x, drawn.y, drawn.x + drawn.length, drawn.y)
    text = drawn.text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    font = b"F2" if drawn.bold else b"F1"
    return b"BT /%s %.1f Tf %.1f %.1f Td (%s) Tj ET\n" % (font, drawn.size, drawn.x, drawn.y, text)


def _picture(picture: Picture) -> bytes:
    size = picture.width, len(picture.pixels) // picture.width
    return b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 " % size


def _stream(entries: bytes, content: bytes, number: int, lock: _Lock | None) -> bytes:
    packed = zlib.compress(content)
    locked = packed if lock is None else lock.locked(packed, number)
    return b"<< %s/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (entries, len(locked), locked)


def _file(objects: Sequence[bytes], *, root: int, lock: _Lock | None) -> bytes:
    written, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    name = _ID.hex().encode()
    locked = b"" if lock is None else b"/Encrypt %d 0 R /ID [<%s> <%s>] " % (len(objects), name, name)
    written += b"trailer\n<< /Size %d /Root %d 0 R %s>>\n" % (len(objects) + 1, root, locked)
    return bytes(written + b"startxref\n%d\n%%%%EOF\n" % table)


class _Lock:
    """The standard security handler of PDF 1.4 (revision 2): what a sample needs, and no protection of anything."""

    def __init__(self, password: str) -> None:
        padded = (password.encode("latin-1") + _PADDING)[:32]
        owner = _rc4(_md5(padded)[:_KEY_LENGTH], padded)
        allowed = _PERMISSIONS.to_bytes(4, "little", signed=True)
        self._key = _md5(padded + owner + allowed + _ID)[:_KEY_LENGTH]
        user = _rc4(self._key, _PADDING)
        self.dictionary = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >>" % (
            owner.hex().encode(),
            user.hex().encode(),
            _PERMISSIONS,
        )

    def locked(self, data: bytes, number: int) -> bytes:
        """The data of the object of that number, encrypted."""
        return _rc4(_md5(self._key + number.to_bytes(3, "little") + b"\0\0")[: _KEY_LENGTH + 5], data)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    made, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        made.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(made)
