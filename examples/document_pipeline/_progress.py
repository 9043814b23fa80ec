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

    def __call__(self, progress: Progress) -> None:
        """Take note of how far it has come."""
        if progress.elapsed >= self._next:
            self._next = progress.elapsed + EVERY
            whole = "" if progress.total is None else f" of {progress.total:,}"
            say(f"documents: {progress.done:,}{whole} finished, {progress.failed:,} failed")


@contextmanager
def shown(models: Iterable[ConnectedModel]) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, else lines."""
    with live_progress("documents", models) as bar:
        yield bar or Lines()
