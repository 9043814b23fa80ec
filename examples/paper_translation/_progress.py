"""Progress where there is no terminal for a bar: a line every half a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from llm_composition_patterns import ConnectedModel, Progress
from llm_composition_patterns.console import live_progress, say

EVERY: Final = 30.0
"""Seconds between two lines."""


class Lines:
    """Says a line now and then."""

    def __init__(self) -> None:
        self._next = EVERY
        self._first: int | None = None

    def __call__(self, progress: Progress) -> None:
        """Take note of how far it has come."""
        if self._first is None:
            self._first = progress.done
        if progress.elapsed >= self._next:
            self._next = progress.elapsed + EVERY
            rate = (progress.done - self._first) / progress.elapsed
            whole = "" if progress.total is None else f" of {progress.total:,}"
            say(f"papers: {progress.done:,}{whole} finished, {progress.failed:,} failed, {rate * 3600:,.0f} an hour")


@contextmanager
def shown(models: Iterable[ConnectedModel]) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, else lines."""
    with live_progress("papers", models) as bar:
        yield bar or Lines()
