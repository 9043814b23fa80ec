"""The concurrency law as a whole: where it goes, and what it never does."""

import heapq
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns.limits._concurrency import AdaptiveLaw


class Server:
    """A server with slots and a queue before them, or one that refuses what is beyond `room`; a job that waits."""

    def __init__(self, slots=10**6, room=10**6):
        self.free = [0.0] * min(slots, 5000)
        self.room = room
        self.now = 0.0
        self.refused = 0
        self.most = 0

    def serve(self, law, calls):
        flying, number = [], 0
        while calls or flying:
            while calls and len(flying) < law.limit:
                calls, number = calls - 1, number + 1
                self.most = max(self.most, len(flying) + 1)
                flight = law.sent(self.now, in_flight=len(flying) + 1)
                if len(flying) < self.room:
                    heapq.heappush(flying, (self._end(number), number, flight))
                    continue
                self.refused += 1
                calls += 1
                law.left(flight, self.now)
                law.refused(self.now, in_flight=len(flying) + 1)
            self.now, _, flight = heapq.heappop(flying)
            law.succeeded(flight, self.now, output_tokens=100, waiting=calls, lag=0.0)

    def _end(self, number):
        end = max(self.now, self.free[0]) + 1 + number * 7919 % 100 / 1000
        heapq.heapreplace(self.free, end)
        return end


def test_the_start_is_the_limit():
    """Nothing has changed it yet."""
    law = AdaptiveLaw(start=16)
    assert (law.limit, law.why) == (16, "start")


@pytest.mark.parametrize(("slots", "start"), [(1, 2), (4, 2), (20, 16), (64, 16), (200, 32)])
def test_the_limit_ends_near_the_slots(slots, start):
    """Not below them, and not at more than twice as many."""
    law = AdaptiveLaw(start=start, local=start == 2)
    Server(slots=slots).serve(law, 30 * slots + 500)
    assert slots <= law.limit <= 2 * slots


def test_a_job_takes_hardly_longer_than_with_the_best_limit():
    """2,000 calls on 20 slots: 105 s of work for each."""
    server = Server(slots=20)
    server.serve(AdaptiveLaw(start=16), 2000)
    assert server.now < 105 * 1.02


def test_a_refused_call_sets_the_limit():
    """The ninth call at once is refused."""
    law, server = AdaptiveLaw(start=32), Server(room=8)
    server.serve(law, 100)
    assert law.limit == 8
    assert law.why == "refused at 9"


@pytest.mark.parametrize(("start", "answered", "limit"), [(16, 8, 4), (16, 1, 1), (16, 0, 1), (16, 40, 16), (1, 1, 1)])
def test_after_overdue_answers_the_limit_is_half_of_what_was_answered_in_their_time(start, answered, limit):
    """Then the others are answered in half of it; never less than 1, nor more than it has become already."""
    law = AdaptiveLaw(start=start)
    law.overdue(8.0, answered=answered)
    assert law.limit == limit
    assert law.why == ("start" if limit == start else "answers too late")


def test_a_limit_that_overdue_answers_have_lowered_too_far_comes_back():
    """From 1 to 20 slots."""
    law = AdaptiveLaw(start=16)
    law.overdue(8.0, answered=2)
    Server(slots=20).serve(law, 2000)
    assert 20 <= law.limit <= 40


def test_few_calls_are_refused_once_the_cap_is_known():
    """One now and then, to see whether it has risen."""
    server = Server(room=8)
    server.serve(AdaptiveLaw(start=32), 2000)
    assert server.refused < 20


def test_the_cap_is_found_again_when_it_has_risen():
    """From 8 to 60 within a few rounds."""
    law, server = AdaptiveLaw(start=32), Server(room=8)
    server.serve(law, 200)
    server.room = 60
    server.serve(law, 1500)
    assert law.limit == 60


def test_a_fall_of_capacity_is_noticed_before_a_round_is_over():
    """From 60 slots to 10: answers are late, and the limit follows."""
    law, server = AdaptiveLaw(start=32), Server(slots=60)
    server.serve(law, 1500)
    before = law.limit
    server.free = [server.now] * 10
    server.serve(law, 200)
    assert law.limit < before


def test_a_limit_that_does_not_bind_stays():
    """Calls come one by one: nobody waits."""
    law = AdaptiveLaw(start=16)
    for now in range(300):
        law.succeeded(law.sent(now, in_flight=1), now + 0.5, output_tokens=None, waiting=0, lag=0.0)
    assert law.limit == 16


def test_a_busy_event_loop_decides_nothing():
    """Latency that is our own says nothing of the provider; growth by answers does not depend on it."""
    law = AdaptiveLaw(start=16, remembered={"limit": 20})
    for now in range(0, 3000, 10):
        flights = [law.sent(now, in_flight=n) for n in range(1, law.limit + 1)]
        for flight in flights:
            law.succeeded(flight, now + 1, output_tokens=None, waiting=9, lag=0.2)
    assert law.limit == 20


def test_a_cap_holds_and_is_left_when_it_is_lifted():
    """Another user of the limiter wanted 5 and went away."""
    law, server = AdaptiveLaw(start=16, cap=5), Server(slots=40)
    assert law.limit == 5
    server.serve(law, 300)
    assert server.most == 5
    law.set_cap(None)
    server.serve(law, 1000)
    assert law.limit >= 40


