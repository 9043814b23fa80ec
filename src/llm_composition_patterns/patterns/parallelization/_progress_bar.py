"""Progress of a fan-out: a bar on a terminal, or the caller's own callback."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ...runs import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_log = logging.getLogger("llm_composition_patterns")


class Reporter(Protocol):
    """Shows how far a fan-out has come."""

    def __call__(self, progress: Progress, /) -> None:
        """Show it."""

    def close(self) -> None:
        """Stop showing."""


def reporter(progress: bool | Callable[[Progress], object], name: str) -> Reporter | None:  # noqa: FBT001 - the public form
    """What shows progress: a bar if stderr is a terminal, the callback, or None for nothing."""
    if progress is False or (progress is True and not sys.stderr.isatty()):
        return None
    return _Bar(name) if progress is True else _Callback(progress)


class _Callback:
    def __init__(self, callback: Callable[[Progress], object]) -> None:
        self._callback: Callable[[Progress], object] | None = callback

    def __call__(self, progress: Progress, /) -> None:
        if self._callback is None:
            return
        try:
            self._callback(progress)
        except Exception:  # noqa: BLE001 - reported, and never a branch's concern
            self._callback = None
            _log.exception("a progress callback raised, and is not called any more; no branch was touched by it")

    def close(self) -> None:
        pass


class _Bar:
    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._bar: RichProgress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(name, total=None, failed="")
        self._bar.start()

    def __call__(self, progress: Progress, /) -> None:
        failed = f"{progress.failed} failed" if progress.failed else ""
        self._bar.update(self._task, completed=progress.done, total=progress.total, failed=failed)

    def close(self) -> None:
        self._bar.stop()
