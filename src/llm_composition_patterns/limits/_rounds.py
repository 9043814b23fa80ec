"""Measuring rounds: what a provider does at one number of calls in flight."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_COMPLETE: Final = 0.85
"""Share of a round's calls that close it: the slowest would keep it open, and say least."""
_BOUND: Final = 0.85
"""Share of a round's answers at which calls were waiting for the limit; with fewer the limit was not what bound."""
_LAG: Final = 0.1
"""Share of latency that may be the event loop's own lateness."""


class Point(NamedTuple):
    """What a round measured.

    Attributes:
        load: Calls in flight, on average over its calls' lives.
        latency: Seconds of a call of typical length, the geometric mean.
    """

    load: float
    latency: float

    @property
    def throughput(self) -> float:
        """Calls a second, by Little's law."""
        return self.load / self.latency


class Round:
    """Calls sent one after another, judged when most of them are answered."""

    __slots__ = (
        "_answers",
        "_bound",
        "_lag",
        "_latency",
        "_load",
        "_log_latency",
        "_open",
        "_sent",
        "_size",
        "closed",
        "tag",
    )

    def __init__(self, size: int, tag: int = 0) -> None:
        self._size = size
        self._sent = self._open = self._answers = self._bound = 0
        self._load = self._log_latency = self._latency = self._lag = 0.0
        self.closed = False
        self.tag = tag

    @property
    def full(self) -> bool:
        return self._sent >= self._size

    def sent(self) -> None:
        self._sent += 1
        self._open += 1

    def left(self) -> None:
        self._sent -= 1
        self._open -= 1

    def answered(self, latency: float, log_latency: float, load: float, *, bound: bool, lag: float) -> bool:
        self._open -= 1
        self._answers += 1
        self._latency += latency
        self._log_latency += log_latency
        self._load += load
        self._bound += bound
        self._lag += lag
        return self._answers >= _COMPLETE * self._size

    def point(self) -> Point | None:
        """What it measured; None where it decides nothing."""
        n = self._answers
        if self._bound < _BOUND * n or self._lag > _LAG * self._latency:
            return None
        return Point(self._load / n, math.exp(self._log_latency / n))
