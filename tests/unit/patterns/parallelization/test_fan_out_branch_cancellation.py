"""Cancellation inside branches: from within, by timers, and by scopes of other libraries."""

import asyncio

import anyio
import pytest
from fan_out_steps import Stubborn, kinds, wait, wait_or_fail

from llm_composition_patterns.outcome import Success
from llm_composition_patterns.patterns.parallelization import parallelize

# --- branches


async def test_a_branch_cancelled_from_within_fails_alone(still_running):
    """It is a failure of kind `cancelled`, and the others go on."""

    async def give_up(number):
        await asyncio.sleep(number)
        if number == 2:
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        return number

    outcomes = await parallelize(give_up, [1, 2, 3, 4], max_concurrency=2, on_error="collect")
    assert kinds(outcomes) == ["success", "cancelled", "success", "success"]
    assert isinstance(outcomes[1].error, asyncio.CancelledError)
    assert still_running() == set()


async def test_a_cancelled_future_fails_its_branch_alone():
    """A branch that awaits what somebody else cancelled."""

    async def await_a_cancelled_one(number):
        if number == 1:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        return await wait(number)

    outcomes = await parallelize(await_a_cancelled_one, [0, 1, 2], on_error="collect")
    assert kinds(outcomes) == ["success", "cancelled", "success"]


@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_that_a_branch_leaves_behind_hits_no_other(suspends, times):
    """A branch that cancels its task and returns without awaiting has its value, and the next one is spared."""
    began = []

    async def leave_it_behind(number):
        began.append(number)
        if suspends or number != 1:
            await asyncio.sleep(1)
        if number == 1:
            for _ in range(times):
                asyncio.current_task().cancel()
        return number

    outcomes = await parallelize(leave_it_behind, range(4), max_concurrency=1, on_error="collect")
    assert [outcome.value for outcome in outcomes] == [0, 1, 2, 3]
    assert began == [0, 1, 2, 3]


async def test_a_task_is_not_taken_for_cancelled_in_the_next_branch():
    """`cancelling()` starts at 0 for every branch, so that scopes inside count right."""
    seen = []

    async def look(seconds):
        seen.append(asyncio.current_task().cancelling())
        await asyncio.sleep(seconds)

    await parallelize(look, [9, 1, 9, 1], max_concurrency=1, timeout=2, on_error="collect")
    assert seen == [0, 0, 0, 0]


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_branch_that_swallows_a_cancellation_and_returns_has_succeeded(limit, now):
    """Its value came late, but it came."""

    async def insist(number):
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
        return number

    (outcome,) = await parallelize(insist, [7], on_error="collect", **{limit: 3})
    assert (outcome.value, outcome.elapsed, now()) == (7, 5, 5)


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_branch_that_turns_its_cancellation_into_another_error_keeps_its_kind(limit):
    """It was not finished in time, whatever it says on the way out; what it says is the cause."""

    async def complain(_):
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise ValueError("interrupted") from None

    (outcome,) = await parallelize(complain, [7], on_error="collect", **{limit: 3})
    assert outcome.kind == limit
    assert repr(outcome.error.__cause__) == "ValueError('interrupted')"


async def test_a_sibling_that_fails_while_it_is_cancelled_is_an_error():
    """What it raised is not lost; the first failure is still what is raised."""

    async def complain(seconds):
        try:
            return await wait_or_fail(seconds)
        except asyncio.CancelledError:
            raise KeyError("interrupted") from None

    with pytest.raises(ValueError, match="-1") as caught:
        await parallelize(complain, [-1, 5])
    assert kinds(caught.value.outcomes) == ["error", "error"]


async def test_slow_cleanup_after_a_timeout_is_waited_for(now):
    """The branch has ended when its cleanup has; its worker goes on then."""
    step = Stubborn(5)
    outcomes = await parallelize(step, range(2), timeout=3, max_concurrency=1, on_error="collect")
    assert [(outcome.kind, outcome.started, outcome.elapsed) for outcome in outcomes] == [
        ("timeout", 0, 8),
        ("timeout", 8, 8),
    ]
    assert now() == 16
    assert step.interrupted == []


@pytest.mark.parametrize("on_error", ["raise", "collect"])
async def test_a_timeout_does_not_strike_the_cleanup_of_a_branch_that_is_cancelled_already(on_error, now):
    """Once cut off by a failure or a deadline, it cleans up undisturbed and keeps that kind."""
    step = Stubborn(5)

    async def fail_or_clean_up_slowly(input):
        return await (wait_or_fail(-1) if input == 0 else step(input))

    if on_error == "raise":
        with pytest.raises(ValueError, match="-1") as caught:
            await parallelize(fail_or_clean_up_slowly, range(2), timeout=3)
        outcomes = caught.value.outcomes
    else:
        outcomes = await parallelize(fail_or_clean_up_slowly, range(2), timeout=3, deadline=1.5, on_error="collect")
    assert kinds(outcomes) == ["error", "cancelled" if on_error == "raise" else "deadline"]
    assert step.interrupted == []
    assert now() == (6 if on_error == "raise" else 6.5)


