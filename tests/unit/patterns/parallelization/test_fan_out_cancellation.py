"""Cancellation: of the caller, of branches from within, by strangers, and what scopes of other libraries do."""

import asyncio

import anyio
import pytest
from fan_out_steps import Stubborn, double, kinds, wait, wait_or_fail

from llm_composition_patterns.outcome import Failure
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes
from llm_composition_patterns.virtual_time import VirtualTimeLoop

# --- the caller


async def test_cancelling_the_caller_cancels_every_branch_and_waits_for_them(now, still_running):
    """However slow their cleanup is; then the cancellation goes on."""
    step = Stubborn(5)
    caller = asyncio.ensure_future(parallelize(step, range(3)))
    await asyncio.sleep(1)
    caller.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough") as caught:
        await caller
    assert now() == 6
    assert sorted(step.ended) == [0, 1, 2]
    assert still_running() == set()
    assert kinds(caught.value.outcomes) == ["cancelled"] * 3


async def test_a_second_cancellation_hurries_the_cleanup_and_still_waits(now, still_running):
    """It reaches the branches; the caller goes on when the last one has ended."""
    step = Stubborn(50)
    caller = asyncio.ensure_future(parallelize(step, range(3), on_error="collect"))
    for _ in range(2):
        await asyncio.sleep(1)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert now() == 2
    assert sorted(step.interrupted) == sorted(step.ended) == [0, 1, 2]
    assert still_running() == set()


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancellation_before_branches_start_leaves_nothing(turns, still_running):
    """Whether it comes before the fan-out's first step, before its workers' first, or after."""
    step = Stubborn(0)
    caller = asyncio.ensure_future(parallelize(step, range(3)))
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert step.started == step.ended
    assert still_running() == set()


async def test_a_cancellation_wins_over_a_failure():
    """A caller that is cancelled while siblings of a failed branch clean up is cancelled."""
    step = Stubborn(5)

    async def fail_or_clean_up_slowly(input):
        return await (wait_or_fail(-1) if input == 0 else step(input))

    caller = asyncio.ensure_future(parallelize(fail_or_clean_up_slowly, range(2)))
    await asyncio.sleep(2)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await caller
    assert kinds(caught.value.outcomes) == ["error", "cancelled"]


