"""A rate limit that the provider shows, in headers or in the text of a refusal. Pure.

What is used and when all of it is back give the rate. Both are rounded, so one reply gives a range of rates; the
ranges of many replies are intersected, and where they exclude each other the rate has changed. Where a whole limit a
second, a minute, an hour or a day lies in the range, that is what it is taken for.

What is left, and what was sent after the call that was told so, give the level. Some providers hold less than they
show: they refuse while something is left. What was used then is what they hold.

A limit that only a refusal told may be raised, or was misread, and nothing says so. So while it holds calls back and
none is refused, the pace rises from time to time, in steps that grow; the next refusal ends that.

Two kinds are told apart. A steady one refills all the time, so that with every use it becomes full later. A windowed
one is full again at a fixed time, however much is used until then; it gives nothing before. Where nothing is left and
all is back in 0 s, that is the rest of a window, rounded down.
"""

from __future__ import annotations

import math
from typing import Final

from ._bucket import Bucket
from ._history import History
from ._readings import Reading

WINDOWS: Final = (60.0, 1.0, 3600.0, 86400.0)
"""Seconds in which a limit commonly refills, the likeliest first."""

MINUTE: Final = 60.0
LONGEST_RESET: Final = 32 * 86400.0
"""Seconds beyond which a reset or a window is a mistake: a month's limits exist."""

SHORTEST_RESET: Final = 0.001
"""Seconds below which a reset or a window says nothing."""

FINE: Final = 0.01
COARSE: Final = 1.0
"""Seconds to which a reset is rounded: where it has decimals, and where it is a whole number."""

SURE: Final = 3.0
"""Seconds by which a steady limit would be full later at the second of two replies that tell of which kind it is,
besides what they took."""

AT_ONCE: Final = 0.005
"""Seconds within which calls may overtake each other on their way."""

SHORTEST_PERIOD: Final = 1.0
"""Seconds of the shortest window that is counted with."""

LONG: Final = 3600.0
"""Seconds to refill from which on a limit is no pace but a stock."""

ENOUGH: Final = 16
"""Replies that are read in any case."""

A_MOMENT: Final = 0.02
"""Seconds for which one reply is enough while much is left: reading many a second costs more than they tell."""

ALIKE: Final = 0.02
"""By which share two windows may differ and be the same."""

DRIFT: Final = 0.995
"""Pace, as a share of the rate, where only refusals show what is left: others may use a little of it."""

RISE_AFTER: Final = 120.0
SOONEST_RISE: Final = 15.0
"""Seconds without a refusal after which the pace of a told limit rises: at first, then halved down to this."""

STEP: Final = 0.05
LARGEST_STEP: Final = 1.0
"""How it rises: by this share, doubled with every rise."""


