"""Concurrent calls, collected into batches."""

import asyncio
import contextvars

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns import ModelUnavailable, Usage, chain, micro_batched, parallelize, track
from llm_composition_patterns.runs import settle
from llm_composition_patterns.testing import record_spans, run_in_virtual_time
from llm_composition_patterns.tracing import span


def now():
    return asyncio.get_running_loop().time()


class Doubling:
    """A batch step that takes a second, and keeps what it was given, when, and what became of it."""

    def __init__(self, seconds=1.0):
        self.seconds = seconds
        self.batches = []
        self.started = []
        self.cancelled = 0

    async def __call__(self, numbers):
        self.batches.append(numbers)
        self.started.append(now())
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [2 * number for number in numbers]


def only_me():
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_thousand_calls_make_sixteen_batches():
    """Concurrent calls fill the batches, and each caller gets its own result."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=64, max_wait=0.01)
    assert await asyncio.gather(*map(step, range(1000))) == [2 * number for number in range(1000)]
    assert [len(batch) for batch in doubling.batches] == [64] * 15 + [40]
    assert now() == 1.01
    assert only_me()


async def test_a_thousand_branches_make_sixteen_batches():
    """In a fan-out with its default concurrency too."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=64, max_wait=0.01)
    assert await parallelize(step, range(1000)) == [2 * number for number in range(1000)]
    assert len(doubling.batches) <= 20
    assert max(map(len, doubling.batches)) == 64


async def test_a_full_batch_goes_at_once():
    """Nobody waits for the timer then, and the next call begins another batch."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=2, max_wait=10)
    assert await asyncio.gather(step(1), step(2), step(3)) == [2, 4, 6]
    assert (doubling.batches, doubling.started) == ([[1, 2], [3]], [0.0, 10.0])


async def test_a_batch_goes_when_its_first_call_has_waited():
    """Calls that come later do not put it off."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=9, max_wait=3)

    async def later(number):
        await asyncio.sleep(number)
        return await step(number)

    assert await asyncio.gather(*map(later, range(5))) == [0, 2, 4, 6, 8]
    # The call at 3 comes after the timer, which was set first.
    assert (doubling.batches, doubling.started) == ([[0, 1, 2], [3, 4]], [3.0, 6.0])


