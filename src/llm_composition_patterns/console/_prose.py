"""What models write, on a terminal: paragraphs and tables, without what could steer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..printable import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def prose(text: str) -> Text:
    """A text of several lines, each made `printable`."""
    from rich.text import Text  # noqa: PLC0415  # 50 ms that --help need not pay

    return Text("\n".join(printable(line) for line in text.strip().splitlines()))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table as wide as its texts, whose last column takes what the terminal has left."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # as above
    from rich.table import Table  # noqa: PLC0415

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*[prose(str(cell)) for cell in row])
    return made
