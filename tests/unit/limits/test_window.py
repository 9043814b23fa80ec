"""So much in any time of a certain length: values in, values out."""

import pytest

from llm_composition_patterns.limits._window import KEPT, Window


def window(limit, length, *sent_at):
    made = Window()
    made.limit, made.length = limit, length
    for now in sent_at:
        made.take(1.0, now)
    return made


def test_what_is_not_known_holds_nothing():
    """Without a limit everything may be sent."""
    assert Window().wait(1.0, 0.0) == 0.0


def test_the_oldest_has_to_leave_before_another_may_be_sent():
    """Three in 10 s: the fourth waits until the first is 10 s old, two more until the second is."""
    made = window(3.0, 10.0, 0.0, 1.0, 4.0)
    assert (made.wait(1.0, 5.0), made.wait(2.0, 5.0), made.wait(1.0, 10.0), made.wait(2.0, 10.0)) == (
        5.0,
        6.0,
        0.0,
        1.0,
    )


def test_what_never_fits_may_be_sent_into_an_empty_window():
    """A call that costs more than the whole limit waits until all others have left."""
    made = window(3.0, 10.0, 0.0, 4.0)
    assert (made.wait(9.0, 5.0), made.used(14.0), window(3.0, 10.0).wait(9.0, 0.0)) == (9.0, 0.0, 0.0)


def test_what_was_refused_counts_for_nothing():
    """It is found by when it was sent; what was sent at no such time changes nothing."""
    made = window(3.0, 10.0, 0.0, 1.0, 1.0, 4.0)
    made.give_back(1.0)
    made.give_back(2.0)
    assert made.used(5.0) == 3.0


def test_it_remembers_no_more_than_it_may():
    """The oldest counts for nothing then."""
    made = window(1e9, 1e9, *range(KEPT + 5))
    assert made.used(KEPT + 5.0) == pytest.approx(KEPT)