async def test_without_a_wait_a_batch_is_what_one_turn_of_the_loop_calls():
    """A wait of 0 collects the calls that are ready together."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=9, max_wait=0)
    await asyncio.gather(*map(step, range(5)))
    assert doubling.batches == [[0, 1, 2, 3, 4]]


async def test_several_batches_run_at_once():
    """One does not wait for the one before."""
    doubling = Doubling(seconds=10)
    step = micro_batched(doubling, max_size=1, max_wait=1)
    await asyncio.gather(*map(step, range(5)))
    assert now() == 10.0


async def test_an_exception_of_a_batch_goes_to_all_its_callers():
    """And to nobody else."""

    async def picky(numbers):
        if 1 in numbers:
            raise ValueError("no ones")
        return numbers

    step = micro_batched(picky, max_size=2, max_wait=1)
    results = await asyncio.gather(*map(step, range(4)), return_exceptions=True)
    assert [str(result) for result in results] == ["no ones", "no ones", "2", "3"]


async def test_each_caller_of_a_failed_batch_has_an_exception_of_its_own():
    """Notes on one are not on the others, and the original is the cause of each."""

    async def down(_):
        raise ModelUnavailable("down", status=503)

    step = chain(same, micro_batched(down, max_size=3, max_wait=1), name="c")
    outcomes = await parallelize(step, range(3), on_error="collect")
    errors = [outcome.error for outcome in outcomes]
    assert len({id(error) for error in errors}) == 3
    assert len({id(error.__cause__) for error in errors}) == 1
    assert [(str(error), error.status, error.__notes__) for error in errors] == [
        ("down", 503, ["in step 'down' of 'c'"])
    ] * 3


async def test_one_exception_in_several_places_is_told_apart():
    """Also where the batch step gave it for several inputs; one that stands alone is raised as it is."""
    shared, alone = ValueError("shared"), ValueError("alone")

    async def some(_):
        return [shared, shared, alone]

    step = micro_batched(some, max_size=3, max_wait=1)
    first, second, third = await asyncio.gather(*map(step, range(3)), return_exceptions=True)
    assert first is not second
    assert (first.__cause__, second.__cause__, third) == (shared, shared, alone)


async def same(input):
    return input


async def test_an_exception_in_the_place_of_a_result_is_its_callers_own():
    """One poisoned input fails alone."""

    async def careful(numbers):
        return [ValueError(f"no {number}") if number == 7 else number for number in numbers]

    step = micro_batched(careful, max_size=64, max_wait=1)
    outcomes = await parallelize(step, range(20), on_error="collect")
    assert [outcome.index for outcome in outcomes if hasattr(outcome, "error")] == [7]
    assert str(outcomes[7].error) == "no 7"


async def test_stop_iteration_in_the_place_of_a_result_is_told_apart():
    """It cannot be raised by a coroutine, and is the cause of what is."""

    async def stop(numbers):
        return [StopIteration() for _ in numbers]

    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        await micro_batched(stop, max_size=1, max_wait=1)(0)
    assert isinstance(caught.value.__cause__, StopIteration)


@pytest.mark.parametrize(
    ("results", "error", "match"),
    [
        ([1], ValueError, "Fixed gave 1 results for 2 inputs; it must give one for each, in their order"),
        ([1, 2, 3], ValueError, "gave 3 results for 2 inputs"),
        (None, TypeError, "must give a list with a result for each input, in their order; not NoneType"),
        ("ab", TypeError, "not str"),
        ({0: 1, 1: 2}, TypeError, "not dict"),
        ({1, 2}, TypeError, "not set"),
        (iter([1, 2]), TypeError, "not list_iterator"),
    ],
)
async def test_results_that_are_not_those_of_the_inputs_fail_every_call(results, error, match):
    """Nobody is given what belongs to another one."""

    class Fixed:
        async def __call__(self, _):
            return results

    step = micro_batched(Fixed(), max_size=2, max_wait=1)
    first, second = await asyncio.gather(step(1), step(2), return_exceptions=True)
    with pytest.raises(error, match=match):
        raise first
    assert (type(second), str(second)) == (type(first), str(first))


async def test_a_batch_step_that_is_not_async_is_refused():
    """Every caller is told the repair."""
    step = micro_batched(list, max_size=2, max_wait=1)
    results = await asyncio.gather(step(1), step(2), return_exceptions=True)
    assert all("in_threads(list)" in str(result) for result in results)


async def test_a_caller_that_is_cancelled_early_leaves_its_batch():
    """Its input is not in the batch any more."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=9, max_wait=3)
    gone, stays = asyncio.create_task(step(1)), asyncio.create_task(step(2))
    await asyncio.sleep(1)
    gone.cancel()
    assert await stays == 4
    assert doubling.batches == [[2]]


async def test_a_batch_that_everybody_left_early_never_runs():
    """Its timer goes with them, and the next call begins a new one."""
    doubling = Doubling()
    step = micro_batched(doubling, max_size=9, max_wait=3)
    gone = asyncio.create_task(step(1))
    await asyncio.sleep(1)
    gone.cancel()
    await asyncio.sleep(1)
    assert await step(2) == 4
    assert (doubling.batches, doubling.started) == ([[2]], [5.0])


async def test_a_caller_that_is_cancelled_late_leaves_the_others_alone():
    """The batch goes on for them."""
    doubling = Doubling(seconds=10)
    step = micro_batched(doubling, max_size=2, max_wait=1)
    gone, stays = asyncio.create_task(step(1)), asyncio.create_task(step(2))
    await asyncio.sleep(5)
    gone.cancel()
    assert await stays == 4
    assert (doubling.batches, doubling.cancelled) == ([[1, 2]], 0)


async def test_a_batch_that_everybody_left_is_cancelled():
    """The last one to leave waits until it has really ended."""
    ended = []

    async def slow(numbers):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2)
            ended.append(now())

    step = micro_batched(slow, max_size=2, max_wait=1)
    callers = [asyncio.create_task(step(number)) for number in range(2)]
    await asyncio.sleep(5)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert ended == [7.0]
    assert all(caller.cancelled() for caller in callers)
    assert only_me()


async def test_a_batch_cancelled_from_within_cancels_its_callers():
    """As a step that is cancelled from within does."""

    async def stop(numbers):
        raise asyncio.CancelledError

    outcomes = await parallelize(micro_batched(stop, max_size=2, max_wait=1), range(2), on_error="collect")
    assert [outcome.kind for outcome in outcomes] == ["cancelled", "cancelled"]


