"""What becomes of a document, as the batch records it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ._chunks import Chunk
from ._entities import Found
from ._extract import Page


class Part(BaseModel):
    """A chunk with what was found in it.

    Attributes:
        chunk: Its words and where they are from.
        found: The entities that it names.
        vector: What the embedder made of it.
    """

    model_config = ConfigDict(frozen=True)

    chunk: Chunk
    found: Found
    vector: str


class Record(BaseModel):
    """A document.

    Attributes:
        files: Where it was found; several, if they have one content.
        pages: Its text by pages.
        parts: Its text by chunks.
        model: What found the entities.
        embedder: What made the vectors.
        simulated: Whether the entities were made up.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[str, ...]
    pages: tuple[Page, ...]
    parts: tuple[Part, ...]
    model: str
    embedder: str
    simulated: bool

    @property
    def without_text(self) -> tuple[Page, ...]:
        """The pages that no text could be had of."""
        return tuple(page for page in self.pages if page.kind != "text")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of it: pages that need another program, and answers that were left out."""
        said = [
            f"{_listed([page.number for page in self.pages if page.kind == kind])}: {why}"
            for kind, why in _WHY.items()
            if any(page.kind == kind for page in self.pages)
        ]
        return (*said, *(f"chunk {part.chunk.number}: not in the text: {words}" for part in self.parts
                         for words in part.found.invented))  # fmt: skip

    @property
    def state(self) -> str:
        """`done`, or `reported` where pages were without text."""
        return "reported" if self.without_text else "done"


_WHY = {
    "scan": "a picture without text, which needs OCR",
    "blank": "blank",
    "unreadable": "damaged",
}


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")  # noqa: PLR2004
    return f"page{'s' if len(numbers) > 1 else ''} {shown}"
