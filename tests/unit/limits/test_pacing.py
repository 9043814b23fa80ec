"""Pause and pacers against a provider, event by event: nearly all of a rate is used, hardly a call is refused."""

import heapq
import math
import random
from dataclasses import dataclass

import pytest

from llm_composition_patterns.limits._pacer import Pacer
from llm_composition_patterns.limits._pause import Pause
from llm_composition_patterns.limits._readings import Reading, Refusal
from llm_composition_patterns.simulation._rate_limit import Bucket

A_MOMENT = 1e-9


@dataclass(kw_only=True)
class Provider:
    """One limit of so many requests a second, that shows as much of itself as `shows` says."""

    rate: float
    burst: float
    shows: str

    def __post_init__(self):
        self.bucket = Bucket("requests", self.rate * 60, 60.0, self.rate * self.burst)

    def reading(self, now, *, window=None):
        used = self.bucket.used(now)
        left = max(0, math.floor(self.bucket.limit - used + A_MOMENT))
        reset = None if window else math.ceil(used / self.bucket.rate * 1000) / 1000
        return Reading(unit="requests", limit=self.bucket.limit, remaining=left, reset=reset, window=window)

    def call(self, now):
        """A refusal, or the readings of an acceptance."""
        wait = self.bucket.wait(1, now)
        if not wait:
            self.bucket.take(1, now)
            return (self.reading(now),) if self.shows == "headers" else ()
        if self.shows == "nothing":
            return Refusal(retry_after=math.ceil(wait))
        return Refusal(retry_after=math.ceil(wait), readings=(self.reading(now, window=60.0),), exhausted="requests")


def run(provider, *, calls, in_flight, latency, seed=1):
    """Makespan and refusals of so many calls that all wait from the start."""
    chance, pause, pacer = random.Random(seed), Pause(), Pacer("requests")
    events, now, free, left, refused, number, timer = [], 0.0, in_flight, calls, 0, 0, math.inf
    while left or free < in_flight:
        while left and free:
            wait = max(pause.wait(now), pacer.wait(now, 1.0))
            if wait > A_MOMENT:
                if now + wait < timer:
                    timer = now + wait
                    heapq.heappush(events, (timer + 0.002 * chance.random(), -1, None, None))
                break
            number, left, free = number + 1, left - 1, free - 1
            pacer.sent(now, 1.0)
            answer = provider.call(now)
            took = 0.005 if isinstance(answer, Refusal) else latency * chance.uniform(0.7, 1.3)
            heapq.heappush(events, (now + took, number, now, answer))
        now, number_of_call, sent_at, answer = heapq.heappop(events)
        if number_of_call < 0:
            timer = math.inf
            continue
        free += 1
        if isinstance(answer, Refusal):
            refused, left = refused + 1, left + 1
            pause.refused(answer, now, chance.random())
            pacer.refused(answer, sent_at=sent_at, now=now)
            pacer.corrected(now, 1.0, 0.0, sent_at)
        for reading in () if isinstance(answer, Refusal) else answer:
            pacer.read(reading, sent_at=sent_at, now=now)
    return now, refused


@pytest.mark.parametrize("shows", ["headers", "text", "nothing"])
@pytest.mark.parametrize("burst", [1, 10, 30])
@pytest.mark.parametrize("latency", [0.1, 1.0])
def test_nearly_all_of_a_rate_is_used(shows, burst, latency):
    """2,000 calls, 40 a second: at least 0.96 of what one does that knows all; few are refused."""
    makespan, refused = run(Provider(rate=40, burst=burst, shows=shows), calls=2000, in_flight=128, latency=latency)
    assert makespan <= ((2000 - 40 * burst) / 40 + 1.3 * latency) / 0.96
    assert refused <= max(0, 128 - 40 * burst) + 15


def test_a_bucket_that_runs_over_in_the_pauses_is_measured_too():
    """Half a second's burst and refusals that bring a pause of a second: the first guess is far too low."""
    makespan, refused = run(Provider(rate=40, burst=0.5, shows="nothing"), calls=2000, in_flight=32, latency=0.1)
    assert makespan <= (2000 / 40) / 0.9
    assert refused <= 30


class Interlude:
    """No limit at all, but for two seconds in which everything is refused."""

    def __init__(self, retry_after):
        self.refusal = Refusal(retry_after=retry_after)

    def call(self, now):
        return self.refusal if 1.0 <= now < 3.0 else ()


@pytest.mark.parametrize("retry_after", [0.2, 1.0, 2.0])
def test_a_moment_of_refusals_is_not_believed_for_long(retry_after):
    """1,000 calls of half a second, 50 at once, need 12 s with the pause, and about one refusal each time it ends."""
    makespan, refused = run(Interlude(retry_after), calls=1000, in_flight=50, latency=0.5)
    assert makespan <= 13.5
    assert refused <= 11


def test_a_rate_that_falls_is_followed():
    """A limit that falls to a quarter: the pace follows, with few refusals."""
    provider = Provider(rate=40, burst=1, shows="nothing")
    chance, pause, pacer, now, refused = random.Random(1), Pause(), Pacer("requests"), 0.0, 0
    while now < 120.0:
        if now >= 60.0 and provider.rate == 40:
            provider = Provider(rate=10, burst=1, shows="nothing")
        wait = max(pause.wait(now), pacer.wait(now, 1.0))
        if wait > A_MOMENT:
            now += wait
            continue
        pacer.sent(now, 1.0)
        answer = provider.call(now)
        if isinstance(answer, Refusal):
            refused += 1
            pause.refused(answer, now, chance.random())
            pacer.refused(answer, sent_at=now, now=now)
        now += 0.001
    assert pacer.rate == pytest.approx(10.0, rel=0.15)
    assert refused <= 30