async def test_a_batch_runs_in_the_context_of_its_first_caller():
    """Its spans and its usage belong there."""
    caller = contextvars.ContextVar("caller")
    seen = []

    async def look(numbers):
        seen.append(caller.get())
        settle(Usage(calls=1))
        with span("inside"):
            return numbers

    step = micro_batched(look, max_size=2, max_wait=1)

    async def call(name):
        caller.set(name)
        async with track(name) as tracked:
            await step(0)
        return tracked.usage.calls

    with record_spans() as spans:
        assert await asyncio.gather(call("first"), call("second")) == [1, 0]
    assert seen == ["first"]
    assert spans.tree() == [("first", [("inside", [])]), ("second", [])]


async def test_the_first_caller_that_stays_gives_the_context():
    """One that has left before the batch ran has nothing to do with it."""
    caller = contextvars.ContextVar("caller")
    seen = []

    async def look(numbers):
        seen.append(caller.get())
        return numbers

    step = micro_batched(look, max_size=9, max_wait=3)

    async def call(name):
        caller.set(name)
        return await step(0)

    gone, stays = asyncio.create_task(call("first")), asyncio.create_task(call("second"))
    await asyncio.sleep(1)
    gone.cancel()
    await stays
    assert seen == ["second"]


def test_a_micro_batched_step_on_several_loops():
    """One after the other, also where the loop before ended in the middle of a batch."""
    doubling = Doubling(seconds=1)
    step = micro_batched(doubling, max_size=9, max_wait=1)

    async def leave():
        left = [asyncio.create_task(step(0)), asyncio.create_task(step(1))]
        await asyncio.sleep(1.5)
        left.append(asyncio.create_task(step(2)))
        await asyncio.sleep(0.1)

    run_in_virtual_time(leave())
    assert run_in_virtual_time(step(3)) == 6
    assert run_in_virtual_time(step(4)) == 8
    assert doubling.batches == [[0, 1], [3], [4]]


async def test_micro_batches_in_a_chain():
    """It is a step like any other, with the name of its batch step."""

    async def embed(texts):
        return [len(text) for text in texts]

    async def double(number):
        return 2 * number

    step = micro_batched(embed, max_size=3, max_wait=1)
    assert step.__name__ == "embed"
    assert await parallelize(chain(step, double), ["a", "bb", "ccc"]) == [2, 4, 6]


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"max_size": 0, "max_wait": 1}, ValueError, "max_size must be at least 1"),
        ({"max_size": 2.5, "max_wait": 1}, TypeError, "max_size must be an int"),
        ({"max_size": 2, "max_wait": -1}, ValueError, "max_wait must be a number of seconds from 0 on"),
        ({"max_size": 2, "max_wait": None}, TypeError, "max_wait must be a number of seconds"),
    ],
)
def test_micro_batch_settings_are_checked_when_built(settings, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match):
        micro_batched(Doubling(), **settings)


def test_micro_batches_need_a_function():
    """The role is named."""
    with pytest.raises(TypeError, match="batch_step must be an async function of a list of inputs, not int"):
        micro_batched(5, max_size=1, max_wait=1)


CALLERS = st.lists(
    st.tuples(st.integers(0, 8), st.none() | st.integers(0, 12)).map(lambda pair: (pair[0] / 2, pair[1])), max_size=12
)


@given(CALLERS, st.integers(1, 4), st.integers(0, 3), st.integers(0, 3))
def test_whoever_is_cancelled_whenever_each_gets_its_own_and_nothing_is_left(callers, max_size, max_wait, seconds):
    """Every caller ends with its own result or its own cancellation; no batch is too large; no task runs on."""
    doubling = Doubling(seconds)
    step = micro_batched(doubling, max_size=max_size, max_wait=max_wait)

    async def call(number, at):
        await asyncio.sleep(at)
        return await step(number)

    async def play():
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(call(number, at)) for number, (at, _) in enumerate(callers)]
        for task, (_, cancelled_at) in zip(tasks, callers, strict=True):
            if cancelled_at is not None:
                loop.call_at(cancelled_at, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert only_me()
        return [None if task.cancelled() else task.result() for task in tasks]

    results = run_in_virtual_time(play())
    for number, (result, (_, cancelled_at)) in enumerate(zip(results, callers, strict=True)):
        assert result == 2 * number or (result is None and cancelled_at is not None)
    assert all(1 <= len(batch) <= max_size for batch in doubling.batches)
    taken = [number for batch in doubling.batches for number in batch]
    assert len(taken) == len(set(taken))
