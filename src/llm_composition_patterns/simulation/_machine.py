"""What a server with a limited capacity makes of the requests that come: arithmetic, without a clock.

All requests at work get on equally fast, so one number describes them: the work done so far by one that was there from
the start. It grows with the speed that their number allows, and a request ends when it has grown by the request's own
work. A new speed changes how fast that number grows, not the numbers at which requests end; so whatever happens costs
the time of a heap, however many are at work.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal

from ._capacity import Beyond, Capacity

_THRASHING_FROM = 1.5

Refusal = Literal["full", "too_many"]
"""Why a request is not taken: the queue is full, or there are too many at once."""


def speed(running: int, knee: float, beyond: Beyond) -> float:
    """How fast each of so many requests gets on: 1 is full speed."""
    if beyond == "soft":
        return 1 / (1 + running / knee)
    if beyond == "thrash" and running > _THRASHING_FROM * knee:
        return _THRASHING_FROM * knee * knee / (running * running)
    return min(1.0, knee / running)


@dataclass(slots=True, eq=False)
class Place:
    """A request's place in a machine.

    Attributes:
        stages: What is left to reach: work since its start, the last one its end.
        reached: How many stages it has reached.
        state: Where it is.
    """

    stages: Iterator[float]
    reached: int = 0
    state: Literal["waiting", "running", "gone"] = "waiting"
    started: float = 0.0


class Machine:
    """A server that works on requests as its capacity allows.

    Times are seconds on the caller's clock, and never go back. Each method first lets happen what had to happen until
    then; what was reached is kept for `advance` to tell.

    Args:
        capacity: How much it can do.
        first: The time from which on changes count; None for the first arrival's.
    """

    def __init__(self, capacity: Capacity, *, first: float | None = None) -> None:
        self._capacity = capacity
        self._changes = deque(capacity.changes)
        self._first = first
        self._scale(1.0)
        self._waiting: deque[Place] = deque()
        self._running: list[tuple[float, int, Place]] = []  # a heap; those that left are dropped when they come up
        self._count = self._queued = self._number = 0
        self._reached: list[Place] = []
        # The work done is `_done` at `_since`, and grows by `_speed` a second.
        self._done = self._since = 0.0
        self._speed = 1.0
        self._is_clock = True  # at full speed since the machine was idle, work done is the time itself: no rounding

    @property
    def running(self) -> int:
        """Requests at work."""
        return self._count

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._queued

    def refusal(self, now: float) -> Refusal | None:
        """Why a request that comes now would not be taken; None if it would."""
        self._let_happen(now)
        if self._count + self._queued >= self._at_once:
            return "too_many"
        queue = self._capacity.queue
        is_full = queue is not None and self._count >= self._slots and self._queued >= queue
        return "full" if is_full else None

    def arrive(self, now: float, work: float, *, stages: Iterable[float] = ()) -> Place | Refusal:
        """Take a request, or say why not.

        Args:
            now: The time.
            work: Seconds that it takes at full speed.
            stages: Seconds at full speed after which `advance` tells of it before its end, rising.
        """
        if self._first is None:
            self._first = now
        refusal = self.refusal(now)
        if refusal is not None:
            return refusal
        place = Place(_ending_with(stages, work))
        self._waiting.append(place)
        self._queued += 1
        self._start_waiting(now)
        return place

    def leave(self, place: Place, now: float) -> None:
        """Drop a request, wherever it is; one that has ended is left alone."""
        self._let_happen(now)
        if place.state == "waiting":
            self._queued -= 1
        elif place.state == "running":
            self._count -= 1
            self._start_waiting(now)
        place.state = "gone"

    def next_end(self, now: float) -> float | None:
        """The time at which to `advance` next: then a stage may be reached. None while nothing is in flight."""
        self._let_happen(now)
        if self._reached:
            return now
        change = self._next_change()
        end = self._next_stage()
        return min(end, change) if end < math.inf else None

    def advance(self, now: float) -> list[Place]:
        """Requests that reached a stage until now, in order; those that ended are gone."""
        self._let_happen(now)
        reached, self._reached = self._reached, []
        return reached

    def _let_happen(self, now: float) -> None:
        while True:
            stage, change = self._next_stage(), self._next_change()
            if min(stage, change) > now:
                return
            if stage <= change:
                self._reach(stage)
            else:
                self._scale(self._changes.popleft().factor)
                self._start_waiting(change)

    def _next_change(self) -> float:
        return self._first + self._changes[0].at if self._changes and self._first is not None else math.inf

    def _next_stage(self) -> float:
        while self._running and self._running[0][2].state == "gone":
            heappop(self._running)
        if not self._running:
            return math.inf
        due = self._running[0][0]
        return due if self._is_clock else max(self._since, self._since + (due - self._done) / self._speed)

    def _work_done(self, now: float) -> float:
        return now if self._is_clock else self._done + (now - self._since) * self._speed

    def _reach(self, when: float) -> None:
        due, _, place = heappop(self._running)
        place.reached += 1
        self._reached.append(place)
        if self._push(place):
            return
        place.state = "gone"
        self._count -= 1
        self._start_waiting(when, due)

    def _push(self, place: Place) -> bool:
        """Note a request's next stage; False where it has none."""
        stage = next(place.stages, None)
        if stage is None:
            return False
        self._number += 1  # of equal ones the first comes first
        heappush(self._running, (place.started + stage, self._number, place))
        return True

    def _start_waiting(self, now: float, done: float | None = None) -> None:
        """Start what may, after anything has changed; `done` is the work done by now, where it is known exactly."""
        if not self._count:
            self._running.clear()
            self._turn(now, now, 1.0)  # work done by nobody is of no account: from here it is the time itself
            done = now
        elif done is None:
            done = self._work_done(now)
        while self._queued and self._count < self._slots:
            self._start(self._waiting.popleft(), done)
        new = speed(self._count, self._knee, self._capacity.beyond) if self._count else 1.0
        if new != self._speed:
            self._turn(now, done, new)

    def _start(self, place: Place, done: float) -> None:
        if place.state == "waiting":
            place.state, place.started = "running", done
            self._queued -= 1
            self._count += 1
            self._push(place)

    def _turn(self, now: float, done: float, new: float) -> None:
        self._since, self._done, self._speed = now, done, new
        self._is_clock = new == 1.0 and done == now

    def _scale(self, factor: float) -> None:
        capacity = self._capacity
        self._slots = _scaled(capacity.slots, factor)
        self._at_once = _scaled(capacity.at_once, factor)
        self._knee = math.inf if capacity.knee is None else capacity.knee * factor


def _scaled(number: int | None, factor: float) -> float:
    return math.inf if number is None else max(1, math.floor(number * factor + 0.5))


def _ending_with(stages: Iterable[float], work: float) -> Iterator[float]:
    yield from stages
    yield work
