"""The enforcement: who may send now, who waits, who is woken when.

The core is synchronous and holds one lock for a few instructions, so that one limiter serves several threads and
several event loops. Room that becomes free is *handed* to the next in the queue under the lock (it never becomes free
in between, so nobody overtakes), and the one who waits is told on its own loop, after the lock was let go. Whoever is
cancelled after it was handed room, but before it could use it, gives it back.

A loop may be closed while calls wait on it or are in flight. Those who wait are passed over, and the room of the others
is taken back when a call of another loop needs it; those who wait for some time on other loops have alarms of their
own. A coroutine that is collected as garbage, as those of a closed loop are, may be so at any instruction, also in the
middle of this very code on the same thread: it leaves its ticket to whoever holds the lock.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from random import Random
from types import MappingProxyType
from typing import TypeVar

from .. import runs
from ..virtual_time import VirtualTimeLoop
from ._clocks import Clock
from ._controller import ALL_ALIKE, CONCURRENCY, RATE_LIMITS, Change, Controller, Hold
from ._endings import Accepted, Ending, Failed, Throttled
from ._events import show
from ._fixed_controller import FixedController
from ._flight import Flight
from ._latencies import Latencies
from ._patience import Lost, Patience
from ._permit import Ticket
from ._queue import FairQueue
from ._statistics import LimiterStatistics

T = TypeVar("T")

Told = list[Ticket | Clock]
"""Who has to be told after the lock was let go: calls that go on, alarms to be set."""


class Enforcement:
    """Lets calls go as the laws say.

    Attributes:
        controller: The laws; touched only under the lock.
        accepted: Calls that the provider accepted so far.
        refused: Calls that it refused so far because there were too many.
    """

    def __init__(self, controller: Controller | FixedController) -> None:
        self.controller = controller
        self.accepted: int = 0
        self.refused: int = 0
        self._lock = threading.Lock()
        self._queue: FairQueue[Ticket] = FairQueue()
        self._abandoned: deque[tuple[Ticket, bool]] = deque()
        self._hold: Hold | None = None  # what holds the next in the queue
        self._patience = Patience()
        self._clock: Clock | None = None  # of the loop that was here last
        self._clocks: dict[asyncio.AbstractEventLoop, Clock] = {}
        self._buried_at = 0.0  # the latest time on a loop that is closed
        self._latencies = Latencies()
        self._jitter: Random | None = None

    def enter(self, ticket: Ticket) -> bool:
        """Let a call go, or let it wait; True if it may go."""
        clock = ticket.clock = self._here()
        with self._lock:
            now = clock.now()
            controller = self.controller
            tokens = controller.average_tokens if ticket.tokens is None else ticket.tokens
            if not self._queue and controller.hold(now, tokens) is None:
                self._let_go(ticket, controller.sent(now, tokens))
                told: Told = []
            else:
                told = self._enqueue(ticket, now)
        if told or self._abandoned:
            self._tell(told)
        return ticket.flight is not None and not ticket.queued

    def end(self, ticket: Ticket, flight: Flight, ending: Ending) -> None:
        """Learn from how a call ended. Its room stays taken until it leaves."""
        told: Told = []
        with self._lock:
            now = ticket.clock.now()
            changes = self.controller.ended(
                flight,
                now,
                ending,
                waiting=len(self._queue) if self._hold is not None and self._hold.reason is CONCURRENCY else 0,
                lag=ticket.lag,
                jitter=self._random() if type(ending) is Throttled else 0.0,
            )
            self._count(ending, now - flight.sent_at, now)
            if type(ending) is Failed:
                self._lose(self._patience.over_with(self.controller.outage(), self._queue, now), told)
            if changes:
                self._hand_over(now, told)
        if told or self._abandoned:
            self._tell(told)
        if changes:
            show(changes)

    def leave(self, ticket: Ticket) -> None:
        """Give back the room of a call."""
        told: Told = []
        with self._lock:
            changes = self._free(ticket)
            if self._queue:
                self._hand_over(ticket.clock.now(), told)
        if told or self._abandoned:
            self._tell(told)
        if changes:
            show(changes)

    def give_up(self, ticket: Ticket) -> None:
        """A call waits no longer: out of the queue, or back with what it was handed in the meantime."""
        told: Told = []
        with self._lock:
            self._take_back(ticket)
            self._hand_over(ticket.clock.now(), told)
        self._tell(told)

    def abandon(self, ticket: Ticket, *, held: bool) -> None:
        """A call was collected as garbage, perhaps while this thread holds the lock."""
        self._abandoned.append((ticket, held))
        self._collect()

    def set_cap(self, cap: int | None) -> None:
        """Let at most `cap` calls be in flight; what is in flight already goes on. A fixed limit stays what it is."""
        told: Told = []
        with self._lock:
            if isinstance(self.controller, Controller):
                self.controller.set_cap(cap)
            self._hand_over(self._now(), told)
        self._tell(told)

    def statistics(self) -> LimiterStatistics:
        """What is done and known now."""
        told: Told = []
        with self._locked():
            now = self._now()
            self._bury()
            self._hand_over(now, told)
            shown = self._shown(now)
        self._tell(told)
        return shown

    def asked(self, question: Callable[[Controller | FixedController], T]) -> T:
        """What the laws answer to a question."""
        with self._locked():
            return question(self.controller)

    def is_behind_others(self, ticket: Ticket, flight: Flight) -> bool:
        """Whether a call that runs out of time only waited for others at the provider."""
        with self._locked():
            return self.controller.is_behind_others(flight, ticket.clock.now())

    def hedge_after(self) -> float | None:
        """Seconds after which a call is worth a second one; None while no call should have one."""
        with self._locked():
            after = self._latencies.hedge_after()
            return None if after is None or self.controller.is_closed(self._now()) else after

    def hedged(self) -> None:
        """A call got a second one."""
        with self._locked():
            self._latencies.hedged()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            yield
        if self._abandoned:
            self._collect()

    # Below, the lock is held by the caller, unless it says otherwise.

    def _shown(self, now: float) -> LimiterStatistics:
        controller, waiting = self.controller, len(self._queue)
        reason, until = (CONCURRENCY, None) if self._hold is None else self._hold
        return LimiterStatistics(
            limit=controller.limit,
            limit_changed_because=controller.why,
            in_flight=controller.in_flight,
            waiting=waiting,
            waiting_by_reason=MappingProxyType({reason: waiting} if waiting else {}),
            held_for=max(0.0, until - now) if waiting and until is not None else None,
            accepted=self.accepted,
            refused=self.refused,
            **controller.learned(now)._asdict(),
        )

    def _enqueue(self, ticket: Ticket, now: float) -> Told:
        ticket.woken = ticket.clock.loop.create_future()
        ticket.since = now
        ticket.group = runs.fairness_group()
        ticket.queued = True
        ticket.clock.waiting += 1
        self._queue.push(ticket.group, ticket, retry=ticket.retry)
        told: Told = []
        if not self.controller.in_flight:
            self._turn_away(ticket, now, told)
        if not ticket.queued:
            return told
        self._patience.joined(ticket)
        head = self._queue.peek()
        if head is ticket or len(self._clocks) > 1 or (head is not None and head.loop.is_closed()):
            self._hand_over(now, told)
        else:
            self._set_alarms(now, told)
        if ticket.queued:
            ticket.reason = CONCURRENCY if self._hold is None else self._hold.reason
            if ticket.outage_patience is not None:
                self._lose(self._patience.over_with(self.controller.outage(), self._queue, now), told)
        return told

    def _hand_over(self, now: float, told: Told) -> None:
        if len(self._clocks) > 1:
            self._bury()
        queue, controller = self._queue, self.controller
        hold = None
        while (ticket := queue.peek()) is not None:
            tokens = controller.average_tokens if ticket.tokens is None else ticket.tokens
            if ticket.clock.loop.is_closed():
                self._dequeue(queue.pop())
            elif (hold := controller.hold(now, tokens)) is not None:
                if hold.reason not in RATE_LIMITS or not self._despair(ticket, hold, now, told):
                    break
                hold = None
            else:
                self._dequeue(queue.pop())
                self._let_go(ticket, controller.sent(now, tokens))
                told.append(ticket)
        self._hold = hold
        self._set_alarms(now, told)

    def _turn_away(self, ticket: Ticket, now: float, told: Told) -> None:
        """One that has just come gives up where what holds the others is known to hold it for too long."""
        controller, hold = self.controller, self._hold
        if hold is not None and hold.reason in ALL_ALIKE and isinstance(controller, Controller):
            opening = controller.opening(hold, now, 1.0)
            self._lose(self._patience.over((ticket,), hold, opening, now, known=True), told)

    def _despair(self, head: Ticket, hold: Hold, now: float, told: Told) -> bool:
        """Those give up who do not bear a rate limit; whether the head of the queue is one of them."""
        controller, patience, idle = self.controller, self._patience, not self.controller.in_flight
        if not (idle or patience.is_tried(now)):
            return False
        if isinstance(controller, Controller):
            tokens = controller.average_tokens if head.tokens is None else head.tokens
            opening = controller.opening(hold, now, tokens)
            self._lose(patience.worn_out(self._queue, head, hold, opening, now, idle=idle), told)
        return not head.queued

    def _let_go(self, ticket: Ticket, flight: Flight) -> None:
        ticket.flight = flight
        ticket.probe = flight.probe
        ticket.clock.flights.add(ticket)

    def _dequeue(self, ticket: Ticket) -> None:
        ticket.queued = False
        ticket.clock.waiting -= 1

    def _set_alarms(self, now: float, told: Told) -> None:
        at = self._patience.held(self._hold, now)
        for clock in self._clocks.values():
            if clock.should_ring(at):
                told.append(clock)

    def _free(self, ticket: Ticket) -> Sequence[Change]:
        flight = self._landed(ticket)
        if flight is None:
            return ()
        self.controller.freed()
        if ticket.over:
            return ()
        return self.controller.ended(flight, ticket.clock.now(), None, waiting=0, lag=0.0, jitter=0.0)

    def _landed(self, ticket: Ticket) -> Flight | None:
        flight, ticket.flight = ticket.flight, None
        ticket.clock.flights.discard(ticket)
        return flight

    def _take_back(self, ticket: Ticket) -> None:
        flight = self._landed(ticket)
        if flight is not None:
            self.controller.unsent(flight, ticket.clock.now())
        elif ticket.queued:
            self._queue.remove(ticket.group, ticket)
            self._dequeue(ticket)

    def _count(self, ending: Ending, latency: float, now: float) -> None:
        if type(ending) is Accepted:
            self.accepted += 1
            self._latencies.add(latency)
            self._patience.accepted(now)
        elif type(ending) is Throttled:
            self.refused += 1

    def _lose(self, lost: Lost, told: Told) -> None:
        """Those who have waited for too long give up."""
        for ticket, error in lost:
            self._queue.remove(ticket.group, ticket)
            self._dequeue(ticket)
            ticket.failed = error
            ticket.reason = ticket.reason or error.reason
            told.append(ticket)

    # Loops; here the lock is held only where it says so.

    def _here(self) -> Clock:
        """The clock of the running loop; takes the lock for a new one."""
        loop = asyncio.get_running_loop()
        clock = self._clock
        if clock is None or clock.loop is not loop:
            with self._lock:
                self._clock = clock = self._clocks.get(loop) or self._met(loop)
        return clock

    def _met(self, loop: asyncio.AbstractEventLoop) -> Clock:
        self._bury()
        after = max([self._buried_at, *(clock.now() for clock in self._clocks.values())])
        clock = self._clocks[loop] = Clock(loop, after, self._ring)
        return clock

    def _bury(self) -> None:
        """Forget the loops that are closed: their calls will never end."""
        for loop in [loop for loop in self._clocks if loop.is_closed()]:
            clock = self._clocks.pop(loop)
            self._buried_at = max(self._buried_at, clock.now())
            for ticket in list(clock.flights):
                self._free(ticket)

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock.now()

    def _random(self) -> float:
        if self._jitter is None:
            # A rehearsal is the same every time; real clients must not come back in step.
            virtual = self._clock is not None and isinstance(self._clock.loop, VirtualTimeLoop)
            self._jitter = Random(0 if virtual else None)  # noqa: S311 - no secret
        return self._jitter.random()

    def _ring(self, clock: Clock) -> None:
        """An alarm has rung; takes the lock."""
        told: Told = []
        with self._lock:
            clock.rings_at = None
            self._hand_over(clock.now(), told)
        self._tell(told)

    def _tell(self, told: Told) -> None:
        """Tell everybody on their loops; takes the lock where a loop is gone, or something was abandoned."""
        while told:
            lost = [one for one in told if not _reaches(one)]
            told = []
            with self._lock if lost else nullcontext():
                for one in lost:
                    if isinstance(one, Ticket):
                        self._take_back(one)
                if lost:
                    self._hand_over(self._now(), told)
        if self._abandoned:
            self._collect()

    def _collect(self) -> None:
        """Take back what was abandoned, unless somebody holds the lock, who will then do it."""
        while self._abandoned and self._lock.acquire(blocking=False):
            told: Told = []
            try:
                while self._abandoned:
                    ticket, held = self._abandoned.popleft()
                    (self._free if held else self._take_back)(ticket)
                self._hand_over(self._now(), told)
            finally:
                self._lock.release()
            self._tell(told)


def _reaches(one: Ticket | Clock) -> bool:
    """Tell one, on its own loop; False if that is gone."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is one.loop:
        one.tell()
        return True
    try:
        one.loop.call_soon_threadsafe(one.tell)
    except RuntimeError:
        return False
    return True
