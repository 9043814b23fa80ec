"""Cancellation: of the caller, of branches from within, by strangers, and what scopes of other libraries do."""

import asyncio

import anyio
import pytest
from fan_out_steps import double, kinds, wait, wait_or_fail

from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes
from llm_composition_patterns.virtual_time import VirtualTimeLoop


class Stubborn:
    """A step that needs `seconds` to clean up when it is cancelled, and notes what happened to it."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.started, self.ended, self.interrupted = [], [], []

    async def __call__(self, input):
        self.started.append(input)
        try:
            await asyncio.sleep(100)
        finally:
            try:
                await asyncio.sleep(self.seconds)
            except asyncio.CancelledError:
                self.interrupted.append(input)
            self.ended.append(input)


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
