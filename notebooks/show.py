"""Tables of results, as notebooks show them."""

from collections.abc import Iterable, Sequence
from html import escape


class table:  # noqa: N801 - it is called like a function
    """Rows under headings; the last expression of a cell draws it."""

    def __init__(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self._headings = headings
        self._rows = list(rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{escape(heading)}</th>" for heading in self._headings)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, self._rows))}</tbody></table>"

    def __repr__(self) -> str:
        return "\n".join(" | ".join(map(str, row)) for row in [self._headings, *self._rows])


def _row(cells: Sequence[object]) -> str:
    return f"<tr>{''.join(_cell(str(cell)) for cell in cells)}</tr>"


def _cell(text: str) -> str:
    return f"<td style='text-align:left;vertical-align:top;white-space:pre-line'>{escape(text)}</td>"