async def test_a_timeout_around_a_fan_out_is_a_timeout(now, still_running):
    """`asyncio.timeout` of the caller sees its own cancellation come back."""
    step = Stubborn(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await parallelize(step, range(3))
    assert now() == 5
    assert still_running() == set()


async def test_a_scope_of_anyio_around_a_fan_out_ends_it(now, still_running):
    """Its cancellation, which comes again until it is heeded, ends every branch."""
    step = Stubborn(2)
    with anyio.move_on_after(3) as scope:
        await parallelize(step, range(3))
    assert scope.cancelled_caught
    assert now() == 3
    assert len(step.ended) == 3
    assert still_running() == set()


async def test_a_task_group_around_a_fan_out_ends_it(now, still_running):
    """When another task of the group fails."""
    step = Stubborn(2)

    async def in_a_group():
        async with asyncio.TaskGroup() as group:
            group.create_task(parallelize(step, range(3)))
            group.create_task(wait_or_fail(-1))

    with pytest.raises(ExceptionGroup):
        await in_a_group()
    assert now() == 3
    assert still_running() == set()


async def test_an_inner_fan_out_is_cancelled_with_its_branch(now, still_running):
    """Down to the last leaf, and each level waits for the one below."""
    step = Stubborn(4)

    async def outer(_):
        return await parallelize(step, range(2))

    outcomes = await parallelize(outer, range(2), timeout=1, on_error="collect")
    assert kinds(outcomes) == ["timeout", "timeout"]
    assert len(step.ended) == 4
    assert now() == 5
    assert still_running() == set()


async def test_a_caller_cancelled_while_its_source_closes_leaves_nothing_open(recorder, still_running):
    """The fan-out's span has ended all the same."""

    async def slow_to_close():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(10)

    caller = asyncio.ensure_future(
        parallelize(wait_or_fail, slow_to_close(), max_concurrency=1, name="all", deadline=0.5)
    )
    await asyncio.sleep(5)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert [span.name for span in recorder.spans()] == ["wait_or_fail", "all"]
    assert still_running() == set()


def test_an_interrupt_in_a_branch_ends_everything(recorder):
    """Ctrl-C passes through; no branch is left running, no span open."""
    step = Stubborn(2)

    async def interrupt(input):
        if input < 2:
            return await step(input)
        await asyncio.sleep(1)
        raise KeyboardInterrupt

    async def main():
        await parallelize(interrupt, range(3), on_error="collect", name="all")

    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    assert sorted(step.ended) == [0, 1]
    assert [span.name for span in recorder.spans()] == ["interrupt", "interrupt", "interrupt", "all"]


# --- strangers


async def test_a_stranger_that_cancels_a_worker_costs_one_branch(still_running):
    """The branch it is at fails alone; no input is left behind."""
    caller = asyncio.ensure_future(parallelize(wait, [3] * 6, max_concurrency=2, on_error="collect"))
    await asyncio.sleep(1)
    next(task for task in still_running() if task is not caller).cancel()
    outcomes = await caller
    assert sorted(kinds(outcomes)) == ["cancelled"] + ["success"] * 5


async def test_a_stranger_that_cancels_every_task_ends_everything(still_running):
    """As the end of a program does."""
    step = Stubborn(2)
    caller = asyncio.ensure_future(parallelize(step, range(6), max_concurrency=3, on_error="collect"))
    await asyncio.sleep(1)
    for task in still_running():
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert step.started == [0, 1, 2]
    assert len(step.ended) == 3
    assert still_running() == set()


async def test_a_stranger_that_cancels_a_worker_at_the_source_stops_the_fan_out(still_running):
    """No worker is lost in silence: the fan-out ends as cancelled, with what it has."""

    async def slow():
        for number in range(3):
            await asyncio.sleep(2)
            yield number

    caller = asyncio.ensure_future(parallelize(double, slow(), max_concurrency=1, on_error="collect"))
    await asyncio.sleep(3)
    next(task for task in still_running() if task is not caller).cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await caller
    assert kinds(caught.value.outcomes) == ["success"]
    assert still_running() == set()


# --- streams


async def test_leaving_a_stream_early_cancels_what_runs_and_waits(now, still_running):
    """When the block is left, nothing runs any more."""
    step = Stubborn(5)

    async def first_or_stubborn(number):
        return await (double(number) if number == 0 else step(number))

    async with stream_outcomes(first_or_stubborn, range(4)) as outcomes:
        async for _ in outcomes:
            break
    assert now() == 5
    assert len(step.ended) == 3
    await asyncio.sleep(0)
    assert still_running() == set()


async def test_an_error_in_the_block_of_a_stream_waits_for_its_branches(now, still_running):
    """And goes on as it was."""
    step = Stubborn(5)

    async def fail_in_the_block():
        async with stream_outcomes(step, range(4)):
            await asyncio.sleep(1)
            raise KeyError

    with pytest.raises(KeyError):
        await fail_in_the_block()
    assert now() == 6
    assert still_running() == set()


async def test_cancelling_the_consumer_of_a_stream_ends_its_branches(now, still_running):
    """Wherever the consumer is."""
    step = Stubborn(5)

    async def consume():
        async with stream_outcomes(step, range(4)) as outcomes:
            async for _ in outcomes:
                pass

    consumer = asyncio.ensure_future(consume())
    for moment in 1, 2:
        await asyncio.sleep(1)
        assert now() == moment
        consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert now() == 2
    assert len(step.ended) == 4
    assert still_running() == set()


async def test_stopping_a_stream_from_a_branch_cancels_that_branch_too():
    """Those that run are cancelled, whoever says so."""

    async def stop(number):
        if number == 1:
            stream.stop()
        await asyncio.sleep(1)

    stream = stream_outcomes(stop, range(3), max_concurrency=2, ordered=True)
    async with stream as outcomes:
        found = [outcome async for outcome in outcomes]
    assert [isinstance(outcome, Failure) and outcome.kind for outcome in found] == ["cancelled"] * 3


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="tasks start eagerly from Python 3.12 on")
@pytest.mark.parametrize("suspends", [False, True])
async def test_where_tasks_start_eagerly_everything_is_as_it_is(suspends, still_running):
    """A worker may end, fail, and stop the fan-out before the next one is made."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def fail_at_two(number):
        if suspends:
            await asyncio.sleep(number)
        if number == 2:
            raise ValueError(number)
        return number

    assert await parallelize(double, range(5), max_concurrency=3) == [0, 2, 4, 6, 8]
    outcomes = await parallelize(fail_at_two, range(5), max_concurrency=3, on_error="collect")
    assert kinds(outcomes) == ["success", "success", "error", "success", "success"]
    with pytest.raises(ValueError, match="2"):
        await parallelize(fail_at_two, range(5), max_concurrency=3)
    async with stream_outcomes(fail_at_two, range(5), max_concurrency=1, ordered=True) as stream:
        assert kinds([outcome async for outcome in stream]) == kinds(outcomes)
    assert still_running() == set()
