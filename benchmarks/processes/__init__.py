"""What processes give to a function that computes, and what they take from it."""

from __future__ import annotations

from .._contest import Bar, Contest, Entry, Figure
from . import _contestants

_SERIAL = "one after the other"
_THREADS = "in_threads"
_POOL = "ProcessPoolExecutor"
_OURS = "in_processes"


def contest(*, calls: int = 400, seconds: float = 0.005, workers: int = 2) -> Contest:
    """The contest, over so many calls of so many seconds."""
    settings = {"calls": calls, "seconds": seconds}
    pooled = {**settings, "workers": workers}
    return Contest(
        name="processes",
        title=f"Processes: {calls:,} calls of {seconds * 1000:.0f} ms of pure Python, {workers} workers",
        figures=(Figure("calls", "calls/s", 0),),
        entries=(
            Entry(name=_SERIAL, contestant=_contestants.serial, settings=settings),
            Entry(name=_THREADS, contestant=_contestants.threads, settings=pooled, against=_SERIAL),
            Entry(name=_POOL, contestant=_contestants.pool, settings=pooled, against=_SERIAL),
            Entry(name=_OURS, contestant=_contestants.ours, settings=pooled, against=_POOL),
        ),
        bars=(Bar(entry=_OURS, figure="calls", least=0.93, of=_POOL, whole=True),),
        rounds=7,
        quick={"calls": 50},
    )
