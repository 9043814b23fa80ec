"""The breaker: while the provider fails, one call at a time asks whether it is back. Pure.

Three failures without a success between them open it. From then on one probe is let through every half second, less
often as the outage lasts, at least one a second; also while earlier ones have not come back, because a provider that
hangs answers none. The first probe that succeeds closes it. Calls that were sent before it opened neither close it nor
count: a long answer that still comes says nothing of whether new calls are taken.
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 3
"""Failures in a row that open the breaker."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 1.0
PAUSE_GROWTH: Final = 1.1
"""Seconds between two probes, and how they grow."""


class Breaker:
    """Holds calls back while the provider fails.

    Attributes:
        is_open: Whether it holds calls back.
        since: When the outage began, by its first failure; None while there is none.
    """

    __slots__ = ("_failures", "_first_failure", "_next_probe", "_pause", "is_open", "since")

    def __init__(self) -> None:
        self.is_open: bool = False
        self.since: float | None = None
        self._failures = 0
        self._first_failure = 0.0
        self._next_probe = 0.0
        self._pause = FIRST_PAUSE

    def wait(self, now: float) -> float:
        """Seconds until a call may be sent; while it is open, that call is the probe."""
        return max(0.0, self._next_probe - now) if self.is_open else 0.0

    def sent(self, now: float) -> bool:
        """A call was sent; True where it is a probe."""
        if not self.is_open:
            return False
        self._next_probe = now + self._pause
        self._pause = min(LONGEST_PAUSE, self._pause * PAUSE_GROWTH)
        return True

    def ended(self, now: float, ok: bool, probe: bool) -> None:  # noqa: FBT001 - said at every call's end
        """A call ended: the provider answered, or it failed."""
        if self.is_open:
            if ok and probe:
                self._close()
        elif ok:
            self._failures = 0
        else:
            self._count(now)

    def ignored(self, now: float, probe: bool) -> None:  # noqa: FBT001
        """A call ended in a way that says nothing of the provider; a probe's place is free again."""
        if probe and self.is_open:
            self._next_probe = now

    def _count(self, now: float) -> None:
        if not self._failures:
            self._first_failure = now
        self._failures += 1
        if self._failures >= FAILURES:
            self.is_open, self.since = True, self._first_failure
            self._pause = FIRST_PAUSE
            self._next_probe = now + FIRST_PAUSE

    def _close(self) -> None:
        self.is_open = False
        self.since = None
        self._failures = 0
