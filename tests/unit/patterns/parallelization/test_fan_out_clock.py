"""The clocks of branches: they stand still while a branch waits for a permit, and for nothing else."""

import asyncio

import pytest
from fan_out_steps import kinds, wait

from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.outcome import Success
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes, together
from llm_composition_patterns.runs import Account, current_account, waiting_for_permit


class Permits:
    """So many calls at once, each of which only takes time."""

    def __init__(self, count):
        self._limiter = Limiter(fixed=count)

    async def call(self, seconds):
        async with self._limiter.permit():
            await asyncio.sleep(seconds)
        return seconds


async def wait_for_permit(seconds):
    """Wait for a permit that comes after that time."""
    with waiting_for_permit():
        await asyncio.sleep(seconds)


def times(outcomes):
    return [(outcome.started, outcome.queued, outcome.elapsed) for outcome in outcomes]


# --- one branch


async def test_waiting_for_a_permit_is_queued_and_does_not_count():
    """Each branch has its whole timeout once it runs."""
    outcomes = await parallelize(Permits(1).call, [3, 3, 3], timeout=4, on_error="collect")
    assert kinds(outcomes) == ["success"] * 3
    assert times(outcomes) == [(0, 0, 3), (0, 3, 3), (0, 6, 3)]


async def test_a_timeout_is_exact_after_a_wait(now):
    """The branch ends at started + queued + timeout."""

    async def queue_then_run(queued):
        await asyncio.sleep(1)
        await wait_for_permit(queued)
        await asyncio.sleep(100)

    outcomes = await parallelize(queue_then_run, [3, 7], timeout=4, max_concurrency=1, on_error="collect")
    assert kinds(outcomes) == ["timeout", "timeout"]
    assert times(outcomes) == [(0, 3, 4), (7, 7, 4)]
    assert now() == 18


async def test_waits_add_up(now):
    """Every wait of a branch counts as queued."""

    async def wait_twice(_):
        await wait_for_permit(2)
        await asyncio.sleep(1)
        await wait_for_permit(5)
        await asyncio.sleep(100)

    (outcome,) = await parallelize(wait_twice, [0], timeout=3, on_error="collect")
    assert (outcome.kind, outcome.queued, now()) == ("timeout", 7, 10)


async def test_the_timers_of_others_are_kept_while_one_waits():
    """A branch that waits does not hold up the timeout of the next."""

    async def queue_then_run(queued):
        await wait_for_permit(queued)
        await asyncio.sleep(100)

    outcomes = await parallelize(queue_then_run, [10, 0, 2], timeout=3, on_error="collect")
    assert times(outcomes) == [(0, 10, 3), (0, 0, 3), (0, 2, 3)]


async def test_the_timer_is_set_anew_for_a_branch_that_goes_on(now):
    """Its remaining second ends before the three of one that started meanwhile."""

    async def work_wait_work(_):
        await asyncio.sleep(2)
        await wait_for_permit(8)
        await asyncio.sleep(100)

    async def first_or_second(number):
        await (work_wait_work(number) if number == 0 else wait(100))

    async def numbers():
        yield 0
        await asyncio.sleep(9)
        yield 1

    ended = []
    async with stream_outcomes(first_or_second, numbers(), timeout=3) as outcomes:
        async for outcome in outcomes:
            ended.append((outcome.index, outcome.kind, now()))  # noqa: PERF401 - the time is the point
    assert ended == [(0, "timeout", 11), (1, "timeout", 12)]


async def test_a_branch_that_waits_for_ever_has_no_timeout_but_a_deadline(now):
    """The deadline counts everything."""
    outcomes = await parallelize(wait_for_permit, [100], timeout=1, deadline=5, on_error="collect")
    assert (kinds(outcomes), times(outcomes), now()) == (["deadline"], [(0, 5, 0)], 5)


async def test_who_holds_a_permit_keeps_the_clock_running(now):
    """Of two calls in one branch one waits while the other works: that is working."""
    permits = Permits(1)

    async def two_calls(_):
        await asyncio.gather(permits.call(3), permits.call(100))

    (outcome,) = await parallelize(two_calls, [0], timeout=10, on_error="collect")
    assert (outcome.kind, outcome.queued, now()) == ("timeout", 0, 10)