class ShownLimit:
    """One rate limit of a provider.

    Attributes:
        limit: Its number, by which it is recognised.
        bucket: What may be sent.
        source: Where it was learned: "headers" or "message".
        anchored: Send time of the call whose reply told the level.
        refused_at: When its last refusal came.
        seen: When a reply last spoke of it.
    """

    __slots__ = (
        "_before",
        "_bound",
        "_doubted_until",
        "_high",
        "_late",
        "_levels",
        "_low",
        "_pace",
        "_period",
        "_rate",
        "_read",
        "_read_at",
        "_reference",
        "_rise_after",
        "_rise_at",
        "_shift",
        "_step",
        "_window",
        "anchored",
        "bucket",
        "full_at",
        "limit",
        "refused_at",
        "seen",
        "source",
        "windowed",
    )

    def __init__(self, limit: float, now: float, source: str, *, used: float = 0.0) -> None:
        self.limit = limit
        self.source = source
        self._rate = limit / MINUTE
        self._pace = DRIFT if source == "message" else 1.0
        self.bucket = Bucket(self._rate * self._pace, limit, max(0.0, limit - used), now)
        self.anchored = -math.inf
        self.seen = now
        self._read = 0
        self._read_at = -math.inf
        self.windowed = False
        self.full_at = now
        self._window: float | None = None
        self._low, self._high = 0.0, math.inf
        self._reference: tuple[float, float, float] | None = None
        self.refused_at = -math.inf
        self._period = SHORTEST_PERIOD
        self._late = 0.0
        self._before, self._levels = History(), History()
        self._shift = 0.0
        self._bound = False
        self._doubted_until = -math.inf
        self._calm(now)

    @property
    def is_long(self) -> bool:
        """Whether it takes so long to refill that it is a stock rather than a pace."""
        return self.limit >= LONG * self.bucket.rate

    @property
    def known(self) -> float:
        """The rate, for another time: without what is kept back because others may use a little."""
        return min(self._rate, self.bucket.rate / DRIFT)

    def is_plenty(self, now: float) -> bool:
        """Whether at least half is left, many replies were read, and one just now; else the next one is to be read."""
        if self._read >= ENOUGH and now - self._read_at < A_MOMENT and self.holds(now) > self.bucket.capacity / 2:
            return True
        self._read += 1
        self._read_at = now
        return False

    def learn(self, reading: Reading, sent_at: float, delay: float) -> None:
        """Learn the rate, and of which kind the limit is."""
        if (window := _sensible(reading.window)) is not None:
            self._window = window
            self._set_rate(self.limit / window)
        reset = _sensible(reading.reset)
        if reset is not None and reading.remaining is not None:
            used = self.limit - reading.remaining
            self._tell_kind(used, sent_at, reset, delay)
            if self._window is None and not self.windowed and used > 0:
                self._narrow(used, reset)
                self._set_rate(_likely(self.limit, self._low, self._high, used / reset))
        if reading.reset == 0 == reading.remaining:  # rounded down: the rest of a window
            self.windowed, self._late = True, COARSE
        news = sent_at >= self.anchored and not self.is_over(reading, delay)
        if self.windowed and reading.reset is not None and news:
            self._ends(sent_at + self._until_end(reading.reset))

    def is_over(self, reading: Reading | None, delay: float) -> bool:
        """Whether a reply that took `delay` speaks of a window that ended before it came: nothing of this one."""
        if not self.windowed or reading is None or reading.reset is None:
            return False
        return self._until_end(reading.reset) <= delay

    def shows_more_than(self, other: ShownLimit) -> bool:
        """Whether it is the same limit as one that a refusal told, but larger: the account got another."""
        if other.source != "message" or self.limit <= other.limit or other._window is None:
            return False
        return math.isclose(self.limit / self._rate, other._window, rel_tol=ALIKE)

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        self.bucket.rate = rate * self._pace

    def _narrow(self, used: float, reset: float) -> None:
        error = COARSE if reset == int(reset) else FINE
        low = max(min(used, 1.0), used - 1) / (reset + error)  # of 1 used, none is back yet
        high = used / (reset - error) if reset > error else math.inf
        if max(low, self._low) > min(high, self._high):
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)

    def _until_end(self, reset: float) -> float:
        return reset + (self._late if reset == int(reset) else 0.0)

    def _ends(self, full_at: float) -> None:
        """A window ends then; of times that differ by what they are rounded the latest is right, or late."""
        if not 0 <= self.full_at - full_at < COARSE:
            self.full_at = full_at
        self._set_rate(self.limit / (self._window or self._period))

    def _tell_kind(self, used: float, sent_at: float, reset: float, delay: float) -> None:
        full_at = sent_at + reset
        self._period = max(self._period, reset)
        if self._reference is None or sent_at >= self._reference[1]:  # of another window
            self._reference = sent_at, full_at, used
            return
        then, full_then, used_then = self._reference
        passed = sent_at - then
        later = passed + max(0.0, used - used_then) * reset / max(used, 1.0)  # full by so much, if it is steady
        if later < SURE + 2 * delay:
            return
        self._reference = sent_at, full_at, used
        if used >= used_then and used > 0:
            windowed = full_at - full_then < later / 2
            if windowed and not self.windowed:
                self._low, self._high, self.full_at = 0.0, math.inf, full_at
            self.windowed = windowed

    def anchor(self, remaining: float, sent: History, *, cost: float, sent_at: float, now: float) -> None:
        """Believe what a reply says was left when its call, of about `cost`, was sent.

        Calls that were sent at nearly the same time may have arrived in any order, so what was left is compared with
        what was believed before and after all of them.

        Args:
            remaining: What was left.
            sent: The running total of what was sent.
            cost: What a call costs.
            sent_at: When the call was sent.
            now: The loop's time.
        """
        if sent_at < self.anchored or (self.windowed and now >= self.full_at):
            return
        self.anchored = sent_at
        left = remaining - (self.limit - self.bucket.capacity)
        low, high = self._levels.at(sent_at + AT_ONCE), self._before.first_from(sent_at - AT_ONCE)
        if low is None or high is None:
            wrong = self._beyond(left, sent, cost, sent_at, now)
        else:
            low, high = low + self._shift, high - cost + self._shift
            wrong = min(0.0, left - low) or max(0.0, left - max(low, high))
        if wrong:
            self.give_back(wrong, now)

    def _beyond(self, left: float, sent: History, cost: float, sent_at: float, now: float) -> float:
        """How far the level is from what it can be, where what was believed at `sent_at` is not known."""
        until = sent.at(sent_at + AT_ONCE) or 0.0
        at_once = until - (sent.at(sent_at - AT_ONCE) or 0.0)
        refilled = 0.0 if self.windowed else self.bucket.rate * max(0.0, now - sent_at)
        high = left + refilled - ((sent.at(math.inf) or 0.0) - until)
        low = high - max(0.0, at_once - cost)
        level = self.holds(now)
        return min(0.0, high - level) or max(0.0, low - level)

    def exhausted(self, used: float | None, *, cost: float, now: float) -> None:
        """It refused a call: nothing is left, so it holds what was used."""
        self._doubted_until = -math.inf
        before = self.holds(now)
        if used is not None and used > 0:
            held = min(self.limit, max(used, cost))
            known = self.bucket.capacity
            if held < 0.8 * known or held > known or known == self.limit:
                self.bucket.capacity = self.limit if self.limit - held <= cost else held
        self._shift -= before
        self.bucket.set(0.0, now)
        self.anchored = now
        if self.refused_at > -math.inf and self.source == "message":
            soon = now - self.refused_at < MINUTE
            self._pace = max(0.1, min(DRIFT, self._pace) * 0.95) if soon else min(DRIFT, self._pace * 1.05)
            self._set_rate(self._rate)
        self.refused_at = now
        self._calm(now)

    def doubt(self, cost: float, now: float) -> None:
        """A call was accepted that it would not have let through: until it would, it is not believed."""
        self._doubted_until = max(self._doubted_until, now + self.wait(cost, now, 0.0))

    def _calm(self, now: float) -> None:
        """The pace does not rise for a while."""
        self._step, self._rise_after, self._rise_at = STEP, RISE_AFTER, now + RISE_AFTER

    def _rise(self, now: float) -> None:
        self.bucket.set(self.bucket.holds(now), now)
        self._bound = False
        self._pace *= 1 + self._step
        self._set_rate(self._rate)
        self._step = min(LARGEST_STEP, 2 * self._step)
        self._rise_after = max(SOONEST_RISE, self._rise_after / 2)
        self._rise_at = now + self._rise_after

    def holds(self, now: float) -> float:
        """How much may be sent now."""
        if not self.windowed:
            return self.bucket.holds(now)
        return self.bucket.level if now < self.full_at else self.bucket.capacity

    def sent(self, cost: float, now: float) -> None:
        """A call is sent."""
        self._before.add(self.holds(now) - self._shift, now)
        self._change(-cost, now)
        self._levels.add(self.bucket.level - self._shift, now)

    def give_back(self, amount: float, now: float) -> None:
        """The level is higher by so much than was believed, and was already when the calls on their way were sent."""
        self._change(amount, now)
        self._shift += amount

    def _change(self, amount: float, now: float) -> None:
        level = self.holds(now) + amount
        if self.windowed and now >= self.full_at:
            self.full_at += self._period * (1 + (now - self.full_at) // self._period)
        self.bucket.set(level, now)

    def wait(self, cost: float, now: float, reserve: float) -> float:
        """Seconds until `cost` may be sent."""
        if now < self._doubted_until:
            return 0.0
        if self.windowed:
            wanted = min(cost + math.floor(reserve), self.bucket.capacity)
            return self.full_at - now if self.holds(now) < wanted else 0.0
        if self._bound and now >= self._rise_at and self.source == "message":
            self._rise(now)
        most = self.bucket.capacity / 4
        seconds = self.bucket.wait(cost, now, reserve if reserve < most else most)
        self._bound = self._bound or seconds > 0
        return seconds


def _likely(limit: float, low: float, high: float, measured: float) -> float:
    for window in WINDOWS:
        if low <= limit / window <= high:
            return limit / window
    return min(max(measured, low), high)


def _sensible(seconds: float | None) -> float | None:
    return seconds if seconds is not None and SHORTEST_RESET <= seconds <= LONGEST_RESET else None
