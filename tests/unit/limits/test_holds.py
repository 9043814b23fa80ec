"""Calls that are held until some time: by a rate limit, a pause, an outage. They go on exactly then."""

import asyncio
import gc
import threading

import pytest

from llm_composition_patterns.limits import (
    Accepted,
    Failed,
    HeldUp,
    Limiter,
    Reading,
    Refusal,
    Throttled,
    impatient_permit,
)
from llm_composition_patterns.limits._concurrency import AdaptiveLaw
from llm_composition_patterns.limits._queue import FairQueue
from llm_composition_patterns.virtual_time import VirtualTimeLoop, run


def now():
    return asyncio.get_running_loop().time()


async def call(limiter, ending=None, seconds=0.0, **settings):
    """Make one call; when it was let go."""
    settings = {"tokens": None, "retry": False, "patience": None, "outage_patience": None, **settings}
    async with impatient_permit(limiter, **settings) as permit:
        began = now()
        await asyncio.sleep(seconds)
        permit.end(ending)
    return began


async def fail(limiter, times=3):
    for _ in range(times):
        await call(limiter, Failed())


async def test_a_rate_that_the_user_knows_is_kept_exactly():
    """Sixty a minute are one a second from the first on, whoever waits."""
    limiter = Limiter(requests_per_minute=60)
    assert await asyncio.gather(*(call(limiter, Accepted()) for _ in range(5))) == [0, 1, 2, 3, 4]
    assert now() == 4


async def test_calls_wait_for_the_tokens_that_they_will_count():
    """Six hundred a minute are ten a second; the head of the queue is not overtaken by a smaller one."""
    limiter = Limiter(tokens_per_minute=600)
    calls = [call(limiter, tokens=tokens) for tokens in (10, 10, 1)]
    assert await asyncio.gather(*calls) == [0, 1, 1.1]


async def test_tokens_that_nobody_tells_are_those_of_calls_on_average():
    """The limiter learns what calls count."""
    limiter = Limiter(tokens_per_minute=600)
    await call(limiter, Accepted(tokens=5.0), tokens=5)
    assert await asyncio.gather(*(call(limiter) for _ in range(3))) == [0, 0.5, 1]


async def test_a_pause_ends_exactly_when_it_should():
    """The next waits for as long as the provider asked for, and not a moment longer."""
    limiter = Limiter()
    await asyncio.sleep(0.3)
    await call(limiter, Throttled(Refusal(retry_after=7.7)))
    opens = now() + limiter.statistics().paused_for
    assert 8.0 <= opens <= 8.0 + 0.05 * 7.7
    assert await call(limiter) == opens
    assert limiter.statistics().paused_for == 0


async def test_a_pause_that_becomes_longer_holds_on():
    """An alarm that rings too early wakes nobody."""
    limiter = Limiter()
    async with limiter.permit() as late:
        await call(limiter, Throttled(Refusal(retry_after=1.0)))
        waiting = asyncio.create_task(call(limiter))
        await asyncio.sleep(0.5)
        late.end(Throttled(Refusal(retry_after=10.0)))
        opens = now() + limiter.statistics().paused_for
    assert await waiting == opens >= 10.5


async def test_a_hold_that_ends_sooner_rings_sooner():
    """Who comes first out of turn does not wait for the alarm of another."""
    limiter = Limiter(tokens_per_minute=60)
    await call(limiter, tokens=1)
    large = asyncio.create_task(call(limiter, tokens=1))
    await asyncio.sleep(0)
    retry = asyncio.create_task(call(limiter, tokens=0.25, retry=True))
    assert (await retry, await large) == (0.25, 1.25)


async def test_an_outage_lets_single_calls_through_until_one_succeeds():
    """Probes go out after half a second and a little more each time; then everybody goes on at once."""
    limiter = Limiter()
    await fail(limiter)
    assert limiter.outage
    calls = [
        asyncio.create_task(call(limiter, Failed())),
        *(asyncio.create_task(call(limiter, Accepted())) for _ in "abc"),
    ]
    began = await asyncio.gather(*calls)
    assert began == [0.5, 1.0, 1.0, 1.0]
    assert not limiter.outage


