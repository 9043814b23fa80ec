"""Progress of a fan-out: a bar on a terminal, a line in a notebook, or the caller's own callback."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...runs import Progress
from ._notebook_line import NotebookLine, in_notebook

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

_log = logging.getLogger("llm_composition_patterns")


def reporter(progress: bool | Callable[[Progress], object], name: str) -> Reporter | None:  # noqa: FBT001 - the public form
    """What shows progress: a line in a notebook, a bar if stderr is a terminal, the callback, or None for nothing."""
    if progress is not True:
        return None if progress is False else Reporter(progress)
    if in_notebook():
        line = NotebookLine(name)
        return Reporter(line.show, line.close)
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    bar = _Bar(name)
    return Reporter(bar.show, bar.close)


class Reporter:
    """Shows how far a fan-out has come; what raises is reported once, and not called any more."""

    def __init__(self, show: Callable[[Progress], object], close: Callable[[], None] = lambda: None) -> None:
        self._show = show
        self._close = close
        self._works = True

    def __call__(self, progress: Progress, /) -> None:
        """Show it."""
        if self._works:
            self._try(self._show, progress)

    def close(self) -> None:
        """Stop showing."""
        self._try(self._close)

    def _try(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            call(*arguments)
        except Exception:  # noqa: BLE001 - reported, and never a branch's concern
            if self._works:
                _log.exception("a progress callback raised, and is not called any more; no branch was touched by it")
            self._works = False


class _Bar:
    def __init__(self, name: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - only where a bar is shown

        self._bar: RichProgress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            console=_console(),
            transient=True,
        )
        self._task = self._bar.add_task(name, total=None, failed="")
        self._started = False

    def show(self, progress: Progress) -> None:
        if not self._started:
            self._started = True
            self._bar.start()
        failed = f"{progress.failed} failed" if progress.failed else ""
        self._bar.update(self._task, completed=progress.done, total=progress.total, failed=failed)

    def close(self) -> None:
        self._bar.stop()


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    class Stderr(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True  # rich would end the program, and its stdout

    return Stderr(stderr=True)
