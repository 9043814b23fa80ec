"""Whatever happens to a limiter, no permit is lost, no more are in flight than allowed, and everybody is served.

Hypothesis makes up what happens: calls that come, in several groups, on several loops, with every ending; calls that
are cancelled where they wait, where they have just been let go, and where they are in flight; collected ones; limits
that change; pauses, outages and rates that hold; loops that are closed; calls of another thread; time that passes.

How many may be in flight the machine knows by itself, from what the user said: a fixed number, or a cap.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_composition_patterns import runs
from llm_composition_patterns.limits import (
    Accepted,
    Failed,
    HeldUp,
    Limiter,
    Overdue,
    Reading,
    Refusal,
    Throttled,
    impatient_permit,
)
from llm_composition_patterns.limits._limiter import set_cap
from llm_composition_patterns.virtual_time import VirtualTimeLoop
from llm_composition_patterns.virtual_time import run as run_in_virtual_time

HEADERS = (
    Reading(unit="requests", limit=100.0, remaining=40.0, reset=6.0),
    Reading(unit="tokens", limit=6000.0, remaining=1000.0, reset=5.0),
)
ENDINGS = st.sampled_from(
    [
        None,
        Accepted(),
        Accepted(tokens=50.0, output_tokens=10),
        Accepted(readings=HEADERS, tokens=50.0),
        Throttled(Refusal()),
        Throttled(Refusal(concurrent=True)),
        Throttled(Refusal(retry_after=2.0)),
        Throttled(Refusal(readings=HEADERS)),
        Failed(),
        Overdue(),
    ]
)


class Group(runs.Account):
    """A branch of a fan-out, as far as a limiter sees."""

    def __init__(self, fan_out):
        super().__init__(None)
        self.fan_out = fan_out


GROUPS = [Group(name) for name in "abc"]


class Call:
    """One call on one loop: it waits, is in flight until it is told how to end, and ends."""

    def __init__(self, machine, place, group, settings):
        self.machine, self.place, self.settings = machine, place, settings
        self.state = "coming"
        self.end = place.loop.create_future()
        context = asyncio.events.contextvars.copy_context()
        context.run(runs.current_account.set, group)
        self.task = place.loop.create_task(self.run(), context=context)
        self.task.add_done_callback(self.ended)

    def ended(self, _):
        self.state = "over"

    async def run(self):
        settings = {"tokens": None, "retry": False, "patience": None, "outage_patience": None, **self.settings}
        try:
            async with impatient_permit(self.machine.limiter, **settings) as permit:
                self.state = "in flight"
                with self.machine.flying(self):
                    ending = await self.end
                permit.end(ending)
        except HeldUp:
            assert "patience" in self.settings or "outage_patience" in self.settings
        finally:
            self.state = "ending"


class Place:
    """A loop that runs when the machine lets it."""

    def __init__(self):
        self.loop = VirtualTimeLoop()

    def turn(self, seconds=0.0):
        self.loop.run_until_complete(asyncio.sleep(seconds))
        # What one loop told another is heard at its next turn.
        self.loop.run_until_complete(asyncio.sleep(0))

    def close(self):
        self.loop.close()


class AnyLimiter(RuleBasedStateMachine):
    """A limiter in the hands of many."""

    @initialize(
        kind=st.sampled_from(["fixed", "max", "rates", "learning"]), limit=st.integers(1, 4), places=st.integers(1, 3)
    )
    def begin(self, kind, limit, places):
        settings = {
            "fixed": {"fixed": limit},
            "max": {"max": limit},
            "rates": {"requests_per_minute": 120, "tokens_per_minute": 12_000},
            "learning": {},
        }
        self.kind = kind
        self.limiter = Limiter(**settings[kind])
        self.allowed = limit if kind in ("fixed", "max") else math.inf
        self.flights = set()
        self.places = [Place() for _ in range(places)]
        self.calls = []

    def of(self, state):
        return [call for call in self.calls if call.state == state]

    @contextmanager
    def flying(self, call):
        """A call has its permit. A limit that was lowered lets those in flight end; until then nobody new goes."""
        self.flights.add(call)
        try:
            assert len(self.flights) <= self.allowed
            yield
        finally:
            self.flights.discard(call)

    def turn(self):
        for _ in range(3):
            for place in self.places:
                place.turn()

    # What can happen

    @rule(
        count=st.integers(1, 4),
        place=st.integers(0, 2),
        group=st.sampled_from(GROUPS),
        retry=st.booleans(),
        tokens=st.sampled_from([None, 0.0, 1.0, 500.0]),
        patience=st.sampled_from([{}, {"patience": 1.0}, {"outage_patience": 1.0}]),
        at_once=st.booleans(),
    )
    def come(self, count, place, group, retry, tokens, patience, at_once):
        where = self.places[place % len(self.places)]
        settings = {"retry": retry, "tokens": tokens, **patience}
        self.calls += [Call(self, where, group, settings) for _ in range(count)]
        where.turn()
        if at_once:
            self.turn()

    @precondition(lambda self: self.of("in flight"))
    @rule(data=st.data(), ending=ENDINGS, then_cancel=st.booleans(), at_once=st.booleans())
    def end(self, data, ending, then_cancel, at_once):
        """A call ends; perhaps somebody is cancelled in the tick in which it is let go, or its loop has no time yet."""
        call = data.draw(st.sampled_from(self.of("in flight")))
        call.end.set_result(ending)
        waiting = [other for other in self.of("coming") if other.place is call.place]
        if then_cancel and waiting:
            call.task.add_done_callback(lambda _: [other.task.cancel() for other in waiting[:2]])
        call.place.turn()
        if at_once:
            self.turn()

    @precondition(lambda self: self.of("in flight") or self.of("coming"))
    @rule(data=st.data())
    def cancel(self, data):
        call = data.draw(st.sampled_from(self.of("in flight") + self.of("coming")))
        call.task.cancel()
        self.turn()

    @rule(limit=st.none() | st.integers(1, 5))
    def change(self, limit):
        self.turn()  # who was let go by the limit as it was knows it before
        if self.kind != "fixed":
            self.allowed = math.inf if limit is None else limit
        set_cap(self.limiter, limit)
        self.turn()

    @rule(count=st.integers(1, 6), ending=ENDINGS, settings=st.sampled_from([{}, {"retry": True}, {"tokens": 500.0}]))
    def come_from_a_thread(self, count, ending, settings):
        """Calls of another thread's loop, while these loops stand still; who waits there for too long gives up."""

        async def call(name):
            with suppress(TimeoutError):
                async with asyncio.timeout(3.0), self.limiter.permit(**settings) as permit:
                    with self.flying(name):
                        await asyncio.sleep(0.1)
                    permit.end(ending)

        async def calls():
            await asyncio.gather(*map(call, range(count)))

        with ThreadPoolExecutor(1) as thread:
            thread.submit(run_in_virtual_time, calls()).result()
        self.turn()

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 5.0]))
    def pass_time(self, seconds):
        for place in self.places:
            place.turn(seconds)
        self.turn()

    @precondition(lambda self: len(self.places) > 1)
    @rule(turned=st.booleans())
    def close_a_loop(self, turned):
        """With whatever waits and is in flight on it."""
        if turned:
            self.turn()
        place = self.places.pop()
        self.flights -= {call for call in self.calls if call.place is place}
        for call in self.calls:
            if call.place is place and not call.task.done():
                call.task._log_destroy_pending = False
                call.state = "lost"
        place.close()

    # What always holds

    @invariant()
    def counts_are_right(self):
        if not hasattr(self, "limiter"):
            return
        now = self.limiter.statistics()
        assert now.in_flight >= len(self.of("in flight"))
        assert 1 <= now.limit <= self.allowed
        assert len(self.flights) == len(self.of("in flight"))
        assert sum(now.waiting_by_reason.values()) == now.waiting

    def teardown(self):
        """In the end everybody who still can is served, and everything is given back."""
        if not hasattr(self, "limiter"):
            return
        try:
            self.serve(Accepted())
            # A last call takes back what was lost with closed loops.
            self.calls.append(Call(self, self.places[0], GROUPS[0], {}))
            self.serve(None)
            now = self.limiter.statistics()
            assert (now.in_flight, now.waiting) == (0, 0)
            failed = [call.task.exception() for call in self.calls if call.task.done() and not call.task.cancelled()]
            assert [error for error in failed if error is not None] == []
        finally:
            for place in self.places:
                place.close()

    def serve(self, ending):
        """End whoever is in flight, until nobody waits."""
        for _ in range(400):
            self.turn()
            for call in self.of("in flight"):
                if not call.end.done():
                    call.end.set_result(ending)
            if all(call.state in ("over", "lost") for call in self.calls):
                return
            for place in self.places:
                place.turn(0.5)
        raise AssertionError(f"not served: {[call.state for call in self.calls]}, {self.limiter.statistics()}")


TestAnyLimiter = AnyLimiter.TestCase
TestAnyLimiter.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
