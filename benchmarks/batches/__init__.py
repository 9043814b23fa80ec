"""What it costs to record a batch as it goes, and to open a large one again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .._contest import Bar, Contest, Entry, Figure
from . import _contestants

_STREAM = "stream_outcomes, nothing recorded"
_BATCH = "run_batch"
_LARGE = "run_batch, large results"
_AGAIN = "run_batch, everything finished"


def contest(*, items: int = 5_000, in_flight: int = 200, large: int = 34_237, size: int = 20_000) -> Contest:
    """The contest, over so many items of 50 ms, and so many with results of so many characters."""
    short = {"items": items, "seconds": 0.05, "in_flight": in_flight}
    whole = {"items": large, "size": size}
    return Contest(
        name="batches",
        title=f"Batches: {items:,} items of 50 ms, {in_flight} in flight; {large:,} items with {size // 1000} kB each",
        figures=(
            Figure("seconds", "s", 2),
            Figure("each", "ms CPU an item", 3),
            Figure("cpu", "s CPU", 2),
            Figure("mb", "MB more", 0),
        ),
        entries=(
            Entry(name=_STREAM, contestant=_contestants.streamed, settings=short),
            Entry(name=_BATCH, contestant=_contestants.recorded, settings=short, against=_STREAM),
            Entry(name=_LARGE, contestant=_contestants.large_results, settings=whole),
            Entry(name=_AGAIN, contestant=_contestants.finished, settings=whole),
        ),
        bars=(
            Bar(entry=_BATCH, figure="seconds", most=1.35, of=_STREAM, whole=True),
            Bar(entry=_BATCH, figure="each", most=0.15, whole=True),
            Bar(entry=_LARGE, figure="mb", most=40),
            Bar(entry=_AGAIN, figure="mb", most=40),
            Bar(entry=_AGAIN, figure="cpu", most=2.0),
        ),
        rounds=3,
        around=_directory,
    )


@contextmanager
def _directory() -> Iterator[Mapping[str, object]]:
    with tempfile.TemporaryDirectory(prefix="batches-") as directory:
        yield {"directory": directory}
