"""A step that may run so long."""

import asyncio
import inspect
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import StepTimeout, chain, parallelize, with_retry, with_timeout
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.runs import waiting_for_permit
from llm_composition_patterns.testing import run_in_virtual_time


async def rest(seconds, *, result="done"):
    await asyncio.sleep(seconds)
    return result


def now():
    return asyncio.get_running_loop().time()


async def test_what_ends_in_time_is_the_result():
    """Arguments of any kind go through."""
    assert await with_timeout(rest, 5)(4, result="in time") == "in time"


async def test_a_step_that_runs_too_long_is_cancelled():
    """The error names the step and the time, and nothing of it runs on."""
    ended = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(now())

    with pytest.raises(StepTimeout, match="step 'slow' ran longer than 5 s") as caught:
        await with_timeout(slow, 5)()
    assert (caught.value.step, caught.value.timeout, caught.value.kind) == ("slow", 5, "error")
    assert ended == [5.0]
    assert now() == 5.0


async def test_a_fraction_of_a_second_is_a_number_too():
    """Any real number of seconds will do."""
    with pytest.raises(StepTimeout, match=r"longer than 0.5 s"):
        await with_timeout(rest, Fraction(1, 2))(60)


async def test_a_timeout_error_of_the_step_is_its_own():
    """It is raised as it is, without a word about ours."""
    mine = TimeoutError("mine")

    async def refuse():
        raise mine

    with pytest.raises(TimeoutError, match="mine") as caught:
        await with_timeout(refuse, 5)()
    assert caught.value is mine


async def test_a_timeout_error_raised_on_cancellation_is_the_steps_own():
    """A step that translates its cancellation says what it says."""

    async def translate():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise TimeoutError("mine") from None

    with pytest.raises(TimeoutError, match="mine") as caught:
        await with_timeout(translate, 5)()
    assert type(caught.value) is TimeoutError


async def test_an_inner_step_timeout_comes_through():
    """The innermost one that ran out is named."""

    async def outer():
        return await with_timeout(rest, 1)(60)

    with pytest.raises(StepTimeout) as caught:
        await with_timeout(outer, 5)()
    assert caught.value.step == "rest"


async def test_an_outer_step_timeout_is_not_the_inner_ones():
    """The cancellation of the outer one is not taken for the inner one's own."""

    async def outer():
        return await with_timeout(rest, 60)(90)

    with pytest.raises(StepTimeout) as caught:
        await with_timeout(outer, 5)()
    assert caught.value.step == "outer"


async def test_cancelling_the_caller_is_no_timeout():
    """CancelledError comes through."""
    task = asyncio.create_task(with_timeout(rest, 5)(60))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_step_that_goes_on_is_waited_for():
    """What it returns in spite of its cancellation is the result."""

    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
        return "late"

    assert await with_timeout(stubborn, 5)() == "late"
    assert now() == 7.0


async def test_waiting_for_a_permit_does_not_count():
    """The clock stands still while the step waits for a permit, and runs on afterwards."""

    async def call(work):
        with waiting_for_permit():
            await asyncio.sleep(100)
        async with Limiter().permit():
            await asyncio.sleep(work)
        return now()

    assert await with_timeout(call, 5)(4) == 104.0
    with pytest.raises(StepTimeout):
        await with_timeout(call, 5)(6)
    assert now() == 104.0 + 100.0 + 5.0


async def test_work_before_a_permit_counts():
    """What has run before the wait is not forgotten."""

    async def call():
        await asyncio.sleep(3)
        with waiting_for_permit():
            await asyncio.sleep(100)
        await asyncio.sleep(3)

    with pytest.raises(StepTimeout):
        await with_timeout(call, 5)()
    assert now() == 105.0


async def test_waiting_beside_a_call_that_works_counts():
    """While one call inside holds a permit, the step runs."""

    async def wait():
        with waiting_for_permit():
            await asyncio.sleep(100)

    async def work():
        async with Limiter().permit():
            await asyncio.sleep(100)

    async def both():
        await asyncio.gather(wait(), work())

    with pytest.raises(StepTimeout):
        await with_timeout(both, 5)()
    assert now() == 5.0


async def test_a_fan_out_inside_waits_when_all_its_branches_do():
    """The clock of a step hears of branches, as that of a branch does."""

    async def call(seconds):
        with waiting_for_permit():
            await asyncio.sleep(seconds)
        return seconds

    async def fan_out(seconds):
        return await parallelize(call, seconds)

    assert await with_timeout(fan_out, 5)([100, 100, 104]) == [100, 100, 104]


