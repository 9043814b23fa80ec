"""A rate limit that shows itself in refusals alone. Pure.

The provider's bucket is empty whenever it refuses. So what was accepted between two such episodes, over the time
between them, is the rate, exactly, however calls were spread: if the bucket never ran over. One episode is all
refusals of calls that were sent before the first of them came back; the bucket is empty until the last of those was
sent. What was sent and not refused counts as accepted, also what is in flight.

The first episode only bounds the rate, because the bucket was full before it: what was accepted until then, spread
over the time until the pause ends, is a first guess, right for a bucket that holds as much as refills during the
pause. From there the pace rises until the second episode measures it. Then the rate is known, and with it how much
the bucket held at first. Where no call was accepted at all, nothing was measured. Later the pace is kept a little below
the rate and raised a little when there was no refusal for a while, in steps that grow; each further episode measures
it again.

Where the times that refusals name show that it is no bucket but a window (`_felt_window`), that is kept to instead.
Where calls are refused by chance (`_chance`), no pace is kept.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from ._bucket import Bucket
from ._chance import Chance
from ._felt_window import FeltWindow
from ._history import History

FILL: Final = 0.98
"""Pace, as a share of the rate that was measured."""

FEWEST: Final = 12
"""Calls between two episodes that measure a rate; fewer are joined with the calls before them."""

RAMP: Final = 1.1
RAMP_EVERY: Final = 0.25
"""How the pace rises until the second episode: by this factor every so many seconds, or by more, as below."""

STEP: Final = 0.05
LARGEST_STEP: Final = 1.0
"""How the pace rises later: by this share, more where few calls gave the rate, and doubled with every rise."""

SHORTEST_PATIENCE: Final = 1.0
LONGEST_PATIENCE: Final = 60.0
"""Seconds without a refusal after which the pace rises: as long as the last ones lasted that gave the rate.

