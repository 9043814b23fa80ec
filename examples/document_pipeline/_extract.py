"""Reads the text of a PDF, page by page: what a worker process does, with a converter that it builds once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from ._layout import Run, reading_order
from ._spans import spanned

Kind = Literal["text", "scan", "blank", "unreadable"]
"""What a page is: `scan` has a picture and no text, `unreadable` is damaged."""

_PASSWORD: Final = 4
_IMAGE: Final = 3
"""What pdfium calls these."""


class Unreadable(ValueError):
    """A file that no text can be had of, for the reason it says."""


class Page(BaseModel):
    """A page of a document, from 1."""

    model_config = ConfigDict(frozen=True)

    number: int
    kind: Kind
    text: str = ""


class Extracted(BaseModel):
    """What is in a file, and which converter read it."""

    model_config = ConfigDict(frozen=True)

    pages: tuple[Page, ...]
    converter: str


class Reads(Protocol):
    """What gets the pages of a file.

    Attributes:
        name: Unlike that of every other one that was ever built.
    """

    name: str

    def pages(self, data: bytes) -> Iterator[Page]:
        """The pages of a file."""
        ...


class Converter:
    """pypdfium2, loaded: the resource of a worker.

    Attributes:
        name: Unlike that of every other one that was ever built, so that they can be counted.
    """

    def __init__(self) -> None:
        with spanned("build converter"):
            import pypdfium2  # noqa: PLC0415 - an extra, and what makes building one slow

            self._pdfium = pypdfium2
            self.name = uuid.uuid4().hex

    def pages(self, data: bytes) -> Iterator[Page]:
        """The pages of a file.

        Raises:
            Unreadable: It has none, is damaged or needs a password.
        """
        if not data:
            raise Unreadable("the file is empty")
        try:
            document = self._pdfium.PdfDocument(data)
        except self._pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD:
                raise Unreadable("it is encrypted, and needs a password") from None
            raise Unreadable(f"it is damaged, or no PDF: {error}") from None
        try:
            if not len(document):
                raise Unreadable("it has no pages")
            for index in range(len(document)):
                yield self._page(document, index)
        finally:
            document.close()

    def _page(self, document: Any, index: int) -> Page:
        try:
            page = document[index]
            runs = _runs(page.get_textpage())
            text = reading_order(runs)
            kind: Kind = "text" if text else "scan" if any(page.get_objects(filter=[_IMAGE])) else "blank"
        except self._pdfium.PdfiumError:
            return Page(number=index + 1, kind="unreadable")
        return Page(number=index + 1, kind=kind, text=text)


def _runs(text: Any) -> list[Run]:
    places = [text.get_rect(number) for number in range(text.count_rects())]
    return [
        Run(left, low, right, top, text.get_text_bounded(left, low, right, top)) for left, low, right, top in places
    ]


def extract(converter: Reads, path: str, key: str) -> Extracted:
    """The pages of the file whose content has that hash.

    Raises:
        Unreadable: No text can be had of it, or its content is another one now.
        OSError: It cannot be read.
    """
    with spanned("extract pages") as span:
        data = Path(path).read_bytes()
        if hashlib.sha256(data).hexdigest() != key:
            raise Unreadable("the file has changed since it was found: run again")
        pages = tuple(converter.pages(data))
        span.set_attribute("document.pages", len(pages))
        return Extracted(pages=pages, converter=converter.name)