async def test_a_deadline_during_the_cleanup_of_a_timeout_leaves_it_a_timeout():
    """The branch's own timer came first."""
    (outcome,) = await parallelize(Stubborn(5), [0], timeout=2, deadline=3, on_error="collect")
    assert outcome.kind == "timeout"


@pytest.mark.parametrize("before", [False, True])
async def test_a_timeout_in_the_turn_of_the_end_counts_once(before):
    """Whichever comes first decides, and the next branch of the worker is spared."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    async def race(number):
        if number:
            return await wait(1)
        if not before:
            loop.call_at(4, done.set_result, None)
        await done
        return 0

    if before:
        loop.call_at(4, done.set_result, None)
    first, second = await parallelize(race, [0, 1], timeout=4, max_concurrency=1, on_error="collect")
    assert isinstance(first, Success) or first.kind == "timeout"
    assert (first.elapsed, second.value, second.started) == (4, 1, 4)


# --- scopes inside branches


async def test_asyncio_timeout_inside_a_branch_is_an_error_like_any_other():
    """It is not the fan-out's timer."""

    async def hurry(seconds):
        async with asyncio.timeout(2):
            await asyncio.sleep(seconds)

    outcomes = await parallelize(hurry, [1, 9, 1, 9, 1], max_concurrency=1, timeout=5, on_error="collect")
    assert kinds(outcomes) == ["success", "error", "success", "error", "success"]
    assert isinstance(outcomes[1].error, TimeoutError)


async def test_asyncio_timeout_caught_inside_a_branch_lets_it_go_on():
    """The step decides."""

    async def try_for_two_seconds(seconds):
        try:
            async with asyncio.timeout(2):
                return await wait(seconds)
        except TimeoutError:
            return "late"

    assert await parallelize(try_for_two_seconds, [1, 9, 1], max_concurrency=1) == [1, "late", 1]


async def test_the_fan_outs_timer_passes_through_asyncio_timeout():
    """A scope inside does not mistake the branch's cancellation for its own."""

    async def hurry(seconds):
        async with asyncio.timeout(8):
            await asyncio.sleep(seconds)

    outcomes = await parallelize(hurry, [1, 9, 1], max_concurrency=1, timeout=5, on_error="collect")
    assert kinds(outcomes) == ["success", "timeout", "success"]


async def test_a_task_group_inside_a_branch(now, still_running):
    """Its error is a group; the fan-out's timer ends its tasks."""

    async def in_two_tasks(seconds):
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_or_fail(seconds))
            group.create_task(wait_or_fail(seconds + 1))

    outcomes = await parallelize(in_two_tasks, [1, -2, 9, 1], timeout=4, max_concurrency=1, on_error="collect")
    assert kinds(outcomes) == ["success", "error", "timeout", "success"]
    assert isinstance(outcomes[1].error, ExceptionGroup)
    assert now() == 2 + 1 + 4 + 2
    assert still_running() == set()


async def test_scopes_of_anyio_inside_branches(still_running):
    """`move_on_after`, `fail_after`, task groups and cancelled scopes leave their branch's worker clean."""

    async def scoped(what):
        if what == "move on":
            with anyio.move_on_after(2):
                await anyio.sleep(9)
            return what
        if what == "fail":
            with anyio.fail_after(2):
                await anyio.sleep(9)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 9)
            if what == "cancel":
                group.cancel_scope.cancel()
            if what == "spin":
                await anyio.sleep_forever()
        return what

    inputs = ["move on", "fail", "plain", "cancel", "spin", "move on"]
    outcomes = await parallelize(scoped, inputs, max_concurrency=1, timeout=20, on_error="collect")
    assert kinds(outcomes) == ["success", "error", "success", "success", "timeout", "success"]
    assert still_running() == set()


async def test_a_fan_out_inside_a_task_group_inside_a_branch(now, still_running):
    """Scopes and fan-outs nest in any order."""

    async def outer(seconds):
        async with asyncio.TaskGroup() as group:
            inner = group.create_task(parallelize(wait_or_fail, [seconds, 2]))
        return inner.result()

    outcomes = await parallelize(outer, [1, -1, 9], timeout=4, on_error="collect")
    assert kinds(outcomes) == ["success", "error", "timeout"]
    assert now() == 4
    assert still_running() == set()