async def test_the_branch_around_hears_of_the_wait():
    """A timeout of a step does not hide its waiting from the timeout of a branch."""

    async def call(_):
        with waiting_for_permit():
            await asyncio.sleep(100)
        return "done"

    (outcome,) = await parallelize(with_timeout(call, 5), [1], timeout=5, on_error="collect")
    assert (outcome.value, outcome.queued) == ("done", 100.0)


async def test_outcomes_stay_those_of_the_innermost_fan_out():
    """A timeout between two fan-outs changes nothing about the error that goes through both."""

    async def fail(_):
        await asyncio.sleep(1)
        raise ValueError("no")

    async def inner(_):
        return await parallelize(fail, [1, 2, 3])

    with pytest.raises(ValueError, match="no") as caught:
        await parallelize(with_timeout(inner, 5), [1])
    assert len(caught.value.outcomes) == 3


async def test_a_wait_that_ends_after_the_timeout_changes_nothing():
    """A step that is cancelled while it waits for a permit in a task of its own is left alone."""
    waiting = []

    async def wait():
        with waiting_for_permit():
            await asyncio.sleep(100)

    async def leave_behind():
        await asyncio.sleep(1)
        waiting.append(asyncio.create_task(wait()))
        return "done"

    assert await with_timeout(leave_behind, 5)() == "done"
    await asyncio.gather(*waiting)
    assert now() == 101.0


async def test_a_wait_in_a_thread_stops_the_clock():
    """What happens there is handed over to the step's own loop."""
    held = []

    def begin_to_wait():
        held.append(waiting_for_permit())
        held[0].__enter__()

    async def call():
        await asyncio.to_thread(begin_to_wait)
        await asyncio.sleep(100)
        await asyncio.to_thread(held[0].__exit__, None, None, None)
        await asyncio.sleep(100)

    with pytest.raises(StepTimeout):
        await with_timeout(call, 5)()
    assert now() == 105.0


async def test_a_timeout_inside_a_branch_leaves_the_branch_alive():
    """Under the hand-stepped branches of a fan-out, the cancellation stays inside."""

    async def tolerant(seconds):
        try:
            return await with_timeout(rest, 5)(seconds)
        except StepTimeout:
            return await rest(1, result="other")

    assert await parallelize(tolerant, [1, 9, 2, 60]) == ["done", "other", "done", "other"]
    assert now() == 6.0


async def test_timeouts_in_a_chain():
    """It is a step like any other."""
    assert await chain(with_timeout(rest, 5), with_retry(len_of, on=OSError))(1) == 4


async def len_of(text):
    return len(text)


def test_a_step_with_a_timeout_keeps_its_name_and_signature():
    """It looks like the step that it wraps."""
    wrapped = with_timeout(rest, 5)
    assert wrapped.__name__ == "rest"
    assert inspect.signature(wrapped) == inspect.signature(rest)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(0, ValueError), (-1, ValueError), (float("inf"), ValueError), ("5", TypeError), (None, TypeError)],
)
def test_the_seconds_of_a_timeout_are_checked_when_built(seconds, error):
    """They are a positive number."""
    with pytest.raises(error, match="seconds must be"):
        with_timeout(rest, seconds)


def test_timeout_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="without calling it"):
        with_timeout(rest(1), 5)


async def test_timeout_refuses_a_plain_function():
    """A step that is not async is told how to become one."""
    with pytest.raises(TypeError, match=r"in_threads\(len\)"):
        await with_timeout(len, 5)("a")


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10), st.booleans())
def test_whichever_comes_first_ends_it(work, timeout, cancelled_at, cancels):
    """The step's end, its timeout or its caller's cancellation: the first one decides, and nothing is left."""

    async def race():
        task = asyncio.create_task(with_timeout(rest, timeout)(work))
        if cancels:
            asyncio.get_running_loop().call_later(cancelled_at, task.cancel)
        await asyncio.wait([task])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return (asyncio.CancelledError if task.cancelled() else type(task.exception())), now()

    ends = [(work, type(None)), (timeout, StepTimeout)] + [(cancelled_at, asyncio.CancelledError)] * cancels
    first = min(at for at, _ in ends)
    ended, at = run_in_virtual_time(race())
    assert at == first
    assert ended in {how for when, how in ends if when == first}