async def test_several_waits_at_once_are_one():
    """Time is not counted twice."""

    async def three_waits(_):
        await asyncio.gather(wait_for_permit(2), wait_for_permit(3), wait_for_permit(1))

    (outcome,) = await parallelize(three_waits, [0], on_error="collect")
    assert (outcome.queued, outcome.elapsed) == (3, 0)


async def test_a_track_inside_a_branch_passes_it_on():
    """An account between the call and the branch hides nothing."""

    async def tracked(_):
        current_account.set(Account(current_account.get()))
        await wait_for_permit(3)
        await asyncio.sleep(1)

    (outcome,) = await parallelize(tracked, [0], timeout=2, on_error="collect")
    assert (type(outcome), outcome.queued) == (Success, 3)


async def test_outside_any_branch_no_clock_is_touched():
    """A call by itself waits and works as it likes; the only one that is told is the account that it is made in."""
    told = []

    class Told(Account):
        def shift(self, **shifts):
            told.append(shifts)
            super().shift(**shifts)

    beside = asyncio.ensure_future(parallelize(wait, [9], on_error="collect"))
    await Permits(1).call(3)
    current_account.set(Told(None))
    await wait_for_permit(3)
    await Permits(1).call(3)
    assert told == [{"waiting": 1}, {"waiting": -1}, {"working": 1}, {"working": -1}]
    assert times(await beside) == [(0, 0, 9)]


async def test_a_branch_that_is_cancelled_while_it_waits_has_queued_till_then():
    """Its outcome says so."""

    async def fail_or_wait(seconds):
        if seconds == 2:
            await asyncio.sleep(2)
            raise KeyError
        await wait_for_permit(seconds)

    with pytest.raises(KeyError) as caught:
        await parallelize(fail_or_wait, [2, 100])
    assert times(caught.value.outcomes) == [(0, 0, 2), (0, 2, 0)]


# --- what is left running behind


async def test_a_wait_that_outlives_its_branch_counts_up_to_its_end():
    """The branch ended while a task that it left behind waited, and nothing else worked."""
    left = []

    async def leave_a_wait_behind(_):
        left.append(asyncio.ensure_future(wait_for_permit(10)))
        await asyncio.sleep(4)

    (outcome,) = await parallelize(leave_a_wait_behind, [0], on_error="collect")
    assert (outcome.queued, outcome.elapsed) == (4, 0)
    await asyncio.gather(*left)
    assert (outcome.queued, outcome.elapsed) == (4, 0)


async def test_a_wait_that_begins_after_its_branch_has_ended_counts_nowhere():
    """Nor does it touch the next branch of the same worker."""
    left = []

    async def wait_later():
        await asyncio.sleep(2)
        await wait_for_permit(10)

    async def leave_it_behind(seconds):
        left.append(asyncio.ensure_future(wait_later()))
        await asyncio.sleep(seconds)

    outcomes = await parallelize(leave_it_behind, [1, 100], timeout=5, max_concurrency=1, on_error="collect")
    # The second branch's own wait begins at 1 + 2, and lasts.
    assert times(outcomes)[0] == (0, 0, 1)
    assert (outcomes[1].kind, times(outcomes)[1]) == ("timeout", (1, 10, 5))
    await asyncio.gather(*left)


async def test_a_call_that_outlives_its_branch_does_not_keep_the_outer_clock_running():
    """A leaked holder of a permit belongs to a branch that is over."""
    permits = Permits(1)
    left = []

    async def leave_a_call_behind(_):
        left.append(asyncio.ensure_future(permits.call(50)))
        await asyncio.sleep(1)

    async def outer(_):
        await parallelize(leave_a_call_behind, [0])
        await wait_for_permit(20)
        return "done"

    (outcome,) = await parallelize(outer, [0], timeout=5, on_error="collect")
    assert (outcome.value, outcome.queued, outcome.elapsed) == ("done", 20, 1)
    await asyncio.gather(*left)


# --- nested fan-outs


