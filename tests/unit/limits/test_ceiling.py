"""The ceiling: how many calls the provider takes at once."""

import math

import pytest

from llm_composition_patterns.limits._ceiling import Ceiling


def refused(ceiling, in_flight, *, limit, now=0.0):
    return ceiling.refused(now, in_flight=in_flight, limit=limit, latency=1.0)


def rises(ceiling, rounds):
    """After how many rounds each rise came."""
    return [number for number in range(rounds) if ceiling.held()]


def test_without_a_refusal_there_is_none():
    """Nothing is known."""
    assert Ceiling().height == math.inf


def test_the_first_refusal_tells_how_many_calls_there_is_room_for():
    """The ninth call was refused: there is room for eight."""
    ceiling = Ceiling()
    assert refused(ceiling, 9, limit=32)
    assert ceiling.height == 8


def test_the_others_of_the_same_burst_tell_nothing_new():
    """Calls 10 to 32 were sent before anybody knew."""
    ceiling = Ceiling()
    refused(ceiling, 9, limit=32)
    assert not any(refused(ceiling, in_flight, limit=8) for in_flight in range(10, 33))
    assert ceiling.height == 8


def test_refusals_that_go_on_lower_it_faster_than_calls_end():
    """A third of the capacity is left: in flight is not what there is room for."""
    ceiling = Ceiling()
    refused(ceiling, 61, limit=70)
    refused(ceiling, 60, limit=60, now=0.1)
    refused(ceiling, 59, limit=59, now=0.2)
    assert ceiling.height == pytest.approx(0.9 * 59)


def test_a_single_refusal_right_after_another_is_taken_at_its_word():
    """There was room for 59 all the time: an answer was on its way when the first call was refused."""
    ceiling = Ceiling()
    refused(ceiling, 61, limit=70)
    refused(ceiling, 60, limit=60, now=0.1)
    assert ceiling.height == 59


def test_a_refusal_a_latency_later_is_taken_at_its_word():
    """It is another matter."""
    ceiling = Ceiling()
    refused(ceiling, 61, limit=70)
    refused(ceiling, 60, limit=60, now=5)
    assert ceiling.height == 59


def test_there_is_always_room_for_one():
    """A provider that refuses the only call in flight gets one at a time."""
    ceiling = Ceiling()
    refused(ceiling, 1, limit=1)
    assert ceiling.height == 1


def test_it_rises_after_a_pause_and_then_faster():
    """By 1, 3 and 9, each round."""
    ceiling = Ceiling()
    refused(ceiling, 21, limit=32)
    heights = []
    for _ in range(5):
        ceiling.held()
        heights.append(ceiling.height)
    assert heights == [20, 20, 21, 24, 33]


def test_it_never_rises_by_more_than_half():
    """A step too far is refused, call by call."""
    ceiling = Ceiling()
    refused(ceiling, 3, limit=32)
    heights = []
    for _ in range(5):
        ceiling.held()
        heights.append(ceiling.height)
    assert heights == pytest.approx([2, 2, 3, 4.5, 6.75])


def test_a_ceiling_found_where_it_was_is_left_alone_longer():
    """Two rounds, then four, then eight, and not more."""
    ceiling = Ceiling()
    pauses = []
    refused(ceiling, 21, limit=32)
    for _ in range(5):
        pauses.append(rises(ceiling, 20)[0])
        ceiling.height = 21
        refused(ceiling, 21, limit=21, now=100 * len(pauses))
    assert pauses == [2, 4, 8, 8, 8]


def test_a_ceiling_found_elsewhere_is_tried_soon():
    """Capacity is changing."""
    ceiling = Ceiling(20)
    refused(ceiling, 41, limit=50)
    assert rises(ceiling, 3) == [2]


def test_a_call_that_was_refused_all_alone_tells_of_no_cap():
    """What refuses even one is no cap, so it is tried again at once, and nothing is found again."""
    ceiling = Ceiling()
    ceiling.refused(0.0, in_flight=9, limit=16, latency=1.0)
    assert ceiling.refused(5.0, in_flight=1, limit=8, latency=1.0)
    assert ceiling.height == 1
    assert not ceiling.refused(9.0, in_flight=1, limit=1, latency=1.0)
    assert ceiling.held()
    assert ceiling.height == 2
