"""Whatever a server says, a pacer neither raises, nor stalls, nor believes the absurd."""

import math

from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits._pacer import LONGEST_WAIT, Pacer
from llm_composition_patterns.limits._readings import Reading, Refusal

ANY = st.one_of(
    st.floats(),
    st.integers(-3, 1000).map(float),
    st.sampled_from([0.0, 1.0, 60.0, 86400.0, 3.2e7, 1e300, 5e-324, math.inf, math.nan, -1.0]),
)
MAYBE = st.none() | ANY
READINGS = st.builds(
    Reading, unit=st.sampled_from(["requests", "tokens"]), limit=ANY, remaining=MAYBE, reset=MAYBE, window=MAYBE
)
REFUSALS = st.builds(
    Refusal,
    retry_after=MAYBE,
    readings=st.lists(READINGS, max_size=3).map(tuple),
    exhausted=st.sampled_from([None, "requests", "tokens"]),
    daily=st.booleans(),
    too_large=st.booleans(),
    concurrent=st.sampled_from([None, None, None, True, False]),
)
STEPS = st.lists(
    st.tuples(
        st.floats(0, 100),
        st.one_of(st.integers(1, 40), READINGS, REFUSALS, st.tuples(ANY, ANY)),
        st.floats(0, 20),
    ),
    max_size=40,
)


def play(pacer, step, now, sent_at):
    if isinstance(step, int):
        for _ in range(step):
            pacer.sent(now, 1.0)
    elif isinstance(step, Reading):
        pacer.read(step, sent_at=sent_at, now=now)
    elif isinstance(step, Refusal):
        pacer.refused(step, sent_at=sent_at, now=now)
    else:
        pacer.corrected(now, 1.0, step[0], sent_at)


@given(unit=st.sampled_from(["requests", "tokens"]), steps=STEPS)
def test_no_reading_stalls_a_pacer_or_makes_it_raise(unit, steps):
    """The wait is finite, never below 0, never longer than ten minutes; the rate stays above 0."""
    pacer, now = Pacer(unit), 0.0
    for pause, step, age in steps:
        now += pause
        play(pacer, step, now, now - age)
        assert 0 <= pacer.wait(now, 1.0) <= LONGEST_WAIT
        assert pacer.rate is None or 0 < pacer.rate < math.inf
        assert pacer.source in (None, "headers", "message", "retry_after")


@given(steps=STEPS)
def test_a_call_that_waits_as_told_can_go_in_the_end(steps):
    """After the wait, asked again some times, the call is sent: nothing holds for ever."""
    pacer, now = Pacer("requests"), 0.0
    for pause, step, age in steps:
        now += pause
        play(pacer, step, now, now - age)
    pacer.sent(now, 1.0)
    until = now + LONGEST_WAIT
    for _ in range(100):
        wait = pacer.wait(now, 1.0)
        if wait <= 1e-9:
            break
        now += wait
    assert now <= until + 1.0


@given(per_minute=st.floats(0.1, 1e6), steps=STEPS)
def test_the_users_rate_is_kept_whatever_is_read(per_minute, steps):
    """In any minute no more calls than allowed, but for a second's that may come at once."""
    pacer, now, sent = Pacer("requests", per_minute=per_minute), 0.0, 0
    for pause, step, age in steps:
        now += pause
        if isinstance(step, (Reading, Refusal)):
            play(pacer, step, now, now - age)
        if not pacer.wait(now, 1.0):
            pacer.sent(now, 1.0)
            sent += 1
    assert sent <= now * per_minute / 60 + max(1.0, per_minute / 60) + 1e-3 * max(1, sent)


@given(rate=ANY, burst=ANY)
def test_an_absurd_memory_is_not_believed(rate, burst):
    """What was remembered may be damaged."""
    pacer = Pacer("requests")
    pacer.restore({"rate": rate, "burst": burst})
    assert 0 <= pacer.wait(0.0, 1.0) <= LONGEST_WAIT
    pacer.sent(0.0, 1.0)
    assert 0 <= pacer.wait(0.0, 1.0) <= LONGEST_WAIT


@given(rate=st.floats(0.1, 1e6), burst=st.floats(0.01, 1e6), runs=st.integers(1, 20))
def test_what_is_remembered_stays_what_it_is(rate, burst, runs):
    """Run after run that learns nothing new: the same rate, not a little less each time."""
    values = {"rate": rate, "burst": burst}
    for _ in range(runs):
        pacer = Pacer("requests")
        pacer.restore(values)
        values = pacer.remembered()
    assert values == {"rate": rate, "burst": burst}
