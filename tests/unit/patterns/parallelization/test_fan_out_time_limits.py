"""Timeouts are each branch's, deadlines the whole fan-out's; both are exact."""

import asyncio

import pytest
from fan_out_steps import kinds, spend, wait

from llm_composition_patterns.errors import BranchTimeout, DeadlineExceeded
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes


async def test_a_branch_that_runs_too_long_is_cut_off(now):
    """After exactly its timeout, as a failure of kind `timeout`, and the others go on."""
    outcomes = await parallelize(wait, [1, 9, 3], timeout=4, on_error="collect")
    assert kinds(outcomes) == ["success", "timeout", "success"]
    assert (outcomes[1].elapsed, now()) == (4, 4)


async def test_the_error_of_a_timeout_says_which_branch_and_how_long():
    """And it is a TimeoutError too."""
    with pytest.raises(BranchTimeout) as caught:
        await parallelize(wait, [1, 9], timeout=2, name="waits")
    assert caught.value.args == (
        "branch 1 ('wait') of 'waits' ran longer than its timeout of 2 s, waiting for permits not counted",
    )
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.branch, caught.value.index, caught.value.timeout) == ("wait", 1, 2)
    assert kinds(caught.value.outcomes) == ["success", "timeout"]


async def test_each_branch_has_the_whole_timeout(now):
    """The timeout counts from the branch's own start."""
    outcomes = await parallelize(wait, [3, 3, 9], timeout=4, max_concurrency=1, on_error="collect")
    assert kinds(outcomes) == ["success", "success", "timeout"]
    assert now() == 10


async def test_a_deadline_ends_everything(now):
    """What is not finished by then, and what never started, is a failure of kind `deadline`."""
    outcomes = await parallelize(wait, [1, 9, 9, 9], deadline=3, max_concurrency=2, on_error="collect")
    assert now() == 3
    assert kinds(outcomes) == ["success", "deadline", "deadline", "deadline"]
    assert [(o.index, o.input, o.started, o.elapsed) for o in outcomes] == [
        (0, 1, 0, 1),
        (1, 9, 0, 3),
        (2, 9, 1, 2),
        (3, 9, 3, 0),
    ]
    assert all(isinstance(outcome.error, DeadlineExceeded) for outcome in outcomes[1:])
    assert [str(outcome.error) for outcome in outcomes[1:]] == [
        f"branch {index} ('wait') of 'parallelize wait' was not finished by the deadline, 3 s after the fan-out's start"
        for index in (1, 2, 3)
    ]


async def test_never_started_inputs_keep_their_keys_and_names():
    """A Mapping gets all its keys back."""
    outcomes = await parallelize(
        wait, {"a": 9, "b": 8}, deadline=3, max_concurrency=1, on_error="collect", branch_name=lambda s: f"wait_{s}"
    )
    assert [(key, o.key, o.name, o.kind) for key, o in outcomes.items()] == [
        ("a", "a", "wait_9", "deadline"),
        ("b", "b", "wait_8", "deadline"),
    ]


async def test_a_deadline_under_raise_is_deadline_exceeded():
    """With every outcome there is."""
    with pytest.raises(DeadlineExceeded) as caught:
        await parallelize(wait, [1, 9, 9], deadline=3, max_concurrency=1, name="waits")
    assert caught.value.args == ("'waits' was not finished by the deadline, 3 s after the fan-out's start",)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.fan_out, caught.value.deadline) == ("waits", 3)
    assert kinds(caught.value.outcomes) == ["success", "deadline", "deadline"]


async def test_a_deadline_counts_everything():
    """Time before a branch starts counts too."""
    outcomes = await parallelize(wait, [2, 2, 2], deadline=5, max_concurrency=1, on_error="collect")
    assert kinds(outcomes) == ["success", "success", "deadline"]


@pytest.mark.parametrize("on_error", ["raise", "collect"])
async def test_a_hanging_async_source_does_not_outlive_the_deadline(on_error, now):
    """What it gave is kept; nothing more is waited for."""

    async def hanging():
        yield 1
        await asyncio.Event().wait()

    if on_error == "raise":
        with pytest.raises(DeadlineExceeded):
            await parallelize(wait, hanging(), deadline=5)
    else:
        assert kinds(await parallelize(wait, hanging(), deadline=5, on_error="collect")) == ["success"]
    assert now() == 5


