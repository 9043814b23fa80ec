"""The breaker: while the provider fails, one call at a time asks whether it is back. Pure.

Failures open it of which `_evidence` says that they show an outage: three in a row, where hardly anything else fails.
From then on one probe is let through every half second, less often as the outage lasts, at least one a second; also
while earlier ones have not come back, because a provider that hangs answers none. But where it says nothing, a probe is
waited for as long as answers take there: a slow server with a single slot could not serve more. The first probe that
succeeds closes it. Of calls that were sent before it opened, a long answer says nothing of whether new ones are taken;
but where nothing is left that speaks for an outage, because those calls were sent after all that had failed, there was
none, and it closes, too.

What a call has failed in an outage beyond doubt is not held against it when that is over.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ._evidence import Evidence

FIRST_GAP: Final = 0.5
LONGEST_GAP: Final = 1.0
GAP_GROWTH: Final = 1.1
"""Seconds between two probes, and how they grow."""

LONGEST_WAIT: Final = 10.0
"""Seconds that a probe is waited for before there is another one, at most."""

KEPT: Final = 32
"""Outages that are remembered."""


class Breaker:
    """Holds calls back while the provider fails.

    Attributes:
        is_open: Whether it holds calls back.
        since: When the outage began, by its first failure; None while there is none.
        calls: Calls that were sent so far.
        hangs_for: Seconds for which a probe may still be answered, where the provider says nothing; 0 where it says
            that it fails.
        evidence: The failures that speak for an outage.
    """

    __slots__ = (
        "_before", "_gap", "_needed", "_next_if_failed", "_next_probe", "_outages", "_probe", "calls", "evidence",
        "hangs_for", "is_open", "since",
    )  # fmt: skip

    def __init__(self) -> None:
        self.is_open: bool = False
        self.since: float | None = None
        self.calls: int = 0
        self.hangs_for: float = 0.0
        self.evidence: Evidence = Evidence()
        self._before = 0  # the last call that was answered before it opened, by its number
        self._needed = 0  # failures without which it would not have opened
        self._outages: deque[range] = deque(maxlen=KEPT)  # those beyond doubt that are over: the calls sent in them
        self._next_probe = self._next_if_failed = 0.0
        self._probe = 0  # the last one, by its number
        self._gap = FIRST_GAP

    @property
    def is_certain(self) -> bool:
        """Whether it is open for so many different calls that it is not for what is in them."""
        return self.is_open and self.evidence.is_certain

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

    def answered(self, probe: bool, number: int) -> None:  # noqa: FBT001 - said often
        """The provider answered the call of this number."""
        if not self.is_open:
            self.evidence.answers(number)
        elif probe:
            if self.evidence.is_doubtless:
                self._outages.append(range(self._before + 1, number))
            self.evidence.is_over(number)
            self.is_open, self.since = False, None
        else:
            self.evidence.answers(number)
            if len(self.evidence) < self._needed:
                self.is_open, self.since = False, None

    @property
    def over(self) -> tuple[range, ...]:
        """The calls, by number, that were sent in outages that are over."""
        return tuple(self._outages)

    def failed(self, now: float, number: int, first: int) -> None:
        """The provider failed the call of this number.

        Args:
            now: The time.
            number: The call's.
            first: The number of the first attempt that failed at what this one is an attempt at.
        """
        since = self.evidence.fails(number, first, now)
        if self.is_open:
            if number == self._probe:
                self._next_probe = min(self._next_probe, self._next_if_failed)
        elif since is not None:
            self.is_open, self.since = True, since
            self._before, self._needed = self.evidence.answered, self.evidence.needed
            self._gap = FIRST_GAP
            self._probe = -1
            self._next_probe = now + FIRST_GAP

    def ignored(self, now: float, probe: bool) -> None:  # noqa: FBT001
        """A call ended in a way that says nothing of the provider; a probe's place is free again."""
        if probe and self.is_open:
            self._next_probe = now
