"""The pause: nobody calls before the provider wants it."""

import math

import pytest

from llm_composition_patterns.limits._pause import Pause
from llm_composition_patterns.limits._readings import Reading, Refusal


def test_there_is_none_at_first():
    """Nothing is held back before a refusal."""
    pause = Pause()
    assert pause.wait(0.0) == 0.0


def test_it_ends_when_the_provider_wants_to_be_called_again():
    """From the refusal until Retry-After, to the instant."""
    pause = Pause()
    pause.refused(Refusal(retry_after=7.0), 100.0, 0.0)
    assert [pause.wait(now) for now in (100.0, 103.0, 107.0)] == [7.0, 4.0, 0.0]
    assert pause.until == 107.0


def test_jitter_only_adds():
    """Up to a twentieth more, never less."""
    pause = Pause()
    pause.refused(Refusal(retry_after=10.0), 0.0, 1.0)
    assert pause.wait(0.0) == 10.5


def test_the_longest_wish_holds():
    """Refusals of calls that were on their way make it longer, and never shorter."""
    pause = Pause()
    pause.refused(Refusal(retry_after=5.0), 0.0, 0.0)
    pause.refused(Refusal(retry_after=1.0), 1.0, 0.0)
    assert pause.wait(1.0) == 4.0
    pause.refused(Refusal(retry_after=5.0), 2.0, 0.0)
    assert pause.wait(2.0) == 5.0


def test_a_rate_without_a_time_brings_a_short_one_that_doubles():
    """0.25 s, then 0.5 s when the next refusal follows at once; from the start again after a rest."""
    pause, refusal = Pause(), Refusal(readings=(Reading(unit="tokens", limit=9),))
    pause.refused(refusal, 0.0, 0.0)
    assert pause.wait(0.0) == 0.25
    pause.refused(refusal, 0.1, 0.0)
    assert pause.wait(0.1) == 0.15
    pause.refused(refusal, 0.3, 0.0)
    assert pause.wait(0.3) == 0.5
    pause.refused(refusal, 10.0, 0.0)
    assert pause.wait(10.0) == 0.25


def test_behind_one_single_calls_find_out_when_it_is_over():
    """Ever faster while none is refused, but each refusal makes it longer than before, whenever it comes."""
    pause, refusal = Pause(), Refusal(exhausted="requests")
    pause.refused(refusal, 0.0, 0.0)
    pause.refused(refusal, 9.0, 0.0)
    assert (pause.feels, pause.wait(9.0), pause.wait(9.5)) == (True, 0.5, 0.0)
    waits = []
    for _ in range(6):
        pause.sent(16.0)
        waits.append(pause.wait(16.0))
    assert waits == pytest.approx([0.5, 0.25, 0.125, 0.0625, 0.05, 0.05])
    assert pause.passable_at() == 16.05
    pause.refused(refusal, 16.0, 0.0)
    assert pause.wait(16.0) == 1.0
    pause.accepted(16.0, 17.0)
    assert pause.feels
    pause.accepted(17.0, 18.0)
    assert (pause.feels, pause.wait(18.0)) == (False, 0.0)


def test_then_it_grows_no_longer_than_4_s():
    """Whoever asks one at a time is no burden."""
    pause, now = Pause(), 0.0
    for _ in range(9):
        pause.refused(Refusal(exhausted="requests"), now, 0.0)
        now = pause.until
    assert pause.wait(now - 4.0) == 4.0


def test_one_that_names_a_time_asks_for_no_single_calls():
    """Then everybody may come."""
    pause = Pause()
    pause.refused(Refusal(exhausted="requests"), 0.0, 0.0)
    pause.refused(Refusal(retry_after=3.0), 1.0, 0.0)
    pause.sent(4.0)
    assert pause.wait(4.0) == 0.0


def test_a_named_time_that_was_too_short_is_the_least_that_is_waited():
    """The first call after it is refused again: then a pause that doubles, up to 4 s, and single calls behind it."""
    pause, refusal, now, waits = Pause(), Refusal(retry_after=1.0), 0.0, []
    pause.refused(refusal, now, 0.0)
    for _ in range(6):
        waits.append(pause.wait(now))
        now = pause.until
        asked = pause.sent(now)
        pause.refused(refusal, now, 0.0, asked=asked)
    assert waits == [1.0, 1.0, 1.0, 2.0, 4.0, 4.0]
    assert (pause.wait(now), pause.feels) == (4.0, True)


def test_a_named_time_of_nothing_may_be_too_short_too():
    """The first refusal brings no pause, the second one 0.5 s, the third 1 s."""
    pause, refusal, waits = Pause(), Refusal(retry_after=0.0), []
    asked = False
    for _ in range(3):
        pause.refused(refusal, 0.0, 0.0, asked=asked)
        waits.append(pause.wait(0.0))
        asked = pause.sent(pause.until)
    assert waits == [0.0, 0.5, 1.0]