async def test_the_probe_knows_that_it_is_one():
    """So that it costs its call nothing when it fails."""
    limiter = Limiter()
    async with limiter.permit() as permit:
        assert not permit.probe
        assert permit.reason == ""
    await fail(limiter)
    async with limiter.permit() as permit:
        pass
    assert permit.probe
    assert permit.reason == "outage"


async def test_a_probe_that_is_cancelled_leaves_its_place_to_the_next():
    """At once."""
    limiter = Limiter()
    await fail(limiter)
    probe, other = asyncio.create_task(call(limiter, seconds=9)), asyncio.create_task(call(limiter))
    await asyncio.sleep(0.75)
    probe.cancel()
    assert await other == 0.75


async def test_statistics_say_what_holds():
    """By reason, with what is known."""
    limiter = Limiter(max=1, requests_per_minute=60)
    holder = asyncio.create_task(call(limiter, seconds=5))
    others = [asyncio.create_task(call(limiter)) for _ in range(2)]
    await asyncio.sleep(0.25)
    assert (limiter.statistics().waiting_by_reason, limiter.statistics().held_for) == ({"requests": 2}, 0.75)
    await asyncio.sleep(1)
    shown = limiter.statistics()
    assert (shown.waiting_by_reason, shown.held_for) == ({"concurrency": 2}, None)
    assert (shown.requests_per_minute, shown.tokens_per_minute, shown.learned_from) == (60, None, "user")
    await asyncio.gather(holder, *others)
    await fail(limiter)
    await call(limiter, Throttled(Refusal(retry_after=1.0)))
    waiting = asyncio.create_task(call(limiter))
    await asyncio.sleep(0)
    assert limiter.statistics().waiting_by_reason == {"retry_after": 1}
    await waiting
    assert limiter.statistics().waiting_by_reason == {}


@pytest.mark.parametrize("unit", ["requests", "tokens"])
async def test_a_header_that_says_that_nothing_is_left_is_seen_in_the_statistics(unit):
    """By what the calls wait for, and for how long, also where an hour's limit is no pace; one was sent to see."""
    limiter = Limiter()
    reading = Reading(unit=unit, limit=60.0, remaining=0.0, reset=3600.0)
    await call(limiter, Accepted((reading,), tokens=1.0), seconds=1, tokens=1)
    waiting = [asyncio.create_task(call(limiter, tokens=1, seconds=1)) for _ in range(3)]
    await asyncio.sleep(0.5)
    shown = limiter.statistics()
    assert shown.waiting_by_reason == {unit: 2}
    assert 50 < shown.held_for < 150
    for held in waiting:
        held.cancel()
    await asyncio.wait(waiting)
    assert limiter.statistics().held_for is None


async def test_an_outage_is_seen_in_the_statistics():
    """With its length, from its first failure on."""
    limiter = Limiter()
    for _ in range(3):
        await call(limiter, Failed(), seconds=1)
    assert limiter.statistics().outage_for == 2
    waiting = asyncio.create_task(call(limiter, Accepted()))
    await asyncio.sleep(0.25)
    shown = limiter.statistics()
    assert (shown.outage_for, shown.waiting_by_reason) == (2.25, {"outage": 1})
    await waiting
    assert limiter.statistics().outage_for is None


async def test_how_late_the_loop_was_is_told_to_the_law():
    """Twice the time from when a call was let go until it went: it will be as late for the answer."""
    limiter, loop, lags = Limiter(max=1), asyncio.get_running_loop(), []

    class Law(AdaptiveLaw):
        def succeeded(self, *_, lag, **__):
            lags.append(lag)

    limiter._enforcement.controller.law = Law(start=1)
    async with limiter.permit() as permit:
        waiting = asyncio.create_task(call(limiter, Accepted()))
        await asyncio.sleep(0)
        loop.call_soon(lambda: loop._set_clock(loop.time() + 0.25))
        permit.end(Accepted())
    await waiting
    assert lags == [0, 0.5]


