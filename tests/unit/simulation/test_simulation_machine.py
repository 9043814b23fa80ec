"""The arithmetic of a server with a limited capacity: every time below is worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation._capacity import Capacity, Change
from llm_composition_patterns.simulation._machine import Machine, Place, speed


def ends(machine, arrivals, leaving=()):
    """When each request ends (None: it left; a word: it was refused), driven from event to event as a timer would."""
    events = sorted([*((at, 1, index) for index, (at, _) in enumerate(arrivals)), *((at, 0, i) for i, at in leaving)])
    places, ended = {}, {}

    def pass_until(now):
        while (when := machine.next_end(max(ended.values(), default=0.0))) is not None and when <= now:
            for place in machine.advance(when):
                ended[place] = when

    for at, is_arrival, index in events:
        pass_until(at)
        if is_arrival:
            places[index] = machine.arrive(at, arrivals[index][1])
        else:
            machine.leave(places[index], at)
    pass_until(float("inf"))
    return [ended.get(p) if isinstance(p, Place) else p for p in (places[index] for index in range(len(arrivals)))]


def test_slots_and_the_others_wait_in_order():
    """Two slots, four requests of 1 s: two end at 1 s, the next two at 2 s."""
    assert ends(Machine(Capacity(slots=2)), [(0, 1)] * 4) == [1, 1, 2, 2]


def test_a_slot_goes_to_the_first_in_the_queue():
    """A long one holds its slot; the short ones behind it use the other, in the order in which they came."""
    assert ends(Machine(Capacity(slots=2)), [(0, 5), (0, 1), (0.5, 2), (0.6, 1), (0.7, 3)]) == [5, 1, 3, 4, 7]


def test_slots_work_at_full_speed_to_the_last_bit():
    """A request that finds a slot ends at its arrival plus its work, exactly, whatever went before it."""
    arrivals = [(0.1 * number, 0.7) for number in range(50)]
    assert ends(Machine(Capacity(slots=50)), arrivals) == [at + work for at, work in arrivals]


def test_a_queue_that_is_full_refuses():
    """One slot and a queue of one take two; a place in the queue is free again when the first has ended."""
    assert ends(Machine(Capacity(slots=1, queue=1)), [(0, 1), (0, 1), (0.5, 1), (1.5, 1)]) == [1, 2, "full", 3]


def test_without_a_queue_only_slots_take():
    """A queue of 0 refuses whatever finds no slot."""
    assert ends(Machine(Capacity(slots=1, queue=0)), [(0, 1), (0.5, 1), (1, 1)]) == [1, "full", 2]


def test_a_cap_counts_those_at_work_and_those_that_wait():
    """Of four at once a cap of 2 takes two; the next one after an end is taken."""
    arrivals = [(0, 1), (0, 2), (0, 1), (0.5, 1), (1, 1)]
    assert ends(Machine(Capacity(at_once=2)), arrivals) == [1, 2, "too_many", "too_many", 2]
    assert ends(Machine(Capacity(slots=1, at_once=2)), [(0, 1)] * 3) == [1, 2, "too_many"]


def test_up_to_the_knee_all_run_at_full_speed():
    """Four requests at a knee of 4 take their own time."""
    assert ends(Machine(Capacity(knee=4)), [(0, 1), (0, 2), (0, 1), (0.5, 1)]) == [1, 2, 1, 1.5]


def test_beyond_a_hard_knee_the_total_stays():
    """Eight of 1 s at a knee of 4 each run at half speed and end at 2 s."""
    assert ends(Machine(Capacity(knee=4)), [(0, 1)] * 8) == [2] * 8


def test_work_done_is_kept_when_the_speed_changes():
    """Knee 1: alone for 1 s, then two at half speed.

    The first has 1 s left at 1 s and ends at 3 s; the second has done 1 s by then, and does its last 1 s alone.
    """
    assert ends(Machine(Capacity(knee=1)), [(0, 2), (1, 2)]) == [3, 4]


def test_a_soft_knee_slows_everybody_a_little():
    """At a soft knee of 4, four requests get on at 1 / (1 + 4/4): 1 s takes 2 s; alone it takes 1.25 s."""
    assert ends(Machine(Capacity(knee=4, beyond="soft")), [(0, 1)] * 4 + [(10, 1)]) == [2, 2, 2, 2, 11.25]


def test_thrashing_makes_the_total_fall():
    """At a knee of 4, eight together are as fast as 4 x 1.5 x 4/8 = 3: eight of 3 s end at 8 s."""
    assert ends(Machine(Capacity(knee=4, beyond="thrash")), [(0, 3)] * 8) == [8] * 8


@pytest.mark.parametrize(
    ("beyond", "totals"),
    [("hard", [1, 4, 4, 4, 4]), ("soft", [0.8, 2, 2.4, 2.6666666666666665, 3.2]), ("thrash", [1, 4, 4, 3, 1.5])],
)
def test_the_curves(beyond, totals):
    """What 1, 4, 6, 8 and 16 requests do together at a knee of 4."""
    assert [n * speed(n, 4, beyond) for n in (1, 4, 6, 8, 16)] == pytest.approx(totals)


def test_slots_and_a_knee_together():
    """Three slots at a knee of 2: three run at 2/3, the fourth begins when they have ended."""
    assert ends(Machine(Capacity(slots=3, knee=2)), [(0, 2)] * 4) == pytest.approx([3, 3, 3, 5])


def test_capacity_that_falls_slows_what_runs_at_the_instant():
    """Knee 4 falls to a half at 1 s: four of 2 s have 1 s left, at half speed, so they end at 3 s."""
    capacity = Capacity(knee=4, changes=(Change(at=1, factor=0.5),))
    assert ends(Machine(capacity), [(0, 2)] * 4) == [3] * 4


def test_capacity_that_recovers_is_whole_again():
    """A third of knee 3 from 1 s to 4 s: three of 3 s do 1, then 3 x 1/3, then 1 again."""
    capacity = Capacity(knee=3, changes=(Change(at=1, factor=1 / 3), Change(at=4, factor=1)))
    assert ends(Machine(capacity), [(0, 3)] * 3) == pytest.approx([5] * 3)


def test_slots_that_shrink_do_not_evict():
    """Four slots become one at 0.5 s: what runs ends at its time, then one after the other."""
    capacity = Capacity(slots=4, changes=(Change(at=0.5, factor=0.25),))
    assert ends(Machine(capacity), [(0, 1)] * 6) == [1, 1, 1, 1, 2, 3]


def test_slots_that_grow_start_what_waits_at_the_instant():
    """One slot becomes three at 0.5 s: two that wait start then."""
    capacity = Capacity(slots=1, changes=(Change(at=0.5, factor=3),))
    assert ends(Machine(capacity), [(0, 1)] * 4) == [1, 1.5, 1.5, 2]


def test_a_cap_changes_too():
    """A cap of 4 is 1 from 1 s on, however small the factor."""
    capacity = Capacity(at_once=4, changes=(Change(at=1, factor=0.01),))
    assert ends(Machine(capacity), [(0, 0.5)] * 5 + [(1, 1), (1, 1)]) == [0.5] * 4 + ["too_many", 2, "too_many"]


def test_changes_count_from_the_first_request():
    """A change at 1 s is 1 s after the first request, whatever the clock says."""
    capacity = Capacity(knee=1, changes=(Change(at=1, factor=0.5),))
    assert ends(Machine(capacity), [(100, 2)]) == [103]


def test_a_change_while_idle_counts():
    """A change that comes while nothing is in flight holds for what comes later."""
    capacity = Capacity(knee=1, changes=(Change(at=5, factor=0.5),))
    assert ends(Machine(capacity), [(0, 1), (10, 1)]) == [1, 12]


def test_one_that_leaves_makes_room():
    """A cancelled request frees its slot at once; one that left the queue is never started."""
    arrivals = [(0, 4), (0, 1), (0, 1)]
    assert ends(Machine(Capacity(slots=1)), arrivals, leaving=[(0, 1)]) == [None, 2, 3]
    assert ends(Machine(Capacity(slots=1)), arrivals, leaving=[(1, 1)]) == [4, None, 5]


def test_one_that_leaves_makes_the_others_faster():
    """Two of 2 s at knee 1 have done 1 s each at 2 s; when one leaves, the other ends at 3 s."""
    assert ends(Machine(Capacity(knee=1)), [(0, 2), (0, 2)], leaving=[(1, 2)]) == [3, None]


def test_leaving_after_the_end_changes_nothing():
    """One that has ended can be told to leave, and twice."""
    machine = Machine(Capacity(slots=1))
    place = machine.arrive(0, 1)
    assert machine.advance(1) == [place]
    machine.leave(place, 1)
    machine.leave(place, 1)
    assert (machine.running, machine.waiting, machine.next_end(1)) == (0, 0, None)


def test_stages_are_told_on_the_way():
    """A request of 3 s with stages at 1 and 2 s, at half speed from 1 s on: 1, 3, 5."""
    machine = Machine(Capacity(knee=2, changes=(Change(at=1, factor=0.25),)))
    place = machine.arrive(0, 3, stages=(1, 2))
    told = []
    while (when := machine.next_end(told[-1][0] if told else 0)) is not None:
        told += [(when, one.reached, one.state) for one in machine.advance(when)]
    assert told == [(1, 1, "running"), (3, 2, "running"), (5, 3, "gone")]
    assert place.reached == 3


def test_what_happened_before_an_arrival_is_still_told():
    """An arrival after an end that nobody asked for finds the slot free, and `advance` tells of the end."""
    machine = Machine(Capacity(slots=1))
    first = machine.arrive(0, 1)
    second = machine.arrive(5, 1)
    assert machine.next_end(5) == 5
    assert machine.advance(5) == [first]
    assert machine.next_end(5) == 6
    assert machine.advance(6) == [second]


def test_asking_before_takes_nothing():
    """`refusal` says what an arrival would be told, and leaves all as it is."""
    machine = Machine(Capacity(slots=1, queue=0))
    assert [machine.refusal(0), machine.refusal(0)] == [None, None]
    machine.arrive(0, 1)
    assert [machine.refusal(0.5), machine.refusal(1)] == ["full", None]


REQUESTS = st.lists(st.tuples(st.floats(0, 20), st.floats(0.01, 5)), max_size=30)
CAPACITIES = st.builds(
    Capacity,
    slots=st.integers(1, 8),
    knee=st.none() | st.integers(1, 8),
    changes=st.lists(st.builds(Change, at=st.floats(0, 20), factor=st.floats(0.1, 3)), max_size=3).map(
        lambda changes: tuple(sorted(changes, key=lambda change: change.at))
    ),
)


@given(REQUESTS, CAPACITIES)
def test_everything_ends_and_never_too_soon(requests, capacity):
    """Whatever changes, each request ends, not before its work at full speed could be done."""
    assert all(
        end >= at + work - 1e-6 for (at, work), end in zip(requests, ends(Machine(capacity), requests), strict=True)
    )


@given(REQUESTS, st.integers(1, 8), st.data())
def test_no_place_is_lost(requests, slots, data):
    """However many leave, wherever they are, the machine is empty at the end."""
    machine = Machine(Capacity(slots=slots, knee=2))
    indices = st.integers(0, max(0, len(requests) - 1))
    who = data.draw(st.sets(indices)) if requests else set()
    leaving = [(index, requests[index][0] + data.draw(st.floats(0.01, 9))) for index in who]
    ends(machine, requests, leaving)
    assert (machine.running, machine.waiting) == (0, 0)
