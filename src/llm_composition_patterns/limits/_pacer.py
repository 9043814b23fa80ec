"""The pacers of requests and tokens: when the next call fits the provider's rate limits. Pure.

Nothing is held back until something is learned, from whatever the provider gives away, the best first:

- *headers* of replies show limits with what is left of them (`_shown_limit`);
- the *text of a refusal* shows a limit exactly, from then on what is left is counted;
- a *refusal that only says when to come back* is a measurement, and two of them give a rate (`_felt_rate`).

A provider may have several limits of one unit, a day's in the headers and a minute's in its refusals: a call has to
fit each of them. What a refused call would have cost counts for nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ._bucket import Bucket
from ._felt_rate import FeltRate
from ._history import History
from ._moments import LONGEST as LONGEST_WISH
from ._readings import Reading, Refusal, Unit
from ._shown_limit import ShownLimit

RESERVE: Final = 0.005
DEVIATIONS: Final = 2.0
"""What is kept back: this share of a limit, and so many standard deviations of what the calls on their way cost."""

LONGEST_WAIT: Final = 600.0
"""Seconds that no call waits longer for, whatever is read: then one is sent to see."""

FAR: Final = 60.0
FAR_BY_MEMORY: Final = 10.0
A_MOMENT: Final = 1.0
"""Where by what headers show, or by what was remembered, no call fits for longer than this, one is sent after the last
to see. If it is accepted, what held it was wrong; if it is refused, it was right, and is not asked again."""

USERS_BURST: Final[Mapping[Unit, float]] = MappingProxyType({"requests": 0.1, "tokens": 1.0})
"""Seconds of what the user allows that may be sent at once: of requests little, so that no second sees many more than
its share; of tokens more, because calls differ by more than that."""

MOST_LIMITS: Final = 4
"""Limits of one unit that are remembered; of more, the longest unheard of is forgotten."""

STALE: Final = 120.0
"""Seconds after which a limit of headers is gone when replies speak of others only."""

NOTABLE: Final = 0.05
"""By which share a rate must change to be worth a word."""

AVERAGED: Final = 32
"""The average cost is that of about so many calls."""

TINY: Final = 0.001
HUGE: Final = 1e12
"""Limits and costs are between these."""
DEFAULT_PAUSE: Final = 0.25
"""Seconds that a refusal without a time is thought to hold everybody back."""

NEARLY_EMPTY: Final = 0.1
MOSTLY_FULL: Final = 0.8
"""Shares of a limit: below the first it may have refused; above the second it has not, unless it says so."""


class Pacer:
    """Holds calls back until they fit the rate limits of one unit.

    Args:
        unit: What is counted.
        per_minute: What the user allows; kept whatever else is learned.
    """

    __slots__ = (
        "_asked_at",
        "_asks",
        "_cost",
        "_counted",
        "_felt",
        "_last",
        "_margin",
        "_outgrown",
        "_own",
        "_sent",
        "_shown",
        "_told",
        "_total",
        "_variance",
        "unit",
    )

    def __init__(self, unit: Unit, *, per_minute: float | None = None) -> None:
        self.unit = unit
        self._sent = History()
        self._total = 0.0
        self._last: float | None = None
        self._felt = FeltRate()
        self._shown: list[ShownLimit] = []
        self._outgrown: deque[float] = deque(maxlen=MOST_LIMITS)
        self._own: Bucket | None = None
        if per_minute is not None:
            rate = per_minute / 60
            self._own = Bucket(rate, max(1.0, USERS_BURST[unit] * rate), math.inf, -math.inf)
        self._cost = 1.0
        self._variance = self._margin = 0.0
        self._counted = 0
        self._told: float | None = None
        self._asks = False
        self._asked_at = math.inf

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a call of `cost` may be sent; 0 for now."""
        seconds = 0.0
        if self._shown or self._felt.bucket is not None:
            seconds = self._learned_wait(now, cost)
            self._asks = seconds > FAR_BY_MEMORY and self._is_worth_asking(now, cost)
            if seconds:
                waited = 0.0 if self._last is None else max(0.0, now - self._last)
                seconds = min(seconds, max(0.0, (A_MOMENT if self._asks else LONGEST_WAIT) - waited))
        if self._own is not None:
            seconds = max(seconds, self._own.wait(cost, now))
        return seconds

    def fits_in(self, now: float, cost: float) -> tuple[float, bool]:
        """The same, though one may be sent before to see; and whether it is what the user allows."""
        learned = self._learned_wait(now, cost)
        own = 0.0 if self._own is None else self._own.wait(cost, now)
        return max(learned, own), own > learned

    def _learned_wait(self, now: float, cost: float) -> float:
        seconds = 0.0 if self._felt.bucket is None else self._felt.wait(cost, now)
        for shown in self._shown:
            wait = shown.wait(cost, now, RESERVE * shown.limit + self._margin)
            if wait > seconds:
                seconds = wait
        return seconds

    def _is_worth_asking(self, now: float, cost: float) -> bool:
        """Whether what holds a call was never confirmed by a refusal."""
        if self._asked_at < math.inf:
            return False
        if self._felt.is_memory and self._felt.wait(cost, now) > FAR_BY_MEMORY:
            return True
        never_refused = (one for one in self._shown if one.source == "headers" and one.refused_at == -math.inf)
        return any(one.wait(cost, now, RESERVE * one.limit + self._margin) > FAR for one in never_refused)

    def sent(self, now: float, cost: float) -> None:
        """A call of `cost` is sent."""
        if self._asks:
            self._asks, self._asked_at = False, now
        if not self._counted:
            self._cost = max(TINY, cost)
        self._felt.sent(cost, now, self._total)
        self._total += cost
        self._last = now
        self._sent.add(self._total, now)
        for shown in self._shown:
            shown.sent(cost, now)
        if self._own is not None:
            self._own.take(cost, now)

    def corrected(self, now: float, cost: float, actual: float, sent_at: float | None = None) -> None:
        """What a call really cost is known: 0 where it was refused or not sent."""
        if not 0 <= actual < HUGE:
            return
        if actual >= TINY:
            self._learn_cost(cost, actual)
        back = cost - actual
        if not back:
            return
        when = now if sent_at is None else sent_at
        for shown in self._shown:
            if when > shown.anchored:
                shown.give_back(back, now)
        if self._felt.bucket is not None and when > self._felt.refused_at:
            self._felt.bucket.take(-back, now)
        if self._own is not None:
            self._own.take(-back, now)

    def _learn_cost(self, cost: float, actual: float) -> None:
        self._counted = min(AVERAGED, self._counted + 1)
        self._cost += (actual - self._cost) / self._counted
        self._variance += ((actual - cost) ** 2 - self._variance) / self._counted
        self._margin = DEVIATIONS * math.sqrt(self._variance)

    def accepted(self, sent_at: float, now: float) -> None:
        """A call was accepted; if it was sent to see, what held it is believed no longer."""
        if sent_at != self._asked_at:
            return
        self._asked_at = math.inf
        if self._felt.is_memory:
            self._felt = FeltRate()
        for shown in self._shown:
            shown.doubt(self._cost, now)

    def read(self, reading: Reading, *, sent_at: float, now: float) -> bool:
        """An accepted call's reply speaks of a limit; True where that changed the rate notably."""
        reading = _sensible(reading)
        shown = self._find(reading, "headers", now)
        if shown is None or (reading.window is None and shown.is_plenty(now)):
            return False
        before = shown.bucket.rate
        shown.learn(reading, sent_at, now - sent_at)
        shown.source = "headers"
        if reading.remaining is not None and not shown.is_over(reading, now - sent_at):
            shown.anchor(reading.remaining, self._sent, cost=self._cost, sent_at=sent_at, now=now)
        if len(self._shown) > 1 and _tells_rate(reading):
            self._forget_outgrown(shown, sent_at)
        return (self._told is None or shown.bucket.rate != before) and self._changed()

    def refused(self, refusal: Refusal, *, sent_at: float, now: float) -> bool:
        """A call was refused; True where that changed the rate notably."""
        if refusal.too_large or not refusal.tells_rate:
            return False
        readings = [_sensible(reading) for reading in refusal.readings if reading.unit == self.unit]
        least = min(readings, key=_left, default=None)
        if not self._is_meant(refusal, least):
            for reading in readings:
                self.read(reading, sent_at=sent_at, now=now)
            return self._changed()
        for reading in readings:
            if reading is not least:
                self.read(reading, sent_at=sent_at, now=now)
        shown = self._exhausted(refusal, least, now)
        if shown is not None:
            self._empty(shown, least, sent_at, now)
        elif not refusal.daily:
            wish = refusal.retry_after
            pause = wish if wish is not None and 0 < wish <= LONGEST_WISH else DEFAULT_PAUSE
            bare = not refusal.readings
            self._felt.refused(self._sent, sent_at=sent_at, now=now, retry_after=pause, cost=self._cost, bare=bare)
        return self._changed()

    def forget_wishes(self) -> None:
        """When the provider wanted to be called again was wrong, and so is a rate that was felt from it."""
        self._felt = FeltRate()

    def _empty(self, shown: ShownLimit, reading: Reading | None, sent_at: float, now: float) -> None:
        """A limit is exhausted; what was sent before that was noticed tells nothing more."""
        if reading is not None:
            shown.learn(reading, sent_at, now - sent_at)
        if sent_at <= shown.refused_at or shown.is_over(reading, now - sent_at):
            return
        used = None if reading is None or reading.remaining is None else reading.limit - reading.remaining
        shown.exhausted(used, cost=self._cost, now=now)

    def _is_meant(self, refusal: Refusal, least: Reading | None) -> bool:
        """Whether it was a limit of this unit that refused."""
        if refusal.exhausted is not None:
            return refusal.exhausted == self.unit
        others = [_left(reading) for reading in refusal.readings if reading.unit != self.unit]
        if least is not None:
            return _left(least) <= min(others, default=1.0)
        return self.unit == "requests" and min(others, default=1.0) > NEARLY_EMPTY

    def _exhausted(self, refusal: Refusal, least: Reading | None, now: float) -> ShownLimit | None:
        """The limit that refused; None where it does not show itself."""
        if least is None:
            emptiest = min(self._shown, key=lambda shown: shown.holds(now) / shown.bucket.capacity, default=None)
            if emptiest is None or emptiest.holds(now) > max(2 * self._cost, NEARLY_EMPTY * emptiest.bucket.capacity):
                return None
            return emptiest
        if refusal.exhausted is None and _left(least) > MOSTLY_FULL:
            return None
        return self._find(least, "message", now)

    def _find(self, reading: Reading, source: str, now: float) -> ShownLimit | None:
        """The limit that a reading speaks of, a new one where it is not known yet."""
        limit = reading.limit
        if reading.unit != self.unit or not TINY <= limit < HUGE:
            return None
        known = None
        for shown in self._shown:
            if shown.limit == limit:
                shown.seen, known = now, shown
        if known is None and not _tells_rate(reading):
            return None  # of nobody knows how long
        if known is None:
            known = ShownLimit(limit, now, source, used=self._total)
            self._shown.append(known)
            self._forget_guess(source, reading)
        if len(self._shown) > 1:
            self._forget_stale(now)
        return known

    def _forget_guess(self, source: str, reading: Reading) -> None:
        """What is shown overrules what was guessed, but a day's limit does not overrule a minute's."""
        if self._felt.bucket is not None and _tells_rate(reading) and (source == "message" or self._felt.is_memory):
            self._felt = FeltRate()

    def _forget_outgrown(self, shown: ShownLimit, sent_at: float) -> None:
        """What a refusal told is gone when headers show more; but only once: what is told again is another limit."""
        for told in self._shown:
            new = sent_at > told.refused_at and told.limit not in self._outgrown
            if new and shown.shows_more_than(told):
                self._outgrown.append(told.limit)
                self._shown = [one for one in self._shown if one is not told]
                return

    def _forget_stale(self, now: float) -> None:
        kept = [shown for shown in self._shown if shown.source != "headers" or now - shown.seen <= STALE]
        if len(kept) > MOST_LIMITS:
            kept.remove(min(kept, key=lambda shown: shown.seen))
        self._shown = kept

    @property
    def is_given(self) -> bool:
        """Whether there is a rate that the user allows."""
        return self._own is not None

    def can_be(self, cost: float) -> bool:
        """Whether a call can have cost this: no more than all of the largest limit, or than what a minute gives."""
        for shown in self._shown:
            if cost <= shown.limit or cost <= 60 * shown.bucket.rate:
                return True
        return not self._shown

    @property
    def rate(self) -> float | None:
        """How much may be sent a second, as far as it is known; a day's limit is not counted."""
        slowest = self._slowest()
        return None if slowest is None else slowest[0].rate

    @property
    def source(self) -> str | None:
        """Where the rate was learned: "headers", "message", "retry_after", "memory" or "user"."""
        slowest = self._slowest()
        return None if slowest is None else slowest[1]

    def _slowest(self) -> tuple[Bucket, str] | None:
        slowest = None if self._own is None else (self._own, "user")
        for shown in self._shown:
            if not shown.is_long and (slowest is None or shown.bucket.rate < slowest[0].rate):
                slowest = shown.bucket, shown.source
        felt = self._felt.kept
        if felt is not None and (slowest is None or felt[1] < slowest[0].rate):
            slowest = felt[0], "memory" if self._felt.is_memory else "retry_after"
        return slowest

    def _changed(self) -> bool:
        rate, told = self.rate, self._told
        if rate is None or (told is not None and abs(rate - told) <= NOTABLE * told):
            return False
        self._told = rate
        return True

    def remembered(self) -> dict[str, float]:
        """What is worth to be known next time; what was remembered and is slow only if it was confirmed."""
        learned = [(shown.known, shown.bucket) for shown in self._shown if not shown.is_long]
        felt = self._felt.kept
        if felt is not None and not (self._felt.is_memory and felt[1] * FAR_BY_MEMORY < 1):
            learned.append((self._felt.known, felt[0]))
        if not learned:
            return {}
        rate, bucket = min(learned, key=lambda one: one[0])
        return {"rate": rate, "burst": bucket.capacity}

    def restore(self, values: Mapping[str, float]) -> None:
        """Begin with what was remembered; what the provider says overrules it."""
        rate, burst = values.get("rate", 0.0), values.get("burst", 0.0)
        if 1 / LONGEST_WAIT <= rate < HUGE and 0 < burst < HUGE:
            self._felt.restore(rate, burst)


def _sensible(reading: Reading) -> Reading:
    """The same without a rest that cannot be."""
    remaining = reading.remaining
    return reading if remaining is None or 0 <= remaining <= reading.limit else replace(reading, remaining=None)


def _left(reading: Reading) -> float:
    """What is left, as a share."""
    return 1.0 if reading.remaining is None or not reading.limit > 0 else reading.remaining / reading.limit


def _tells_rate(reading: Reading) -> bool:
    return bool(reading.window) or (bool(reading.reset) and reading.remaining is not None)