# Patience


async def test_who_is_held_by_a_rate_limit_for_too_long_is_told_so():
    """When nobody was accepted for as long as the call bears, though a call that is in flight might have been."""
    limiter = Limiter()
    async with limiter.permit():
        await call(limiter, Throttled(Refusal(retry_after=100.0)))
        with pytest.raises(HeldUp) as caught:
            await call(limiter, patience=20.0)
    assert now() == 20
    assert (caught.value.reason, caught.value.seconds, caught.value.ahead) == ("retry_after", 20, 0)


@pytest.mark.parametrize("behind", [False, True])
async def test_whose_wait_is_known_to_be_too_long_is_told_at_once(behind):
    """Also behind one that bears more; the queue goes on without it."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=100.0)))
    patient = asyncio.create_task(call(limiter, patience=300.0))
    await asyncio.sleep(float(behind))
    with pytest.raises(HeldUp) as caught:
        await call(limiter, patience=20.0)
    assert now() == float(behind)
    assert (caught.value.reason, caught.value.seconds, caught.value.ahead) == ("retry_after", 0, 100 - now())
    assert limiter.statistics().waiting == 1
    assert await patient >= 100


async def test_it_is_known_when_the_last_call_in_flight_has_ended():
    """Until then its acceptance might have shown that the provider takes calls."""
    limiter = Limiter()
    async with limiter.permit() as other:
        await call(limiter, Throttled(Refusal(retry_after=100.0)))
        held = asyncio.create_task(call(limiter, patience=20.0))
        await asyncio.sleep(5)
        other.end(Failed())
    with pytest.raises(HeldUp):
        await held
    assert now() == 5


async def test_jitter_tries_nobodys_patience():
    """What the provider asked for is borne, and so is what is added to that."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=20.0)))
    assert 20 < await call(limiter, patience=20.0) <= 21


async def test_a_pace_that_is_too_slow_for_a_call_is_told_at_once():
    """What was sent takes a minute to refill; one that bears that waits."""
    limiter = Limiter(tokens_per_minute=60)
    await call(limiter, Accepted(), tokens=60)
    with pytest.raises(HeldUp) as caught:
        await call(limiter, tokens=1, patience=20.0)
    assert (now(), caught.value.reason, caught.value.ahead) == (0, "tokens", 60)
    assert await call(limiter, tokens=1, patience=60.0) == 60


async def test_what_a_call_counts_says_how_long_a_pace_asks_to_wait():
    """Five tokens behind sixty, at ten a second."""
    limiter = Limiter(tokens_per_minute=600)
    await call(limiter, Accepted(), tokens=60)
    with pytest.raises(HeldUp) as caught:
        await call(limiter, tokens=5, patience=2.0)
    assert caught.value.ahead == 5.5


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("pause", [False, True])
async def test_while_a_call_is_in_flight_nobody_is_turned_away(pause, behind):
    """Before its own time is over: that call may be accepted, by which patience is renewed."""
    limiter = Limiter() if pause else Limiter(tokens_per_minute=60)
    async with limiter.permit(tokens=60) as other:
        if pause:
            await call(limiter, Throttled(Refusal(retry_after=60.0)))
        if behind:
            patient = asyncio.create_task(call(limiter, tokens=1, patience=300.0))
            await asyncio.sleep(0)
        held = asyncio.create_task(call(limiter, tokens=1, patience=50.0))
        with pytest.raises(HeldUp):
            await call(limiter, tokens=1, patience=20.0)
        await asyncio.sleep(10)
        other.end(Accepted())
    assert await held >= 60
    if behind:
        await patient