What two refusals one second apart have told may be a moment's trouble: it is not believed for longer than that. But
what a rise has shown to be right is believed for twice as long.
"""

FEW_KEPT: Final = 0.75
FEW_RISEN: Final = 0.375
"""How much it counts for chance where only few were accepted between two refusals, and the pace was kept or rose."""

TELLING: Final = 50
"""Calls that measure a rate well; what fewer have told is believed for half as long with each rise."""

MOST_RISES: Final = 16
LONG_ENOUGH: Final = 1.0
"""Rises that are remembered, and seconds after which one is a measurement."""

BREATH: Final = 0.1
SHORT_BREATH: Final = 0.01
"""Seconds of pace that may always be sent at once, because timers are late; and of a pace that is only guessed."""

EARLY: Final = 1.0
"""Seconds after the pause has ended in which a refusal shows that too much was sent at once."""

MOMENT: Final = 0.05
"""The shortest time in seconds that is divided by."""

IDLE: Final = 5.0
"""Seconds without a call after which the bucket may have run over."""


class FeltRate:
    """Learns a rate from refusals.

    Attributes:
        bucket: What may be sent; None until something is learned.
        rate: The rate, where it is more than a guess.
        is_memory: Whether nothing was measured yet that would confirm what was remembered.
    """

    __slots__ = (
        "_accepted",
        "_before",
        "_bound",
        "_burst",
        "_chance",
        "_cost",
        "_end",
        "_end_total",
        "_first",
        "_from",
        "_from_full",
        "_from_total",
        "_last",
        "_least_patience",
        "_patience",
        "_proven",
        "_refused",
        "_refused_at",
        "_refused_ever",
        "_resumes_at",
        "_rise_at",
        "_rise_every",
        "_rises",
        "_step",
        "_taken",
        "_total",
        "_window",
        "bucket",
        "is_memory",
        "rate",
    )

    def __init__(self) -> None:
        self.bucket: Bucket | None = None
        self.rate: float | None = None
        self.is_memory = False
        self._before: tuple[float | None, float, float] | None = None
        self._last = self._resumes_at = self._refused_at = self._end = -math.inf
        self._from_full = True
        self._from = self._from_total = self._end_total = self._refused = self._accepted = 0.0
        self._first: tuple[float, float] | None = None
        self._burst: float | None = None
        self._rises: deque[tuple[float, float]] = deque(maxlen=MOST_RISES)
        self._total = 0.0
        self._bound = False
        self._patience = self._least_patience = SHORTEST_PATIENCE
        self._rise_at = math.inf
        self._step = STEP
        self._proven = 0.0
        self._window: FeltWindow | None = None  # from the first refusal on
        self._chance = Chance()
        self._cost = 1.0
        self._refused_ever = self._taken = 0.0  # in all; and what was not refused when the last episode began
        self._rise_every = SHORTEST_PATIENCE

    @property
    def kept(self) -> tuple[Bucket, float] | None:
        """What calls have to keep to, and its rate, where that is more than a guess."""
        bucket, rate = self.bucket, self.rate
        return None if bucket is None or rate is None or self._chance.refuses else (bucket, rate)

    @property
    def known(self) -> float:
        """The rate, for another time: what was measured, or a pace above it that was held without a refusal."""
        return max(self.rate or 0.0, self._proven)

    @property
    def refused_at(self) -> float:
        """When the last episode began: calls that were sent before are part of it."""
        return self._refused_at

    def restore(self, rate: float, burst: float) -> None:
        """Begin with what was learned another time."""
        self.rate, self._burst, self.is_memory = rate, burst, True
        self.bucket = Bucket(rate * FILL, burst, burst, -math.inf)
        self._rise_at = -math.inf

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be sent."""
        bucket = self.bucket
        if bucket is None or self._chance.refuses:
            return 0.0
        window = self._window
        held = 0.0 if window is None else window.wait(cost, now)
        if window is not None and window.rate is not None:
            return held
        return max(held, self._paced(bucket, cost, now))

    def _paced(self, bucket: Bucket, cost: float, now: float) -> float:
        if self._bound and now >= self._rise_at:
            self._rise(bucket, now)
        seconds = bucket.wait(cost, now)
        if seconds:
            self._bound = True
            if self.rate is None and now < self._rise_at:
                return min(seconds, self._rise_at - now)
        return seconds

    def sent(self, cost: float, now: float, total: float) -> None:
        """A call is sent; `total` is the cost of all before it."""
        if now - self._last > IDLE and now - self._resumes_at > IDLE:
            self._from_full, self._from, self._from_total, self._refused = True, now, total, 0.0
        self._last, self._total = now, total + cost
        if self.bucket is not None:
            self.bucket.take(cost, now)
        if self._window is not None and self._window.sent(cost, now):
            self._keep_to_window(self._window, cost)

    def refused(
        self, sent: History, *, sent_at: float, now: float, retry_after: float, cost: float, bare: bool = True
    ) -> None:
        """A call of about `cost` was refused; `sent` is the running total of what was sent.

        Where limits were shown, too (not `bare`), the time may be that of a reset: no sign of a window.
        """
        self._window = window = self._window or FeltWindow(sent)
        window.refused(sent_at=sent_at, now=now, wish=retry_after if bare else 0.0, cost=cost)
        if sent_at > self._refused_at:
            self._begin(now, cost)
            self._chance.begins((sent.first_from(sent_at) or cost) - cost)
        elif sent_at < self._from:
            return
        self._chance.refused(cost, self._total)
        self._cost = cost
        self._refused += cost
        self._refused_ever += cost
        self._end = max(self._end, sent_at)
        self._end_total = sent.at(self._end) or 0.0
        self._resumes_at = max(self._resumes_at, now + retry_after)
        accepted = self._accepted = self._end_total - self._from_total - self._refused
        seconds = max(0.0, self._end - self._from)
        if accepted >= cost and not self._from_full:
            self._measure(accepted, seconds, cost)
        elif self.bucket is None or self._before is None or (self._from_full and self._before[0] is None):
            self._guess(max(cost, accepted), seconds + retry_after, cost, now)
        else:
            # Nothing is measured: either nothing was accepted since the last episode, or the bucket may have run over
            # before this one, and a rate was known before.
            self.rate, self.bucket.rate, self.bucket.capacity = self._before
        if self._from_full:
            self._first = accepted, seconds
        self._step, self._bound = min(LARGEST_STEP, max(STEP, cost / max(cost, accepted))), False
        self._rise_every = self._patience
        self._rise_at = self._resumes_at + (RAMP_EVERY if self.rate is None else self._patience)
        if self._window is not None:
            self._keep_to_window(self._window, cost)

    def _keep_to_window(self, window: FeltWindow, cost: float) -> None:
        rate, bucket = window.rate, self.bucket
        if rate is not None and bucket is not None:
            self.rate, self.is_memory = rate, False
            bucket.rate, bucket.capacity = rate * FILL, max(1.1 * cost, BREATH * rate)

    def _begin(self, now: float, cost: float) -> None:
        """A new episode: measure from the last one on, if enough was accepted until then."""
        taken, self._taken = self._taken, self._total - self._refused_ever
        if self.rate is not None and 0 < self._taken - taken < FEWEST * cost:
            self._chance.kept(FEW_RISEN if self._has_risen() else FEW_KEPT)
        early = now - self._resumes_at < EARLY
        if self._proven:  # the pace rose, and that was too much
            self._least_patience = min(LONGEST_PATIENCE, 2 * self._patience)
        if self._end >= self._from and (self._from_full or self._accepted >= FEWEST * cost):
            self._judge()
            self._from, self._from_total, self._refused, self._from_full = self._end, self._end_total, 0.0, False
            while self._rises and self._rises[0][0] < self._from:
                self._rises.popleft()
        self._before, self._refused_at, self._proven = None, now, 0.0
        if self.bucket is not None:
            self._before = self.rate, self.bucket.rate, self.bucket.capacity
            if early and self._burst is not None:
                self._burst *= 0.6
            self.bucket.set(0.0, now)

    def _judge(self) -> None:
        """A measurement is complete: whether the pace had risen above the last one, or was kept to and refused."""
        if self._from_full or self.rate is None or self.is_memory:
            return
        if self._has_risen():
            self._chance.exceeded()
        else:
            self._chance.kept()

    def _has_risen(self) -> bool:
        return bool(self._rises) and self._rises[-1][0] > self._from

    def _guess(self, accepted: float, seconds: float, cost: float, now: float) -> None:
        rate = accepted / max(MOMENT, seconds)
        self.rate, self.bucket = None, Bucket(rate, max(1.1 * cost, SHORT_BREATH * rate), 0.0, now)

    def _measure(self, accepted: float, seconds: float, cost: float) -> None:
        bucket = self.bucket
        if bucket is None or not seconds:
            return
        rate = (accepted + cost / 2) / max(MOMENT, seconds)
        rate = self.rate = max(rate, self._since_rises(rate, cost, bucket.rate / FILL))
        self.is_memory = False
        if self._burst is None and self._first is not None:
            self._burst = 0.8 * (self._first[0] - rate * self._first[1])
        bucket.rate = rate * FILL
        bucket.capacity = max(1.1 * cost, BREATH * rate, self._burst or 0.0)
        self._patience = min(LONGEST_PATIENCE, max(self._least_patience, seconds))

    def _since_rises(self, rate: float, cost: float, most: float) -> float:
        """The rate where the bucket ran over, because the pace was too low: from its rise on it gave what it held too.

        Since none of the rises the provider can have given less than this, if it held as much as at first.
        """
        held = 0.0 if self._first is None else max(0.0, self._first[0] - rate * self._first[1])
        best = 0.0
        for when, total in self._rises:
            accepted = self._end_total - total - self._refused - held
            if self._end - when >= LONG_ENOUGH and accepted >= FEWEST * cost:
                best = max(best, accepted / (self._end - when))
        return min(best, most)

    def _rise(self, bucket: Bucket, now: float) -> None:
        bucket.set(bucket.holds(now), now)
        self._rises.append((now, self._total))
        self._bound = False
        if self.rate is None:
            bucket.rate *= max(RAMP, 1 + self._step)
            self._rise_at = now + RAMP_EVERY
        else:
            self._proven = bucket.rate
            bucket.rate *= 1 + self._step
            self._step = min(LARGEST_STEP, 2 * self._step)
            if self._accepted < TELLING * self._cost:
                self._rise_every = max(SHORTEST_PATIENCE, self._rise_every / 2)
            self._rise_at = now + self._rise_every
