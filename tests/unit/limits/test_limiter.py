"""The limiter: never more calls than allowed, first come first served, nothing lost by cancelling."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns import runs, virtual_time
from llm_composition_patterns.limits import Accepted, Failed, Limiter, Refusal, Throttled
from llm_composition_patterns.limits._limiter import set_cap


async def hold(limiter: Limiter, seconds: float = 1.0) -> float:
    async with limiter.permit() as permit:
        await asyncio.sleep(seconds)
    return permit.waited


async def test_calls_beyond_the_limit_wait_for_a_permit_to_end():
    """Six calls of 1 s at a limit of 2 take exactly 3 s."""
    limiter = Limiter(fixed=2)
    waited = await asyncio.gather(*(hold(limiter) for _ in range(6)))
    assert asyncio.get_running_loop().time() == 3
    assert waited == [0, 0, 1, 1, 2, 2]


async def test_the_queue_is_first_come_first_served():
    """Nobody who comes later gets a permit earlier, also not in the tick in which one becomes free."""
    limiter, order = Limiter(fixed=1), []

    async def call(number):
        async with limiter.permit():
            order.append(number)
            await asyncio.sleep(1)

    async def latecomer():
        await asyncio.sleep(1)
        await call("late")

    await asyncio.gather(latecomer(), *(call(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4, "late"]


async def test_statistics_show_limit_in_flight_and_waiting():
    """A frozen record tells what the limiter does now."""
    limiter = Limiter(max=2)
    calls = [asyncio.create_task(hold(limiter)) for _ in range(5)]
    await asyncio.sleep(0)
    now = limiter.statistics()
    assert (now.limit, now.in_flight, now.waiting, now.accepted) == (2, 2, 3, 0)
    assert repr(limiter) == "<Limiter 2 of 2 in flight, 3 waiting>"
    await asyncio.gather(*calls)


async def test_accepted_calls_are_counted_when_their_permit_ends():
    """A permit that the provider accepted counts; others do not."""
    limiter = Limiter()
    for ending in (Accepted(), Failed(), Throttled(Refusal()), None):
        async with limiter.permit() as permit:
            permit.end(ending)
    async with limiter.permit():
        pass
    assert (limiter.accepted, limiter.statistics().accepted, limiter.statistics().refused) == (1, 1, 1)


async def test_how_a_call_ended_is_said_once_while_its_permit_is_held():
    """Anything else is a mistake, said at once."""
    permit = Limiter().permit()
    with pytest.raises(RuntimeError, match="say once"):
        permit.end(Accepted())
    async with permit:
        permit.end(Accepted())
        with pytest.raises(RuntimeError, match="say once"):
            permit.end(Accepted())
    with pytest.raises(RuntimeError, match="say once"):
        permit.end(Accepted())


async def test_a_waiter_that_is_cancelled_leaves_the_queue():
    """The next in the queue gets the permit at the time at which it becomes free."""
    limiter = Limiter(fixed=1)
    first, second, third = (asyncio.create_task(hold(limiter)) for _ in range(3))
    await asyncio.sleep(0.5)
    second.cancel()
    assert await asyncio.gather(first, third) == [0, 1]
    assert limiter.statistics().in_flight == 0


async def test_a_permit_granted_and_cancelled_in_the_same_tick_is_given_back():
    """The one who was woken and cancelled at once hands its permit on."""
    limiter = Limiter(fixed=1)
    release = asyncio.Event()

    async def holder():
        async with limiter.permit():
            await release.wait()

    holding = asyncio.create_task(holder())
    await asyncio.sleep(0)
    unlucky, lucky = asyncio.create_task(hold(limiter)), asyncio.create_task(hold(limiter))
    await asyncio.sleep(0)
    release.set()
    holding.add_done_callback(lambda _: unlucky.cancel())
    await asyncio.wait([holding, unlucky, lucky])
    assert unlucky.cancelled()
    assert not lucky.cancelled()
    assert limiter.statistics().in_flight == 0


async def test_an_error_inside_gives_the_permit_back():
    """Whatever ends the body, the permit ends."""
    limiter = Limiter(fixed=1)
    with pytest.raises(RuntimeError, match="boom"):
        async with limiter.permit():
            raise RuntimeError("boom")
    assert limiter.statistics().in_flight == 0


async def test_a_permit_cannot_be_held_twice():
    """One permit is one call."""
    permit = Limiter().permit()
    async with permit:
        with pytest.raises(RuntimeError, match="held already"):
            await permit.__aenter__()


async def test_a_raised_limit_wakes_waiters_at_once():
    """Those who wait go on when there is room for them."""
    limiter = Limiter(max=1)
    calls = [asyncio.create_task(hold(limiter)) for _ in range(3)]
    await asyncio.sleep(0.25)
    set_cap(limiter, 3)
    assert await asyncio.gather(*calls) == [0, 0.25, 0.25]


async def test_a_lowered_limit_lets_running_calls_end():
    """Nobody is started until fewer are in flight than the new limit."""
    limiter = Limiter(max=3)
    calls = [asyncio.create_task(hold(limiter)) for _ in range(5)]
    await asyncio.sleep(0.5)
    set_cap(limiter, 1)
    assert await asyncio.gather(*calls) == [0, 0, 0, 1, 2]


async def test_waiting_stops_the_clocks_of_the_branches_around():
    """The account hears who waits for a permit and who holds one, and forgets both when they end."""
    heard = []

    class Ear(runs.Account):
        def shift(self, *, waiting: int = 0, working: int = 0) -> None:
            heard.append((waiting, working))

    runs.current_account.set(Ear(None))
    limiter = Limiter(fixed=1)
    await hold(limiter)
    assert heard == [(0, 1), (0, -1)]
    heard.clear()
    await asyncio.gather(hold(limiter), hold(limiter))
    assert heard == [(0, 1), (1, 0), (0, -1), (-1, 0), (0, 1), (0, -1)]


async def test_a_waiter_whose_loop_is_gone_is_passed_over():
    """A loop that was closed while one of its calls waited costs no permit."""
    limiter = Limiter(fixed=1)

    def abandon():
        loop = virtual_time.VirtualTimeLoop()
        loop.create_task(hold(limiter))
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()

    async with limiter.permit():
        await asyncio.to_thread(abandon)
        alive = asyncio.create_task(hold(limiter))
        await asyncio.sleep(0)
        assert limiter.statistics().waiting == 1
    assert await alive == 0
    assert limiter.statistics().in_flight == 0


def test_the_limit_is_automatic_a_cap_or_fixed():
    """What was given holds; else it begins at 16."""
    assert Limiter().statistics().limit == 16
    assert Limiter(max=7).statistics().limit == 7
    assert Limiter(fixed=5).statistics().limit == 5
    assert [Limiter().learns, Limiter(max=1).learns, Limiter(fixed=1).learns] == [True, True, False]


@pytest.mark.parametrize("wrong", [{"max": 0}, {"fixed": -1}, {"max": 1, "fixed": 1}])
def test_impossible_limits_are_refused(wrong):
    """At least one call must be possible, and one word must say how many."""
    with pytest.raises(ValueError, match="Limiter"):
        Limiter(**wrong)


@pytest.mark.parametrize("wrong", [1.5, "many", True])
def test_a_limit_is_a_whole_number(wrong):
    """Anything else is a mistake, said at once."""
    with pytest.raises(TypeError, match="int of at least 1"):
        Limiter(max=wrong)


def test_a_rate_is_a_number():
    """Anything else is a mistake, said at once."""
    with pytest.raises(TypeError, match="a number a minute"):
        Limiter(requests_per_minute="60")


@pytest.mark.parametrize(
    "wrong", [10**400, 10**4000, -(10**400), float("nan"), float("inf"), float("-inf"), 0, 1e-7, 5e-324]
)
@pytest.mark.parametrize("setting", ["requests_per_minute", "tokens_per_minute"])
def test_a_rate_is_a_number_that_can_be_counted_with(setting, wrong):
    """What no provider allows is refused in a line."""
    with pytest.raises(ValueError, match=rf"^Limiter\({setting}=.{{1,20}}\): give at least 1e-06 a minute") as raised:
        Limiter(**{setting: wrong})
    assert len(str(raised.value)) < 120


def test_a_limit_may_be_larger_than_anybody_can_read():
    """It is none, and shown in a few signs."""
    assert repr(Limiter(fixed=10**5000)) == "<Limiter 0 of about 1e5000 in flight, 0 waiting>"
    with pytest.raises(ValueError, match="max=about -1e400"):
        Limiter(max=-(10**400))


def test_a_cap_can_be_taken_away_but_a_fixed_number_never_changes():
    """A learning limiter then goes on from where it was."""
    limiter, fixed = Limiter(max=3), Limiter(fixed=3)
    set_cap(limiter, None)
    for cap in (None, 1, 100):
        set_cap(fixed, cap)
    assert (limiter.statistics().limit, fixed.statistics().limit) == (16, 3)


@settings(max_examples=150, deadline=None)
@given(
    limit=st.integers(1, 4),
    calls=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 4), st.one_of(st.none(), st.integers(0, 8))), max_size=14
    ),
    changes=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 4)), max_size=3),
)
def test_no_permit_is_lost_or_made_up(limit, calls, changes):
    """Whatever comes, goes, is cancelled or changes: never more than the limit, in order, and all given back."""

    async def scenario():
        limiter, came, served, running = Limiter(max=limit), [], [], 0
        most = max([limit, *(to for _, to in changes)])

        async def call(number, start, seconds):
            nonlocal running
            await asyncio.sleep(start)
            came.append(number)
            before = limiter.statistics()
            has_to_wait = before.waiting > 0 or before.in_flight >= before.limit
            async with limiter.permit():
                running += 1
                assert running <= most
                if has_to_wait:
                    served.append(number)
                try:
                    await asyncio.sleep(seconds)
                finally:
                    running -= 1

        async def change(when, to):
            await asyncio.sleep(when)
            set_cap(limiter, to)

        tasks = [asyncio.create_task(call(n, start, length)) for n, (start, length, _) in enumerate(calls)]
        changing = [asyncio.create_task(change(when, to)) for when, to in changes]
        for task, (_, _, cancel) in zip(tasks, calls, strict=True):
            if cancel is not None:
                asyncio.get_running_loop().call_later(cancel, task.cancel)
        results = await asyncio.gather(*tasks, *changing, return_exceptions=True)
        assert [one for one in results if one is not None and not isinstance(one, asyncio.CancelledError)] == []
        assert served == [number for number in came if number in served]
        now = limiter.statistics()
        assert (now.in_flight, now.waiting, running) == (0, 0, 0)

    virtual_time.run(scenario())