async def test_who_bears_to_wait_until_one_is_sent_to_see_waits():
    """Ten minutes, whatever the provider asked for."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=7200.0)))
    assert await call(limiter, Accepted(), patience=600.0) == 600


async def test_a_pace_of_requests_is_too_slow_for_those_behind_a_patient_call_too():
    """What holds the next call holds every call alike."""
    limiter = Limiter(requests_per_minute=1)
    await call(limiter)
    patient = asyncio.create_task(call(limiter, patience=300.0))
    await asyncio.sleep(0)
    with pytest.raises(HeldUp) as caught:
        await call(limiter, patience=20.0)
    assert (now(), caught.value.ahead, caught.value.own) == (0, 60, True)
    assert await patient == 60


async def test_the_tokens_of_the_next_call_are_no_reason_to_turn_others_away():
    """One that counts less may go when the next one is cancelled; until then it bears what it bears."""
    limiter = Limiter(tokens_per_minute=60)
    await call(limiter, Accepted(), tokens=60)
    large = asyncio.create_task(call(limiter, tokens=1, patience=300.0))
    await asyncio.sleep(0)
    small = asyncio.create_task(call(limiter, tokens=0, patience=59.5))
    impatient = asyncio.create_task(call(limiter, tokens=0, patience=20.0))
    await asyncio.sleep(30)
    with pytest.raises(HeldUp) as caught:
        await impatient
    assert (caught.value.seconds, caught.value.ahead) == (20, 0)
    large.cancel()
    assert await small == 59


async def test_when_the_next_call_gives_up_those_behind_it_go_by_what_they_count():
    """Also one that would have to give up at that very moment."""
    limiter = Limiter(tokens_per_minute=60)
    async with limiter.permit(tokens=11):
        large = asyncio.create_task(call(limiter, tokens=1, patience=10.0))
        small = asyncio.create_task(call(limiter, tokens=0, patience=10.0))
        with pytest.raises(HeldUp):
            await large
        assert await small == 10


async def test_who_comes_during_a_pause_is_judged_alone():
    """Whoever does not bear it is turned away, and is no reason to ask thousands of others again."""
    limiter, scans = Limiter(), []

    class Queue(FairQueue):
        def __iter__(self):
            scans.append(len(self))
            return super().__iter__()

    limiter._enforcement._queue = Queue()
    await call(limiter, Throttled(Refusal(retry_after=50.0)))
    patiences = [120.0] * 50 + [20.0, 60.0] * 50
    calls = [call(limiter, patience=one, retry=number % 3 == 0) for number, one in enumerate(patiences)]
    waiting = [asyncio.create_task(one) for one in calls]
    await asyncio.sleep(1)
    assert sum(one.done() for one in waiting) == 50
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)
    assert len(scans) <= 1


@pytest.mark.parametrize("busy", [True, False])
async def test_a_call_that_gives_up_knows_what_held_it_when_it_came(busy):
    """Those in flight, where others were; else what it gives up for."""
    limiter = Limiter(max=1)
    permit = impatient_permit(limiter, tokens=None, retry=False, patience=20.0, outage_patience=None)
    async with limiter.permit() as other:
        held = asyncio.create_task(permit.__aenter__()) if busy else None
        await asyncio.sleep(1)
        other.end(Throttled(Refusal(retry_after=100.0)))
    with pytest.raises(HeldUp):
        await (held or permit.__aenter__())
    assert permit.reason == ("concurrency" if busy else "retry_after")


async def test_somebody_elses_acceptance_renews_patience():
    """A queue that moves tries nobody's patience."""
    limiter = Limiter()
    async with limiter.permit() as other:
        await call(limiter, Throttled(Refusal(retry_after=30.0)))
        held = asyncio.create_task(call(limiter, patience=20.0))
        await asyncio.sleep(15)
        other.end(Accepted())
    assert await held >= 30


@pytest.mark.parametrize("accepted", [True, False])
async def test_patience_that_was_used_up_before_is_given_back_by_an_acceptance(accepted):
    """Until then it counts, and is told."""
    limiter = Limiter()
    async with limiter.permit() as other:
        await call(limiter, Throttled(Refusal(retry_after=18.0)))
        held = asyncio.create_task(call(limiter, patience=20.0, stuck_for=15.0))
        await asyncio.sleep(4)
        if accepted:
            other.end(Accepted())
            assert await held >= 18
            return
        with pytest.raises(HeldUp) as caught:
            await held
    assert (now(), caught.value.seconds) == (5, 20)