async def gives_two_and_hangs():
    yield 1
    yield 2
    await asyncio.Event().wait()


CUT_OFF = "the deadline of 5 s of 'waits' came before its inputs ended: 2 were read, those left have no outcome"


async def test_a_source_that_the_deadline_cut_off_is_told_of_in_the_log(caplog):
    """Its outcomes are successes only, and would look like all there were."""
    outcomes = await parallelize(wait, gives_two_and_hangs(), deadline=5, on_error="collect", name="waits")
    assert kinds(outcomes) == ["success", "success"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", CUT_OFF)]


async def test_a_stream_whose_source_the_deadline_cut_off_is_told_of_in_the_log(caplog):
    """As `parallelize` does."""
    async with stream_outcomes(wait, gives_two_and_hangs(), deadline=5, name="waits") as outcomes:
        assert kinds([outcome async for outcome in outcomes]) == ["success", "success"]
    assert [record.getMessage() for record in caplog.records] == [CUT_OFF]


async def test_a_plain_iterator_that_a_full_stream_left_unread_is_told_of(caplog):
    """Nothing is in flight when the deadline comes, because nobody consumes."""
    async with stream_outcomes(wait, iter([1] * 9), deadline=5, max_concurrency=1, name="waits") as outcomes:
        await asyncio.sleep(6)
        assert kinds([outcome async for outcome in outcomes]) == ["success", "success"]
    assert [record.getMessage() for record in caplog.records] == [CUT_OFF]


async def one_and_nine():
    yield 1
    yield 9


@pytest.mark.parametrize("inputs", [lambda: iter([1, 9]), lambda: [1, 9, 9], one_and_nine])
async def test_a_deadline_after_the_end_of_the_inputs_is_not_logged(inputs, caplog):
    """Every input has its outcome."""
    outcomes = await parallelize(wait, inputs(), deadline=5, on_error="collect", max_concurrency=3)
    assert kinds(outcomes)[:2] == ["success", "deadline"]
    assert caplog.records == []


async def test_a_deadline_that_is_raised_is_not_logged_too(caplog):
    """The error says it."""
    with pytest.raises(DeadlineExceeded):
        await parallelize(wait, gives_two_and_hangs(), deadline=5)
    assert caplog.records == []


async def test_an_unsized_source_is_not_read_further_after_the_deadline():
    """Nobody knows how long it is: only what started is told of."""
    outcomes = await parallelize(wait, iter([9, 9, 9]), deadline=3, max_concurrency=2, on_error="collect")
    assert kinds(outcomes) == ["deadline", "deadline"]


async def test_a_source_that_ignores_the_deadline_starts_no_branch():
    """An input that comes after the end is not run."""
    started = []

    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            yield 1

    async def note_the_start(number):
        started.append(number)

    assert await parallelize(note_the_start, stubborn(), deadline=3, on_error="collect") == []
    assert started == []


async def test_a_deadline_that_comes_when_everything_is_done_changes_nothing():
    """The last branch ended before it: its result counts."""

    async def end_just_before(_):
        await asyncio.sleep(2)
        return "done"

    # The deadline's timer is due in the same turn of the loop in which the branch ends, after it.
    asyncio.get_running_loop().call_at(2, spend, 1)
    assert await parallelize(end_just_before, [0], deadline=3) == ["done"]


async def test_never_started_inputs_that_cannot_be_named_are_called_as_the_step():
    """Nobody runs to fail with the naming function's error."""
    outcomes = await parallelize(
        wait, [9, None], branch_name=lambda seconds: seconds + 1, deadline=3, max_concurrency=1, on_error="collect"
    )
    assert [(outcome.name, outcome.kind) for outcome in outcomes] == [("10", "deadline"), ("wait", "deadline")]


@pytest.mark.parametrize("limit", [{"timeout": 3}, {"deadline": 3}])
async def test_what_a_cut_off_call_says_of_itself_stands_behind_the_message(limit):
    """In the same line: the time went to attempts that failed, say."""

    async def retrying(_):
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError as cancelled:
            cancelled.add_note("after 2 attempts,\nthe last failure: overloaded")
            raise

    (outcome,) = await parallelize(retrying, [1], on_error="collect", **limit)
    assert str(outcome.error).endswith("; after 2 attempts, the last failure: overloaded")
