"""The breaker: while the provider fails, one call at a time asks whether it is back. Pure.

Three failures without a success between them open it. So do those of three calls that were sent one after another,
whatever came between them: where failures come sooner than answers, that may be answers to calls from before. From then
on one probe is let through every half second, less often as the outage lasts, at least one a second; also while earlier
ones have not come back, because a provider that hangs answers none. But where it says nothing, a probe is waited for as
long as answers take there: a slow server with a single slot could not serve more. The first probe that succeeds closes
it. Calls that were sent before it opened neither close it nor count: a long answer that still comes says nothing of
whether new calls are taken.
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = 3
"""Failures in a row that open the breaker."""

KEPT: Final = 64
"""Failures that are kept to find those of calls sent in a row."""

FIRST_GAP: Final = 0.5
LONGEST_GAP: Final = 1.0
GAP_GROWTH: Final = 1.1
"""Seconds between two probes, and how they grow."""

LONGEST_WAIT: Final = 10.0
"""Seconds that a probe is waited for before there is another one, at most."""


class Breaker:
    """Holds calls back while the provider fails.

    Attributes:
        is_open: Whether it holds calls back.
        since: When the outage began, by its first failure; None while there is none.
        calls: Calls that were sent so far.
        hangs_for: Seconds for which a probe may still be answered, where the provider says nothing; 0 where it says
            that it fails.
    """

    __slots__ = (
        "_failed", "_failures", "_first_failure", "_gap", "_next_if_failed", "_next_probe", "_probe", "calls",
        "hangs_for", "is_open", "since",
    )  # fmt: skip

    def __init__(self) -> None:
        self.is_open: bool = False
        self.since: float | None = None
        self.calls: int = 0
        self.hangs_for: float = 0.0
        self._failed: dict[int, float] = {}  # calls by their number, and when they failed
        self._failures = 0
        self._first_failure = 0.0
        self._next_probe = self._next_if_failed = 0.0
        self._probe = 0  # the last one, by its number
        self._gap = FIRST_GAP

    def wait(self, now: float) -> float:
        """Seconds until a call may be sent; while it is open, that call is the probe."""
        return max(0.0, self._next_probe - now) if self.is_open else 0.0

    def sent(self, now: float) -> bool:
        """A call was sent, its number is `calls` now; True where it is a probe."""
        self.calls += 1
        if not self.is_open:
            return False
        self._probe = self.calls
        self._next_if_failed = now + self._gap
        self._next_probe = now + max(self._gap, min(self.hangs_for, LONGEST_WAIT))
        self._gap = min(LONGEST_GAP, self._gap * GAP_GROWTH)
        return True

    def ended(self, now: float, ok: bool, probe: bool, number: int = 0) -> None:  # noqa: FBT001 - said often
        """A call ended, the one of this number (0: not known): the provider answered, or it failed."""
        if self.is_open:
            if ok and probe:
                self._close()
            elif number == self._probe:
                self._next_probe = min(self._next_probe, self._next_if_failed)
        elif ok:
            self._failures = 0
        else:
            self._count(now, number)

    def ignored(self, now: float, probe: bool) -> None:  # noqa: FBT001
        """A call ended in a way that says nothing of the provider; a probe's place is free again."""
        if probe and self.is_open:
            self._next_probe = now

    def _count(self, now: float, number: int) -> None:
        if not self._failures:
            self._first_failure = now
        self._failures += 1
        first = self._first_failure if self._failures >= FAILURES else self._first_in_a_row(now, number)
        if first is not None:
            self.is_open, self.since = True, first
            self._gap = FIRST_GAP
            self._probe = -1
            self._next_probe = now + FIRST_GAP

    def _first_in_a_row(self, now: float, number: int) -> float | None:
        """When the first call failed of the row of failed ones around this; None where that is too short."""
        failed = self._failed
        failed[number] = now
        if len(failed) > KEPT:
            del failed[next(iter(failed))]
        low = high = number
        while low - 1 in failed:
            low -= 1
        while high + 1 in failed:
            high += 1
        if high - low + 1 < FAILURES:
            return None
        return min(failed[one] for one in range(low, high + 1))

    def _close(self) -> None:
        self.is_open = False
        self.since = None
        self._failures = 0
        self._failed.clear()