@pytest.mark.parametrize("tenths", range(1, 40))
async def test_an_acceptance_just_before_a_refusal_gives_back_nothing(tenths):
    """What was used up has begun with it, to the last digit of the clock."""
    limiter, stuck = Limiter(), tenths / 10
    async with limiter.permit():
        await asyncio.sleep(stuck)
        await call(limiter, Accepted())
        await call(limiter, Throttled(Refusal(retry_after=50.0)))
        await asyncio.sleep(7.3)
        with pytest.raises(HeldUp):
            await call(limiter, patience=20.0, stuck_for=now() - stuck)
    assert now() == pytest.approx(stuck + 20.0)


async def test_waiting_for_others_in_flight_tries_no_patience():
    """Only rate limits and outages do, from when they begin to hold."""
    limiter = Limiter(max=1)
    async with limiter.permit() as permit:
        held = asyncio.create_task(call(limiter, patience=20.0, outage_patience=1.0))
        await asyncio.sleep(50)
        permit.end(Throttled(Refusal(retry_after=15.0)))
    assert await held >= 65


async def test_who_cannot_bear_a_long_outage_is_told_at_its_next_failure():
    """A failure shows that it lasts."""
    limiter = Limiter()
    await fail(limiter)
    impatient = asyncio.create_task(call(limiter, outage_patience=5.0))
    patient = asyncio.create_task(call(limiter, outage_patience=500.0))

    async def probe():
        while not impatient.done():
            await call(limiter, Failed(), retry=True)

    await asyncio.sleep(0)
    probing = asyncio.create_task(probe())
    with pytest.raises(HeldUp) as caught:
        await impatient
    assert caught.value.reason == "outage"
    assert 5 <= caught.value.seconds == now() <= 6
    await probing
    await patient


async def test_a_known_long_outage_is_told_to_those_who_come():
    """The call that probes alone, again and again, hears of it when it comes back."""
    limiter, tries = Limiter(), 0
    await fail(limiter)

    async def go_on():
        nonlocal tries
        while True:
            await call(limiter, Failed(), outage_patience=5.0, retry=True)
            tries += 1

    with pytest.raises(HeldUp):
        await go_on()
    assert 5 <= now() <= 6
    assert tries > 4


async def test_an_outage_of_long_ago_is_not_known_to_last():
    """After a rest the first to come sees whether it is over, and the others wait for it."""
    limiter = Limiter()
    await call(limiter, Failed())
    await asyncio.sleep(10)
    await fail(limiter, 2)
    await asyncio.sleep(3600)
    calls = [call(limiter, Accepted(), seconds=0.25, outage_patience=5.0) for _ in range(3)]
    assert await asyncio.gather(*calls) == [3610, 3610.25, 3610.25]


# Loops


@pytest.mark.parametrize("looks", [False, True])
def test_time_goes_on_from_one_run_to_the_next(looks):
    """Each in virtual time of its own, from 0; looking at the limiter in between changes nothing."""
    limiter = Limiter()
    run(call(limiter, Throttled(Refusal(retry_after=5.0)), seconds=1000))
    if looks:
        limiter.statistics()
    assert run(call(limiter)) < 10


def on_another_loop(limiter, *, calls, then=None):
    """Let calls come to a limiter on a loop of their own, which is closed while they wait or are in flight."""
    loop = VirtualTimeLoop()
    tasks = [loop.create_task(call(limiter, seconds=1)) for _ in range(calls)]
    loop.run_until_complete(asyncio.sleep(0))
    if then is not None:
        then()
    loop.close()
    for task in tasks:
        task._log_destroy_pending = False
    return tasks


