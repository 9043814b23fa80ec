"""A progress bar for long jobs, with a line below it for each model: what its limiter does right now."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from ..limits import LimiterStatistics
from ..printable import printable
from ..runs import Progress
from ._limit_line import limit_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from rich.progress import Progress as RichProgress


class Limited(Protocol):
    """What has a name and a limiter, as a model of `connect`."""

    @property
    def name(self) -> str:
        """As `provider:model`."""
        ...

    def statistics(self) -> LimiterStatistics | None:
        """What its limiter does now."""
        ...


@contextmanager
def live_progress(name: str, models: Iterable[Limited]) -> Iterator[Callable[[Progress], None] | Literal[False]]:
    """Show a bar and the limits of `models` while the body runs; give it to `parallelize` as its `progress`.

    On stderr, and only if that is a terminal: else it gives False, and shows nothing. Nothing of it stays.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield False
        return
    bar = _bar(list(models))
    task = bar.add_task(name, total=None, failed="")

    def show(progress: Progress) -> None:
        failed = f"{progress.failed} failed" if progress.failed else ""
        bar.update(task, completed=progress.done, total=progress.total, failed=failed)

    with bar:
        yield show


def limit_lines(models: Sequence[Limited]) -> list[str]:
    """A line for each model that is open."""
    shown = [(model.name, model.statistics()) for model in models]
    return [printable(limit_line(name, now)) for name, now in shown if now is not None]


def _bar(models: Sequence[Limited]) -> RichProgress:
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Stderr(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True  # rich would end the program, and its stdout

    class Bar(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield from super().get_renderables()
            for line in limit_lines(models):
                yield Text(line, style="dim")

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(),
        console=Stderr(stderr=True),
        transient=True,
    )
