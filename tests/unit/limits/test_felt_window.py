"""A window that shows itself in refusals alone, against providers of windows and of other things."""

import heapq
import math
from collections import deque

import pytest

from llm_composition_patterns.limits._felt_window import FeltWindow
from llm_composition_patterns.limits._pacer import Pacer
from llm_composition_patterns.limits._pause import Pause
from llm_composition_patterns.limits._readings import Reading, Refusal


class Sliding:
    """So many calls in any time of some seconds; a refusal names when the next one fits, in whole seconds."""

    def __init__(self, most, seconds):
        self.most, self.seconds, self.taken = most, seconds, deque()

    def wish(self, now):
        """Seconds until a call fits; None where this one was taken."""
        while self.taken and self.taken[0] <= now - self.seconds:
            self.taken.popleft()
        if len(self.taken) < self.most:
            self.taken.append(now)
            return None
        return math.ceil(self.taken[0] + self.seconds - now)


class Fixed(Sliding):
    """The same in windows that follow each other."""

    def wish(self, now):
        """Seconds until a call fits; None where this one was taken."""
        began = now // self.seconds * self.seconds
        while self.taken and self.taken[0] < began:
            self.taken.popleft()
        if len(self.taken) < self.most:
            self.taken.append(now)
            return None
        return math.ceil(began + self.seconds - now)


def run(provider, calls, *, gap=0.02, took=0.05):
    """Makespan and refusals of so many calls that all wait, sent no faster than one each `gap`."""
    pause, pacer, events, now, left, refused = Pause(), Pacer("requests"), [], 0.0, calls, 0
    while left or events:
        wait = max(pause.wait(now), pacer.wait(now, 1.0))
        if left and not wait:
            left -= 1
            pacer.sent(now, 1.0)
            heapq.heappush(events, (now + took, now, provider.wish(now)))
        then = now + (gap if left and not wait else wait if left else math.inf)
        while events and events[0][0] <= then:
            ended, sent_at, wish = heapq.heappop(events)
            if wish is not None:
                refusal, refused, left = Refusal(retry_after=float(wish)), refused + 1, left + 1
                pause.refused(refusal, ended, 0.0)
                pacer.corrected(ended, 1.0, 0.0, sent_at)
                pacer.refused(refusal, sent_at=sent_at, now=ended)
                then = ended
        now = then if then < math.inf else now
    return now, refused, pacer.rate


@pytest.mark.parametrize(
    ("provider", "calls", "makespan", "refused", "rate"),
    [
        (Sliding(60, 60), 300, 250.5, 6, 0.971),
        (Sliding(20, 10), 200, 97.5, 6, 1.891),
        (Fixed(60, 60), 300, 250.4, 5, 0.971),
        (Fixed(20, 10), 200, 97.4, 5, 1.891),
        (Sliding(5, 10), 50, 93.8, 6, 0.487),
    ],
    ids=["60 in 60 s", "20 in 10 s", "60 each 60 s", "20 each 10 s", "5 in 10 s"],
)
def test_nearly_all_of_a_window_is_used(provider, calls, makespan, refused, rate):
    """240 s, or 90 s, are needed. The second one tells what it is; then only a try whether it grew is refused."""
    found = run(provider, calls)
    assert (round(found[0], 1), found[1], round(found[2], 3)) == (makespan, refused, rate)


def used_up(felt, began, *, limit, seconds, wish):
    """A window that is used up in so many seconds, and named to be over `wish` after."""
    for number in range(limit):
        felt.sent(1.0, began + seconds * number / limit)
    felt.sent(1.0, began + seconds)
    felt.refused(sent_at=began + seconds, now=began + seconds, wish=wish, cost=1.0)


def test_one_that_is_seen_once_is_only_tried():
    """What it would hold for long is let pass, and everything behind it."""
    felt = FeltWindow()
    used_up(felt, 0.0, limit=20, seconds=2.0, wish=8.0)
    for number in range(20):
        felt.sent(1.0, 10.0 + 0.1 * number)
    assert (felt.wait(1.0, 12.0), felt.rate) == (0.0, None)
    felt.sent(1.0, 12.0)
    assert felt.wait(1.0, 12.0) == 0.0