async def test_an_outer_branch_waits_when_all_inner_ones_wait(now):
    """Then, and only then, its clock stands still."""

    async def outer(waits):
        await parallelize(wait_for_permit, waits)
        await asyncio.sleep(2)

    outcomes = await parallelize(outer, [[5, 3], [4]], timeout=3, on_error="collect")
    # Of the first, one inner branch ended at 3: the other still waits, and is all of them.
    assert times(outcomes) == [(0, 5, 2), (0, 4, 2)]
    assert now() == 7


async def test_an_outer_branch_works_while_one_inner_branch_works(now):
    """Its clock runs, and its timeout strikes."""

    async def outer(_):
        await together(wait_for_permit(100), wait(100))

    (outcome,) = await parallelize(outer, [0], timeout=4, on_error="collect")
    assert (outcome.kind, outcome.queued, now()) == ("timeout", 0, 4)


async def test_an_outer_clock_goes_on_when_an_inner_branch_does():
    """And stops again when it waits again."""

    async def wait_work_wait(_):
        await wait_for_permit(3)
        await asyncio.sleep(1)
        await wait_for_permit(3)

    async def outer(_):
        await together(wait_work_wait(0), wait_for_permit(100))

    (outcome,) = await parallelize(outer, [0], timeout=2, deadline=50, on_error="collect")
    assert (outcome.kind, outcome.queued, outcome.elapsed) == ("deadline", 49, 1)


async def test_three_levels_wait_together():
    """The leaf's wait reaches the outermost clock."""

    async def middle(number):
        return await parallelize(wait_for_permit, [number, number])

    async def outer(number):
        return await parallelize(middle, [number, number + 1])

    (outcome,) = await parallelize(outer, [5], timeout=1, on_error="collect")
    assert (type(outcome), outcome.queued, outcome.elapsed) == (Success, 6, 0)


async def test_inner_branches_that_start_one_after_the_other():
    """Between two of them nobody waits and nobody works; queued time still adds up."""

    async def outer(_):
        await parallelize(wait_for_permit, [1, 2, 3], max_concurrency=1)

    (outcome,) = await parallelize(outer, [0], timeout=1, on_error="collect")
    assert (type(outcome), outcome.queued) == (Success, 6)


async def test_an_inner_stream_that_has_nothing_to_run_does_not_work(now):
    """A consumer that waits for a permit waits, though the stream around it is still open."""

    async def outer(_):
        async with stream_outcomes(wait, [1, 1]) as outcomes:
            async for _ in outcomes:
                await wait_for_permit(10)
        return "done"

    (outcome,) = await parallelize(outer, [0], timeout=3, on_error="collect")
    assert (outcome.value, outcome.queued, outcome.elapsed, now()) == ("done", 20, 1, 21)


async def test_an_inner_stream_whose_consumer_is_slow_does_not_work():
    """Its workers wait for room: nothing runs but the consumer, who waits for a permit."""

    async def outer(_):
        async with stream_outcomes(wait, [1] * 6, max_concurrency=1) as outcomes:
            async for _ in outcomes:
                await wait_for_permit(10)
        return "done"

    (outcome,) = await parallelize(outer, [0], timeout=7, on_error="collect")
    # The first at 1; then each wait of 10 s is shared with the next branch's 1 s, during which something works.
    assert (outcome.value, outcome.queued, outcome.elapsed) == ("done", 60 - 5, 1 + 5)


@pytest.mark.parametrize("ending", ["return", "raise", "timeout", "cancel"])
async def test_an_inner_fan_out_leaves_the_outer_clock_as_it_was(ending):
    """However it ends, while its branches wait or work: afterwards the outer branch waits when it waits."""

    async def inner(number):
        await (wait_for_permit(1) if number else asyncio.sleep(2))
        if ending == "raise" and number:
            raise ValueError
        await (asyncio.sleep(100) if ending in {"timeout", "cancel"} else asyncio.sleep(0))

    async def outer(_):
        run = parallelize(inner, [0, 1, 1], timeout=3 if ending == "timeout" else None)
        try:
            async with asyncio.timeout(5 if ending == "cancel" else None):
                await run
        except (ValueError, TimeoutError):
            pass
        branch = current_account.get()
        return branch._waiting, branch._working

    (outcome,) = await parallelize(outer, [0], on_error="collect")
    assert outcome.value == (0, 0)
