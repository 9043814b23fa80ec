"""A limit on what is sent in so many seconds, that shows itself in refusals alone. Pure.

A bucket that refills steadily takes the next call as soon as there is room for one. A window does not: when it is used
up, nothing is taken until its oldest call is as old as the window is long, or until the next window begins. So it names
a time in which several calls would have refilled at the rate at which it takes them, which a bucket never does.

How much is accepted from the end of one pause to the next refusal, and how long it is from that to the end of the next
pause, may be the window. It is, if it is the same twice: from then on nothing is sent that would make it more in any
time of that length. That is right for windows that slide, and for such as follow each other; and where it was sent in
a burst, it is sent in a burst again.

Until then it is only tried. What it holds for a moment may have left the window then, as in one that slides; what it
would hold for long is let pass, and all that follows: the next refusal tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final, NamedTuple

from ._window import KEPT, Window

FEWEST: Final = 4
"""Calls in a window, at least."""

MORE_THAN_A_BUCKET: Final = 2.0
ROUNDED: Final = 1.0
"""Calls that would have refilled in the time that is named; and seconds by which it may be rounded up."""

ALIKE: Final = 0.1
"""Windows that differ by no more than this share, and by what is rounded, are the same."""

MOMENT: Final = 0.1
SHORTEST_MOMENT: Final = 0.25
"""What holds a call for more than this share of a window that is only tried, and so many seconds, is let pass."""

STEP: Final = 0.02
LARGEST_STEP: Final = 1.0
PATIENCE: Final = 2.0
LONGEST_PATIENCE: Final = 16.0
"""By which share the limit is raised when it held calls for a while, doubled with each rise; and that while, in lengths
of the window: at first, and the most, because it is twice as long when a rise was too much."""


class Found(NamedTuple):
    """A window, as one pause and what came before it showed it."""

    limit: float
    length: float


class FeltWindow:
    """Learns a window from refusals, and keeps to it.

    Args:
        sent: The running total of what was sent before, and when.
    """

    __slots__ = (
        "_bound",
        "_found",
        "_held",
        "_is_sure",
        "_missed",
        "_patience",
        "_resumed_at",
        "_resumes_at",
        "_right",
        "_rise_at",
        "_start",
        "_step",
        "_taken",
        "_window",
        "_wish",
    )

    def __init__(self, sent: Iterable[tuple[float, float]] = ()) -> None:
        self._window = Window()
        self._start = self._rise_at = inf
        self._taken = 0.0  # since then
        for when, total in sent:
            self._start = min(self._start, when)
            self._window.take(total - self._taken, when)
            self._taken = total
        self._resumes_at = inf  # after a refusal: when the next call may be sent
        self._wish = self._held = 0.0  # of the last refusal: what it named, and what was in the window
        self._found: Found | None = None
        self._right = 0.0  # the limit before it was raised
        self._is_sure = self._missed = self._bound = False
        self._step, self._patience = STEP, PATIENCE

    @property
    def rate(self) -> float | None:
        """What may be sent a second; None where no window was found."""
        return self._window.limit / self._window.length if self._is_sure else None

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be sent."""
        window = self._window
        seconds = window.wait(cost, now)
        if not seconds:
            return 0.0
        if not self._is_sure:
            return self._let_pass(seconds)
        if self._bound and now >= self._rise_at:
            self._right = window.limit
            window.limit += max(cost, self._step * window.limit)
            self._step = min(LARGEST_STEP, 2 * self._step)
            self._rise_at = now + self._patience * window.length
            seconds = window.wait(cost, now)
        self._bound = True
        return seconds

    def _let_pass(self, seconds: float) -> float:
        if seconds <= max(SHORTEST_MOMENT, MOMENT * self._window.length):
            return seconds
        self._window.limit = inf
        return 0.0

    def sent(self, cost: float, now: float) -> bool:
        """A call is sent; True where that shows what the window is."""
        learned = False
        if now >= self._resumes_at:
            learned = self._compare(cost, now)
            self._start, self._taken, self._resumes_at = self._resumes_at, 0.0, inf
        elif self._start == inf:
            self._start = now
        self._taken += cost
        self._window.take(cost, now)
        return learned

    def refused(self, *, sent_at: float, now: float, wish: float, cost: float) -> None:
        """A call was refused."""
        if sent_at >= self._start:
            self._taken -= cost
        self._window.give_back(sent_at)
        self._wish, self._held = wish, self._window.used(now)
        self._resumes_at = now + wish if self._resumes_at == inf else max(self._resumes_at, now + wish)

    def _compare(self, cost: float, now: float) -> bool:
        """The first call after a pause: see whether what was before it is as it was before the last one."""
        if self._is_sure:
            self._mend(cost, now)
            return self._is_sure
        found, before = Found(self._taken, self._resumes_at - self._start), self._found
        self._found = found if self._may_be_one(found, cost) else None
        if self._found is None:
            self._window.limit = self._window.length = inf
            return False
        self._is_sure = before is not None and _are_alike(found, before, cost)
        limit = found.limit if before is None or not self._is_sure else min(found.limit, before.limit)
        self._keep_to(Found(limit, found.length), now)
        return self._is_sure

    def _may_be_one(self, found: Found, cost: float) -> bool:
        if not (FEWEST * cost <= found.limit <= KEPT * cost and found.length > 0):
            return False
        return (self._wish - ROUNDED) * found.limit / found.length >= MORE_THAN_A_BUCKET * cost

    def _keep_to(self, found: Found, now: float) -> None:
        self._window.limit, self._window.length = found
        self._right, self._missed, self._bound = 0.0, False, False
        self._step, self._patience = STEP, PATIENCE
        self._rise_at = now + PATIENCE * found.length

    def _mend(self, cost: float, now: float) -> None:
        """A call was refused though it kept to the window: it was raised by too much, or is another one by now."""
        window = self._window
        if self._right:
            window.limit, self._right, self._missed = self._right, 0.0, False
            self._patience = min(LONGEST_PATIENCE, 2 * self._patience)
        elif self._missed:
            window.limit = window.length = inf
            self._found, self._is_sure = None, False
        else:
            window.limit, self._missed = max(cost, min(window.limit, self._held)), True
        self._bound, self._step = False, STEP
        self._rise_at = now + self._patience * window.length


def _are_alike(one: Found, other: Found, cost: float) -> bool:
    return (
        abs(one.limit - other.limit) <= max(cost, ALIKE * other.limit)
        and abs(one.length - other.length) <= ROUNDED + ALIKE * other.length
    )