def test_one_that_is_only_tried_holds_for_a_moment():
    """In one that slides, the next call will have left by then."""
    felt = FeltWindow()
    used_up(felt, 0.0, limit=20, seconds=10.0, wish=6.0)
    felt.sent(1.0, 16.0)
    felt.sent(1.0, 16.5 + 1e-9)
    assert felt.wait(1.0, 16.5 + 1e-9) == pytest.approx(0.5)


def test_one_that_is_the_same_twice_is_kept_to():
    """20 in 10 s, refused with 8 s to go: nothing is sent before the oldest has left."""
    felt = FeltWindow()
    used_up(felt, 0.0, limit=20, seconds=2.0, wish=8.0)
    used_up(felt, 10.0, limit=20, seconds=2.0, wish=8.0)
    felt.sent(1.0, 20.0)
    assert felt.rate == 2.0
    assert felt.wait(1.0, 20.0) == pytest.approx(0.1)


@pytest.mark.parametrize(("limit", "seconds", "wish"), [(40, 2.0, 8.0), (20, 2.0, 20.0), (20, 9.0, 1.0), (3, 2.0, 8.0)])
def test_what_is_not_the_same_twice_is_none(limit, seconds, wish):
    """More calls, a longer time, the time of a bucket, too few to tell."""
    felt = FeltWindow()
    used_up(felt, 0.0, limit=20, seconds=2.0, wish=8.0)
    used_up(felt, 10.0, limit=limit, seconds=seconds, wish=wish)
    felt.sent(1.0, 10.0 + seconds + wish)
    assert felt.rate is None


def known(limit=20):
    """A window of 10 s that is known from 20 s on."""
    felt = FeltWindow()
    for began in (0.0, 10.0):
        used_up(felt, began, limit=limit, seconds=2.0, wish=8.0)
    felt.sent(1.0, 20.0)
    return felt


def fill(felt, now):
    """Send all that may be sent."""
    while not felt.wait(1.0, now):
        felt.sent(1.0, now)


def test_one_that_held_calls_for_two_lengths_is_tried_with_more():
    """A fiftieth, but a whole call; and twice as much the next time."""
    felt = known(limit=100)
    rates = []
    for now in (25.0, 35.0, 45.0, 55.0, 65.0):
        fill(felt, now)
        rates.append(felt.rate)
    assert rates == pytest.approx([10.0, 10.0, 10.2, 10.2, 10.608])


def test_one_that_was_raised_by_too_much_is_what_it_was():
    """And is left alone for twice as long."""
    felt = known()
    for now in (25.0, 35.0, 45.0):
        fill(felt, now)
    assert felt.rate == 2.1
    felt.refused(sent_at=45.0, now=45.0, wish=10.0, cost=1.0)
    felt.sent(1.0, 55.0)
    fill(felt, 70.0)
    fill(felt, 94.0)
    assert felt.rate == 2.0


def test_one_that_refuses_what_kept_to_it_twice_is_none():
    """Once may be an accident: then it is as large as what was taken."""
    felt = known()
    fill(felt, 25.0)
    felt.refused(sent_at=25.0, now=25.0, wish=5.0, cost=1.0)
    felt.sent(1.0, 30.0)
    assert felt.rate == 1.9
    felt.refused(sent_at=30.0, now=30.0, wish=5.0, cost=1.0)
    felt.sent(1.0, 35.0)
    assert felt.rate is None


@pytest.mark.parametrize(("readings", "rate"), [((), 2.0), ((Reading(unit="tokens", limit=9.0),), None)])
def test_a_time_beside_a_limit_that_is_shown_is_no_sign_of_one(readings, rate):
    """It may be that of a reset, by which a bucket is full again."""
    pacer = Pacer("requests")
    for began in (0.0, 10.0):
        for number in range(21):
            pacer.sent(began + 0.1 * number, 1.0)
        refusal = Refusal(retry_after=8.0, readings=readings, exhausted="requests")
        pacer.refused(refusal, sent_at=began + 2.0, now=began + 2.0)
    pacer.sent(20.0, 1.0)
    assert pacer._felt._window.rate == rate


def test_what_was_sent_all_at_once_is_no_window():
    """Nothing is known of its length: the first pause ended when it began."""
    felt = FeltWindow()
    for _ in range(5):
        felt.sent(1.0, 0.0)
    felt.refused(sent_at=0.0, now=0.0, wish=0.0, cost=1.0)
    assert not felt.sent(1.0, 0.0)
    assert felt.rate is None