def test_a_lower_cap_holds_at_once():
    """The limit follows it, and says why."""
    law = AdaptiveLaw(start=16)
    law.set_cap(4)
    assert (law.limit, law.why) == (4, "cap")


def test_what_is_remembered_is_where_the_next_process_starts():
    """Limit and ceiling; no slow start."""
    law = AdaptiveLaw(start=32)
    Server(room=8).serve(law, 100)
    assert law.remembered() == {"limit": 8, "ceiling": 8, "above_flat": pytest.approx(0, abs=0.05)}
    warm = AdaptiveLaw(start=32, remembered=law.remembered())
    assert (warm.limit, warm.why) == (8, "remembered")
    server = Server(room=8)
    server.serve(warm, 20)
    assert server.refused == 0


def test_nothing_is_remembered_before_the_end_of_slow_start():
    """Where it began is a guess, which must not take the place of slow start in the next process."""
    law = AdaptiveLaw(start=16)
    Server().serve(law, 1)
    assert law.remembered() == {}


@pytest.mark.parametrize("cap", [1, 5])
def test_a_cap_is_not_remembered(cap):
    """It is what this user wanted, not what the provider takes."""
    law = AdaptiveLaw(start=16, cap=cap)
    Server(slots=40).serve(law, 2000)
    assert law.remembered() == {}


def test_a_limit_below_the_cap_is_remembered():
    """It was measured, also where a cap would have held it later."""
    law = AdaptiveLaw(start=2, cap=64, local=True)
    Server(slots=4).serve(law, 2000)
    assert 4 <= law.remembered()["limit"] <= 8


def test_what_was_known_before_a_cap_stays_remembered():
    """From this process or an earlier one, until something else is measured."""
    before = {"limit": 40.0, "above_flat": 0.1}
    law = AdaptiveLaw(start=16, cap=5, remembered=before)
    Server(slots=40).serve(law, 500)
    assert law.remembered() == before
    law.set_cap(None)
    assert (law.limit, law.remembered()) == (40, before)
    law.set_cap(3)
    assert law.remembered() == before


def test_a_step_on_trial_is_not_remembered():
    """Only that from which it was made."""
    on_trial = []

    class Watched(AdaptiveLaw):
        def succeeded(self, flight, now, **more):
            before = self.limit
            super().succeeded(flight, now, **more)
            if self.limit > before and self.why == "probe up":
                on_trial.append((before, self.remembered()["limit"]))

    Server(slots=20).serve(Watched(start=16), 3000)
    assert on_trial
    assert [limit for limit, _ in on_trial] == [kept for _, kept in on_trial]


def test_a_remembered_latency_above_the_flattest_is_kept():
    """A warm start knows whether calls queue."""
    law = AdaptiveLaw(start=16)
    Server(slots=20).serve(law, 2000)
    assert 0 <= law.remembered()["above_flat"] < math.log(2)


moves = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "send", "answer", "answer", "answer", "left", "refuse", "cap"]),
        st.integers(0, 1000),
        st.floats(0, 10),
    ),
    max_size=300,
)


@settings(max_examples=200)
@given(moves, st.integers(1, 64), st.one_of(st.none(), st.integers(1, 100)), st.booleans())
def test_the_limit_stays_between_one_and_the_cap_whatever_happens(moves, start, cap, local):
    """Any order of calls and endings; a call that only left never changes the limit."""
    law, now, flying = AdaptiveLaw(start=start, local=local, cap=cap), 0.0, []
    for move, number, seconds in moves:
        now += seconds / 10
        before = law.limit
        if move == "send":
            flying.append(law.sent(now, in_flight=len(flying) + 1))
        elif move == "cap":
            cap = number or None
            law.set_cap(cap)
        elif flying:
            flight = flying.pop(number % len(flying))
            if move == "answer":
                law.succeeded(flight, now, output_tokens=number, waiting=number % 3, lag=seconds % 0.3)
            else:
                law.left(flight, now)
                assert law.limit == before
                if move == "refuse":
                    law.refused(now, in_flight=len(flying) + 1)
        assert 1 <= law.limit <= (cap or 4096)
        assert law.why


@given(st.lists(st.integers(0, 100), min_size=50, max_size=200))
def test_rounds_in_which_the_limit_did_not_bind_decide_nothing(latencies):
    """Whatever latency does while nobody waits."""
    law = AdaptiveLaw(start=4, remembered={"limit": 4})
    for number, latency in enumerate(latencies):
        flight = law.sent(number * 200, in_flight=4)
        law.succeeded(flight, number * 200 + latency, output_tokens=None, waiting=0, lag=0.0)
    assert law.limit == 4


def test_when_a_provider_that_refused_everything_is_back_so_is_the_limit():
    """An answer to a call from before the lone refusal does not tell that, one to a later call does."""
    law = AdaptiveLaw(start=16)
    before, *flights = [law.sent(0, in_flight=number) for number in range(1, 17)]
    for flight in flights[8:] + flights[:8]:
        law.left(flight, 0)
        law.refused(0, in_flight=2 + flights.index(flight))
    assert law.limit == 1
    law.left(law.sent(5, in_flight=1), 6)
    law.refused(6, in_flight=1)
    law.succeeded(before, 7, output_tokens=None, waiting=1, lag=0)
    assert law.limit == 1
    law.succeeded(law.sent(8, in_flight=1), 9, output_tokens=None, waiting=1, lag=0)
    assert (law.limit, law.why) == (9, "refusals were no cap")
