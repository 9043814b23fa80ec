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
    """A provider that refuses the second call in flight gets one at a time."""
    ceiling = Ceiling()
    refused(ceiling, 2, limit=16)
    assert ceiling.height == 1
    assert not refused(ceiling, 1, limit=1)
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


@pytest.mark.parametrize("height", [1, 8, math.inf])
def test_a_call_that_was_refused_all_alone_lowers_nothing(height):
    """It was not one too many, however often it is refused."""
    ceiling = Ceiling(height)
    assert not any(refused(ceiling, 1, limit=8, now=now) for now in range(5))
    assert ceiling.height == height


def doubted(*in_flight, now=0.0):
    """A ceiling that these refusals, 0.1 s apart, have lowered to 1, before a lone call was refused at 20."""
    ceiling = Ceiling()
    for number, one in enumerate(in_flight):
        refused(ceiling, one, limit=min(ceiling.height, 64), now=now + 0.1 * number)
    refused(ceiling, 1, limit=1, now=20.0)
    return ceiling


def test_a_lone_refusal_casts_doubt_on_those_that_lowered_the_ceiling_to_one():
    """A provider that refuses everything has no cap there: after an answer the first refusal of them counts again."""
    ceiling = doubted(49, 48, *range(42, 1, -1))
    assert (ceiling.height, ceiling.doubted_at) == (1, 20)
    assert ceiling.restored() == ceiling.height == 48
    assert ceiling.doubted_at == math.inf
    assert ceiling.held()


def test_what_was_restored_and_refused_again_is_not_restored_once_more():
    """The provider takes one at a time, and somebody else has that one now and then."""
    ceiling = doubted(49, 48, *range(42, 1, -1))
    ceiling.restored()
    refused(ceiling, 2, limit=48, now=25.0)
    refused(ceiling, 1, limit=1, now=30.0)
    assert ceiling.restored() == 1


def test_a_refusal_of_several_in_flight_ends_the_doubt():
    """It is a cap after all."""
    ceiling = doubted(9, 2)
    refused(ceiling, 2, limit=2, now=21.0)
    assert ceiling.doubted_at == math.inf