async def test_an_alarm_survives_the_closing_of_another_loop():
    """Who waits on this loop for the end of a pause goes on then, though others waited first."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=10.0)))
    opens = limiter.statistics().paused_for
    tasks = await asyncio.to_thread(on_another_loop, limiter, calls=3)
    assert len(limiter._enforcement._queue) == 3
    assert await call(limiter) == opens
    assert limiter.statistics().waiting == 0
    del tasks


async def test_a_permit_that_was_handed_to_a_closed_loop_comes_back():
    """It was granted, but its caller never ran again."""
    limiter = Limiter(fixed=1)
    holder = limiter.permit()
    await holder.__aenter__()
    leave = threading.Event()
    release = asyncio.get_running_loop().call_soon_threadsafe

    def give_back():
        async def leaving():
            await holder.__aexit__(None, None, None)
            leave.set()

        release(asyncio.ensure_future, leaving())
        leave.wait(5)

    tasks = await asyncio.to_thread(on_another_loop, limiter, calls=1, then=give_back)
    assert limiter._enforcement.controller.in_flight == 1
    assert await call(limiter) == 0
    assert limiter.statistics().in_flight == 0
    del tasks


async def test_a_loop_that_is_closed_just_when_it_is_told_loses_nothing():
    """What it was handed goes to the next, and an alarm that it needs no more is no error."""
    limiter, loop = Limiter(fixed=1), VirtualTimeLoop()

    def closed(*_):
        raise RuntimeError("closed")

    def wait_there():
        task = loop.create_task(call(limiter))
        loop.run_until_complete(asyncio.sleep(0))
        return task

    async with limiter.permit():
        task = await asyncio.to_thread(wait_there)
        here = asyncio.create_task(call(limiter))
        await asyncio.sleep(0)
        loop.call_soon_threadsafe = closed
    assert await here == 0
    assert limiter.statistics().in_flight == 0
    task._log_destroy_pending = False
    loop.close()


async def test_permits_in_flight_on_a_closed_loop_come_back():
    """Their calls cannot end any more."""
    limiter = Limiter(fixed=2)
    tasks = await asyncio.to_thread(on_another_loop, limiter, calls=3)
    assert await asyncio.gather(call(limiter), call(limiter)) == [0, 0]
    assert (limiter.statistics().in_flight, limiter.statistics().waiting) == (0, 0)
    del tasks


async def test_statistics_count_nobody_on_a_closed_loop():
    """What they held goes to those who wait, without anybody else's doing."""
    limiter = Limiter(fixed=2)
    tasks = await asyncio.to_thread(on_another_loop, limiter, calls=3)
    assert (limiter.statistics().in_flight, limiter.statistics().waiting) == (0, 0)
    del tasks


@pytest.mark.parametrize("held", [True, False])
async def test_a_call_that_is_collected_as_garbage_gives_back_what_it_has(held):
    """Even in the middle of the limiter's own work, on the same thread."""
    limiter = Limiter(fixed=1)
    waiting = None if held else limiter.permit()
    if waiting is not None:
        await waiting.__aenter__()
    abandoned = call(limiter, seconds=1)
    abandoned.send(None)
    with limiter._enforcement._lock:
        abandoned.close()
        gc.collect()
    if waiting is not None:
        assert limiter.statistics().waiting == 1
        await waiting.__aexit__(None, None, None)
    limiter.hedged()
    assert (limiter.statistics().in_flight, limiter.statistics().waiting) == (0, 0)


def test_one_limiter_serves_one_virtual_loop_after_the_other():
    """A later loop's clock begins at 0 again, the limiter's time goes on."""
    limiter = Limiter(requests_per_minute=60)

    async def two():
        return await asyncio.gather(call(limiter), call(limiter))

    assert run(two()) == [0, 1]
    assert run(two()) == [1, 2]


async def test_needless_alarms_do_not_ring():
    """When the last one who waits gives up, nothing is left on the loop."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=1000.0)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(limiter), 1)
    (clock,) = limiter._enforcement._clocks.values()
    assert (clock.waiting, clock.rings_at) == (0, None)
