"""How streams of outcomes end: errors, deadlines, `stop`, and what nobody consumed."""

import asyncio
import itertools

import pytest
from fan_out_steps import double, everything, kinds, wait, wait_or_fail

from llm_composition_patterns.errors import DeadlineExceeded, TooManyFailures
from llm_composition_patterns.outcome import Success
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes


@pytest.mark.parametrize("ordered", [False, True])
async def test_an_error_of_the_source_comes_after_the_outcomes(ordered):
    """First what there is, cancelled branches included; then the error."""

    def numbers():
        yield 1
        yield 9
        raise OSError("disk gone")

    seen = []

    async def consume():
        async with stream_outcomes(wait, numbers(), ordered=ordered, max_concurrency=2) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome)  # noqa: PERF401 - kept when the iteration raises

    with pytest.raises(OSError, match="disk gone"):
        await consume()
    assert kinds(seen) == ["success", "cancelled"]


async def test_too_many_failures_come_after_the_outcomes():
    """With the counts and the last 20 failures, and without the outcomes: they were given."""
    seen = []

    async def consume():
        async with stream_outcomes(wait_or_fail, [0.5, -1, -2, -3, 9], max_failures=2) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome)  # noqa: PERF401 - kept when the iteration raises

    with pytest.raises(TooManyFailures) as caught:
        await consume()
    error = caught.value
    assert kinds(seen) == ["success", "error", "error", "error", "cancelled"]
    assert (error.max_failures, error.succeeded, error.failed, error.outcomes) == (2, 1, 3, None)
    assert [failure.input for failure in error.failures] == [-1, -2, -3]


@pytest.mark.parametrize(
    "wrong", [{"name": 5}, {"branch_name": 5}, {"progress": None}, {"timeout": "5"}, {"max_concurrency": "5"}], ids=str
)
def test_settings_are_checked_at_once(wrong):
    """Before anything is entered."""
    with pytest.raises(TypeError, match=next(iter(wrong))):
        stream_outcomes(double, [1], **wrong)


async def test_too_many_failures_promise_only_what_they_have():
    """The outcomes of a stream have been consumed; those of `parallelize` are on the error."""
    said = "1 branches of 'all' failed where max_failures tolerates 0; 0 had succeeded. "
    with pytest.raises(TooManyFailures) as caught:
        await everything(stream_outcomes(wait_or_fail, [-1], max_failures=0, name="all"))
    assert caught.value.args == (said + "`failures` of this error has the last ones",)
    with pytest.raises(TooManyFailures) as caught:
        await parallelize(wait_or_fail, [-1], on_error="collect", max_failures=0, name="all")
    assert caught.value.args == (said + "`failures` of this error has the last ones, `outcomes` every outcome so far",)


async def test_twenty_failures_are_enough():
    """The last ones are kept."""

    async def fail(number):
        await asyncio.sleep(number)
        raise ValueError

    with pytest.raises(TooManyFailures) as caught:
        await everything(stream_outcomes(fail, range(100), max_failures=50))
    assert [failure.input for failure in caught.value.failures] == list(range(31, 51))


async def test_a_deadline_gives_a_failure_for_every_input_of_a_sized_source(now):
    """Also for those that never started."""
    found = await everything(stream_outcomes(wait, [1, 9, 9, 9], deadline=3, max_concurrency=2))
    assert kinds(found) == ["success", "deadline", "deadline", "deadline"]
    assert sorted(outcome.index for outcome in found) == [0, 1, 2, 3]
    assert all(isinstance(outcome.error, DeadlineExceeded) for outcome in found[1:])
    assert now() == 3


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_deadline_passes_while_the_consumer_is_slow(ordered):
    """What had ended is given as it was; the rest are failures."""
    found = []
    async with stream_outcomes(wait, [1] * 6, deadline=5.5, max_concurrency=1, ordered=ordered) as outcomes:
        async for outcome in outcomes:
            found.append(outcome)
            await asyncio.sleep(10)
    assert len(found) == 6
    assert kinds(found) == ["success"] * (5 if ordered else 3) + ["deadline"] * (1 if ordered else 3)


async def test_a_deadline_after_the_last_branch_changes_nothing():
    """Though the consumer still has the block open."""
    async with stream_outcomes(wait, [1, 2], deadline=5) as outcomes:
        await asyncio.sleep(10)
        found = [outcome async for outcome in outcomes]
    assert kinds(found) == ["success", "success"]


async def test_stop_ends_the_branches_and_the_iteration_gives_them_all(now):
    """Cancelled ones, and those that never started, where their number is known."""
    found = []
    async with stream_outcomes(wait, [1, 9, 9, 9], max_concurrency=2, ordered=True) as outcomes:
        async for outcome in outcomes:
            found.append(outcome)
            outcomes.stop()
    assert kinds(found) == ["success", "cancelled", "cancelled", "cancelled"]
    assert [outcome.index for outcome in found] == [0, 1, 2, 3]
    assert now() == 1


async def test_what_was_not_consumed_can_be_had_afterwards():
    """`rest` gives what had ended, and what leaving the block has cancelled."""
    stream = stream_outcomes(wait, [1, 2, 9])
    async with stream as outcomes:
        await asyncio.sleep(5)
        first = await anext(outcomes)
    assert first.value == 1
    assert kinds(stream.rest()) == ["success", "cancelled"]
    assert list(stream.rest()) == []


async def test_what_was_not_consumed_comes_by_index_when_ordered():
    """Even where an earlier one is missing."""
    stream = stream_outcomes(wait, [9, 2, 1], ordered=True)
    async with stream:
        await asyncio.sleep(5)
    assert [(outcome.index, type(outcome) is Success) for outcome in stream.rest()] == [
        (0, False),
        (1, True),
        (2, True),
    ]


async def test_there_is_no_rest_before_the_end():
    """Neither before the block nor in it."""
    stream = stream_outcomes(wait, [1])
    assert list(stream.rest()) == []
    async with stream:
        assert list(stream.rest()) == []


async def test_an_error_of_closing_the_source_is_raised_when_the_block_is_left():
    """It is not lost, for the iteration could not give it."""

    async def numbers():
        try:
            while True:
                yield 1
        finally:
            raise OSError("cannot close")

    async def leave_early():
        async with stream_outcomes(double, numbers(), max_concurrency=2) as outcomes:
            async for _ in outcomes:
                break

    with pytest.raises(OSError, match="cannot close"):
        await leave_early()


async def test_an_error_of_the_block_wins_over_one_of_closing():
    """What the consumer raised is what is raised."""

    def numbers():
        try:
            yield from itertools.count()
        finally:
            raise OSError("cannot close")

    async def fail_in_the_block():
        async with stream_outcomes(double, numbers(), max_concurrency=2) as outcomes:
            await anext(outcomes)
            raise KeyError

    with pytest.raises(KeyError):
        await fail_in_the_block()


async def test_a_step_that_is_not_async_is_refused():
    """By the iteration."""
    with pytest.raises(TypeError, match="print is not async"):
        await everything(stream_outcomes(print, [1]))
