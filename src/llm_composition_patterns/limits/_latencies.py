"""When a call has taken so long that a second one is worth its price: pure."""

from __future__ import annotations

from typing import Final

_KEPT: Final = 128
_ENOUGH: Final = 20
_EVERY: Final = 16
_SHARE: Final = 0.05
_MOST_SAVED: Final = 25.0


class Latencies:
    """The latencies of the last calls, and how many of them were hedged."""

    __slots__ = ("_credit", "_next", "_ring", "_since", "_threshold")

    def __init__(self) -> None:
        self._ring: list[float] = []
        self._next = 0
        self._since = 0
        self._threshold: float | None = None
        self._credit = 0.0

    def add(self, latency: float) -> None:
        """A call was accepted after so many seconds."""
        if len(self._ring) < _KEPT:
            self._ring.append(latency)
        else:
            self._ring[self._next] = latency
            self._next = (self._next + 1) % _KEPT
        self._credit = min(self._credit + _SHARE, _MOST_SAVED)
        self._since += 1
        if len(self._ring) >= _ENOUGH and (self._threshold is None or self._since >= _EVERY):
            self._since = 0
            self._threshold = _threshold(self._ring)

    def hedge_after(self) -> float | None:
        """Seconds after which a call is worth a second one; None while too little is known, or too many had one."""
        return self._threshold if self._credit >= 1.0 else None

    def hedged(self) -> None:
        """A call got a second one."""
        self._credit -= 1.0


def _threshold(latencies: list[float]) -> float:
    ordered = sorted(latencies)
    p50, p95 = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
    return max(1.5 * p95, 3.0 * p50)