def test_only_the_first_call_after_a_pause_tells_whether_it_was_long_enough():
    """Those behind it may be too many for what there is now."""
    pause = Pause()
    assert not pause.sent(0.0)
    pause.refused(Refusal(retry_after=2.0), 0.0, 0.0)
    assert (pause.sent(2.0), pause.sent(2.0)) == (True, False)
    pause.refused(Refusal(retry_after=2.0), 2.5, 0.0, asked=False)
    assert (pause.wait(2.5), pause.feels) == (2.0, False)


def test_a_named_time_is_trusted_again_once_a_call_was_accepted():
    """It was long enough that time."""
    pause, refusal = Pause(), Refusal(retry_after=1.0)
    pause.refused(refusal, 0.0, 0.0, asked=True)
    assert pause.feels
    pause.accepted(1.5, 2.0)
    pause.refused(refusal, 3.0, 0.0)
    assert (pause.wait(3.0), pause.feels) == (1.0, False)


def test_the_moment_begins_anew_after_a_call_was_accepted():
    """It was long enough, so the next refusal is another one's; but a call that was sent before it tells nothing."""
    pause, refusal = Pause(), Refusal(exhausted="requests")
    pause.refused(refusal, 0.0, 0.0)
    pause.refused(refusal, 0.25, 0.0)
    pause.accepted(0.2, 0.75)
    pause.refused(refusal, 0.75, 0.0)
    assert pause.wait(0.75) == 1.0
    pause.accepted(1.75, 1.8)
    pause.refused(refusal, 1.85, 0.0)
    assert pause.wait(1.85) == 0.25


@pytest.mark.parametrize("times", [10, 100])
def test_the_moment_does_not_grow_for_ever(times):
    """16 s at most."""
    pause, now = Pause(), 0.0
    for _ in range(times):
        pause.refused(Refusal(readings=(Reading(unit="tokens", limit=9),)), now, 0.0)
        now = pause.until
    assert pause.wait(now - 16.0) <= 16.0


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(),
        Refusal(concurrent=True),
        Refusal(exhausted="tokens", too_large=True),
        Refusal(retry_after=60.0, too_large=True),
        Refusal(retry_after=math.nan, concurrent=True),
        Refusal(retry_after=0.0, readings=(Reading(unit="tokens", limit=1.0),)),
    ],
)
def test_what_names_no_rate_and_no_time_brings_none(refusal):
    """Too many at once, or one too large, is not a matter of time."""
    pause = Pause()
    pause.refused(refusal, 0.0, 0.5)
    assert pause.wait(0.0) == 0.0


@pytest.mark.parametrize("absurd", [math.nan, math.inf, -1.0, 1e9])
def test_an_absurd_wish_is_not_believed(absurd):
    """It counts as none: a moment."""
    pause = Pause()
    pause.refused(Refusal(retry_after=absurd), 0.0, 0.0)
    assert pause.wait(0.0) == 0.25


def test_one_call_passes_every_ten_minutes():
    """A wish of a day may be a mistake: one goes to see, the next ten minutes later."""
    pause = Pause()
    pause.refused(Refusal(retry_after=86400.0), 0.0, 0.0)
    assert [pause.wait(now) for now in (0.0, 599.0, 600.0)] == [600.0, 1.0, 0.0]
    pause.sent(600.0)
    assert (pause.wait(600.0), pause.lasts_for(600.0)) == (600.0, 85800.0)


def test_it_ends_when_a_call_that_was_sent_since_is_accepted():
    """What was sent before the refusal says nothing, nor does another refusal."""
    pause = Pause()
    pause.refused(Refusal(retry_after=86400.0), 5.0, 0.0)
    pause.accepted(4.0, 100.0)
    assert pause.lasts_for(100.0) == 86305.0
    pause.sent(605.0)
    pause.refused(Refusal(retry_after=86400.0), 606.0, 0.0)
    assert pause.wait(606.0) == 600.0
    pause.sent(1206.0)
    pause.accepted(1206.0, 1207.0)
    assert (pause.wait(1207.0), pause.lasts_for(1207.0)) == (0.0, 0.0)


def test_what_was_asked_for_before_it_ended_early_is_over():
    """The next refusal is taken at its own word, not at that of the one that was wrong."""
    pause = Pause()
    pause.refused(Refusal(retry_after=3600.0), 0.0, 0.0)
    pause.sent(605.0)
    pause.accepted(605.0, 606.0)
    assert pause.passable_at() == 606.0
    pause.refused(Refusal(retry_after=1.0), 610.0, 0.0)
    assert pause.passable_at() == 611.0
