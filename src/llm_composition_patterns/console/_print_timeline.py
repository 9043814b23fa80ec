"""The timeline on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..timeline import MAX_ROWS, Bar
from ._terminal import terminal
from ._timeline import ASCII, FINE, timeline

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 140


def print_timeline(bars: Sequence[Bar], *, console: Console | None = None, max_rows: int = MAX_ROWS) -> None:
    """Print `bars` as a timeline, as wide as the terminal.

    Args:
        bars: As `bars()` makes them from outcomes; several fan-outs one after the other, nested ones with their depth.
        console: Where to; stderr by default.
        max_rows: Of more bars than this, the failed and the longest are shown.
    """
    from rich.text import Text  # noqa: PLC0415  # 50 ms that --help need not pay

    console = console or terminal()
    marks = ASCII if console.options.ascii_only else FINE
    for line in timeline(bars, width=min(console.width, WIDEST), max_rows=max_rows, marks=marks):
        text = Text.assemble(*line, no_wrap=True, overflow="crop")
        text.rstrip()
        console.print(text)
