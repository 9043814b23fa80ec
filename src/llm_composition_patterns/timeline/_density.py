"""How many branches ran, waited and failed at each time: what is left to see of thousands of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._bars import CANCELLED_STATE, Bar, branches


@dataclass(frozen=True, slots=True)
class Density:
    """Counts over equal stretches of time, from the start of the whole to its end.

    Attributes:
        running: The most branches that ran at once in each stretch.
        queued: The most that waited for permits at once.
        failed: How many failed in it; those that somebody stopped are not counted.
    """

    running: tuple[int, ...]
    queued: tuple[int, ...]
    failed: tuple[int, ...]


def density(bars: Sequence[Bar], bins: int) -> Density:
    """Count the branches of `bars` in so many stretches of time."""
    start = min((bar.start for bar in bars), default=0.0)
    span = max((bar.end for bar in bars), default=0.0) - start

    def place(time: float) -> int:
        return min(int((time - start) / span * bins), bins - 1) if span > 0 else 0

    of_them = branches(bars) or bars
    waits = [(part.start, part.end) for bar in of_them for part in bar.parts if part.kind == "queued"]
    runs = [stretch for bar in of_them for stretch in _runs(bar)]
    failed = [0] * bins
    for bar in of_them:
        if bar.failed and bar.state != CANCELLED_STATE:
            failed[place(bar.end)] += 1
    at = [start + span * number / bins for number in range(1, bins)]
    return Density(_peaks(runs, at), _peaks(waits, at), tuple(failed))


def _runs(bar: Bar) -> Iterable[tuple[float, float]]:
    """The times of a bar that it did not wait."""
    cursor = bar.start
    for part in bar.parts:
        if part.kind == "queued":
            if part.start > cursor:
                yield cursor, part.start
            cursor = part.end
    if bar.end > cursor:
        yield cursor, bar.end


def _peaks(stretches: Iterable[tuple[float, float]], at: Sequence[float]) -> tuple[int, ...]:
    """The most stretches that lay over one another, before each time of `at` and after the last."""
    # Of equal times those that end come first: a stretch that begins where another ends does not lie over it.
    changes = sorted(change for start, end in stretches for change in ((start, 1), (end, -1)))
    peaks, count, number = [], 0, 0
    for until in [*at, float("inf")]:
        peak = count
        while number < len(changes) and changes[number][0] < until:
            count += changes[number][1]
            peak = max(peak, count)
            number += 1
        peaks.append(peak)
    return tuple(peaks)
