"""Docling instead of pypdfium2, for those who have it and its models: it is slower, and reads scans too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from io import BytesIO

from ._extract import Page, Unreadable
from ._spans import spanned


class DoclingConverter:
    """Docling, loaded: the resource of a worker, which takes seconds to build.

    Attributes:
        name: Unlike that of every other one that was ever built, so that they can be counted.
    """

    def __init__(self) -> None:
        with spanned("build converter"):
            from docling.document_converter import DocumentConverter  # noqa: PLC0415 - hundreds of megabytes

            self._converter = DocumentConverter()
            self.name = uuid.uuid4().hex

    def pages(self, data: bytes) -> Iterator[Page]:
        """The pages of a file, as Markdown.

        Raises:
            Unreadable: It is empty, or docling cannot convert it.
        """
        from docling.datamodel.base_models import DocumentStream  # noqa: PLC0415
        from docling.exceptions import ConversionError  # noqa: PLC0415

        if not data:
            raise Unreadable("the file is empty")
        try:
            document = self._converter.convert(DocumentStream(name="document.pdf", stream=BytesIO(data))).document
        except ConversionError as error:
            raise Unreadable(f"docling cannot convert it: {error}") from None
        for number in sorted(document.pages):
            text = document.export_to_markdown(page_no=number).strip()
            yield Page(number=number, kind="text" if text else "blank", text=text)
