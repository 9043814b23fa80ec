"""Progress of a fan-out in a notebook: one line below the cell, which changes in its place and stays at the end."""

from __future__ import annotations

import sys
from html import escape
from importlib import import_module
from typing import Any

from ...runs import Progress

PAUSE = 0.1
"""Seconds between two changes: each is a message to a browser."""


def in_notebook() -> bool:
    """Whether the code runs in a kernel, as a notebook's cells do; asking imports nothing."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """The line of one fan-out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle: Any = None
        self._last: Progress | None = None
        self._shown_at = 0.0

    def show(self, progress: Progress) -> None:
        """Show how far it is, but not more often than an eye sees."""
        self._last = progress
        if self._handle is None or progress.elapsed - self._shown_at >= PAUSE:
            self._write(progress)

    def close(self) -> None:
        """Show how far it came."""
        if self._last is not None:
            self._write(self._last)

    def _write(self, progress: Progress) -> None:
        self._shown_at = progress.elapsed
        shown = written(self._name, progress)
        if self._handle is None:
            # By its name, because it is there in a notebook only, and has no types.
            self._handle = import_module("IPython.display").display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def written(name: str, progress: Progress) -> dict[str, str]:
    """The line, for a notebook and for what shows only text."""
    of = "" if progress.total is None else f"/{progress.total}"
    failed = f", {progress.failed} failed" if progress.failed else ""
    said = f"{progress.done}{of}{failed}, {progress.elapsed:.1f} s"
    total = "" if progress.total is None else f' max="{max(progress.total, 1)}" value="{progress.done}"'
    label = escape(name)
    return {
        "text/plain": f"{name}: {said}",
        "text/html": f'<div>{label} <progress{total} aria-label="{label}"></progress> {said}</div>',
    }
