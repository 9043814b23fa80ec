"""`on_error="raise"` and `max_failures`: what stops a fan-out, and what its error carries."""

import asyncio
from dataclasses import dataclass

import pytest
from fan_out_steps import kinds, wait_or_fail

from llm_composition_patterns.errors import TooManyFailures
from llm_composition_patterns.patterns.parallelization import parallelize


async def test_the_original_exception_is_raised():
    """Not a copy, not a wrapper."""
    error = ValueError("mine")

    async def fail(_):
        raise error

    with pytest.raises(ValueError, match="mine") as caught:
        await parallelize(fail, [1])
    assert caught.value is error


async def test_the_first_failure_in_time_is_the_one_raised():
    """Not the one with the lowest index."""
    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, [-2, -1, -3])


async def test_siblings_have_really_ended_before_the_error_comes(now):
    """However long their cleanup takes."""
    ended = []

    async def slow_to_stop(seconds):
        try:
            await wait_or_fail(seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(10)
            ended.append(seconds)
            raise

    with pytest.raises(ValueError, match="-1"):
        await parallelize(slow_to_stop, [5, -1, 3])
    assert sorted(ended) == [3, 5]
    assert now() == 11


async def test_no_branch_starts_after_the_first_failure():
    """Inputs that have not started stay so."""
    started = []

    async def note_the_start(seconds):
        started.append(seconds)
        return await wait_or_fail(seconds)

    with pytest.raises(ValueError, match="-1"):
        await parallelize(note_the_start, [2, -1, 3, 4], max_concurrency=2)
    assert started == [2, -1]


async def test_the_error_has_the_outcomes_so_far():
    """In index order, cancelled siblings included, those that never started not."""
    with pytest.raises(ValueError, match="-2") as caught:
        await parallelize(wait_or_fail, [1, -2, 3, 4], max_concurrency=3)
    outcomes = caught.value.outcomes
    assert kinds(outcomes) == ["success", "error", "cancelled", "cancelled"]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3]
    assert isinstance(outcomes[2].error, asyncio.CancelledError)
    assert [outcome.elapsed for outcome in outcomes] == [1, 2, 2, 1]


async def test_the_outcomes_of_a_mapping_are_a_dict():
    """Also on an error, with the keys of those that started."""
    with pytest.raises(ValueError, match="-1") as caught:
        await parallelize(wait_or_fail, {"a": 2, "b": -1, "c": 3}, max_concurrency=2)
    assert list(caught.value.outcomes) == ["a", "b"]
    assert kinds(caught.value.outcomes.values()) == ["cancelled", "error"]


async def test_a_note_names_the_branch():
    """And its fan-out."""
    with pytest.raises(ValueError, match="-1") as caught:
        await parallelize(wait_or_fail, {"five": -1}, name="waits", branch_name="one wait")
    assert caught.value.__notes__ == ["in branch 'five' ('one wait') of 'waits'"]


async def test_the_innermost_fan_out_sets_the_outcomes_and_outer_ones_add_notes():
    """From inside out."""

    async def outer(row):
        return await parallelize(wait_or_fail, row, name="inner")

    with pytest.raises(ValueError, match="-1") as caught:
        await parallelize(outer, [[3], [2, -1]], name="outer")
    assert kinds(caught.value.outcomes) == ["cancelled", "error"]
    assert [outcome.input for outcome in caught.value.outcomes] == [2, -1]
    assert caught.value.__notes__ == ["in branch 1 ('wait_or_fail') of 'inner'", "in branch 1 ('outer') of 'outer'"]


async def test_the_outermost_of_three_only_adds_a_note():
    """Depth changes nothing."""

    async def middle(number):
        return await parallelize(wait_or_fail, [number, number - 1])

    async def outer(number):
        return await parallelize(middle, [number])

    with pytest.raises(ValueError, match="-1") as caught:
        await parallelize(outer, [-1, 5], max_concurrency=1)
    assert [outcome.input for outcome in caught.value.outcomes] == [-1, -2]
    assert len(caught.value.__notes__) == 3


async def test_a_new_error_for_an_inner_one_carries_the_outer_outcomes():
    """What a step raises instead of its inner fan-out's error is an error of the outer one."""

    async def outer(row):
        try:
            return await parallelize(wait_or_fail, row)
        except ValueError as error:
            raise KeyError("other") from error

    with pytest.raises(KeyError) as caught:
        await parallelize(outer, [[-1]])
    assert [outcome.input for outcome in caught.value.outcomes] == [[-1]]


async def test_one_exception_raised_by_two_fan_outs_carries_the_outcomes_of_the_last():
    """A module's constant error is no obstacle."""
    error = ValueError("constant")

    async def fail(_):
        raise error

    for inputs in [1, 2], ["a"]:
        with pytest.raises(ValueError, match="constant"):
            await parallelize(fail, inputs, max_concurrency=1)
    assert [outcome.input for outcome in error.outcomes] == ["a"]


async def test_one_exception_of_an_inner_fan_out_caught_and_raised_by_another_branch():
    """Only what came out of an inner fan-out in this very branch keeps its outcomes."""
    error = ValueError("shared")

    async def fail(_):
        raise error

    async def outer(number):
        if number == 0:
            with pytest.raises(ValueError, match="shared"):
                await parallelize(fail, ["inner"])
            return
        await asyncio.sleep(1)
        raise error

    with pytest.raises(ValueError, match="shared"):
        await parallelize(outer, [0, 1])
    assert [outcome.input for outcome in error.outcomes] == [0, 1]


async def test_an_exception_that_branches_share_names_the_first_of_them():
    """Branches that wait for one thing fail with one exception: one note is enough."""
    shared = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(1, shared.set_exception, ValueError("shared"))

    async def wait_for_it(_):
        await asyncio.shield(shared)

    with pytest.raises(ValueError, match="shared") as caught:
        await parallelize(wait_for_it, range(50))
    assert caught.value.__notes__ == ["in branch 0 ('wait_for_it') of 'parallelize wait_for_it'"]


async def test_an_exception_that_takes_nothing_is_raised_as_it_is():
    """Neither attribute nor note can be set on it: it comes without, and nothing comes instead of it."""

    @dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    error = Frozen(7)

    async def fail(_):
        raise error

    async def outer(_):
        return await parallelize(fail, [0])

    with pytest.raises(Frozen) as caught:
        await parallelize(outer, [0])
    assert caught.value is error


async def test_an_exception_with_slots_takes_what_it_can():
    """`__slots__` alone forbid nothing."""

    class Slotted(Exception):
        __slots__ = ("code",)

    async def fail(_):
        raise Slotted

    with pytest.raises(Slotted) as caught:
        await parallelize(fail, [0])
    assert kinds(caught.value.outcomes) == ["error"]


async def test_an_exception_that_takes_notes_but_no_outcomes_says_so():
    """A note tells what is missing."""

    class Guarded(Exception):
        outcomes = property(lambda _: None)

    async def fail(_):
        raise Guarded

    async def outer(_):
        return await parallelize(fail, [0])

    with pytest.raises(Guarded) as caught:
        await parallelize(outer, [0])
    assert [note for note in caught.value.__notes__ if "not attached" in note] == [
        "the outcomes so far are not attached: this exception takes no attributes"
    ]


async def test_an_exception_that_is_false_is_an_exception():
    """Errors are told from None by identity."""

    class Empty(Exception):
        def __len__(self):
            return 0

    async def fail(_):
        raise Empty

    with pytest.raises(Empty):
        await parallelize(fail, [0])


async def test_an_error_that_is_no_exception_comes_through_at_once():
    """A BaseException of a step ends the fan-out whatever `on_error` says."""

    class Abort(BaseException):
        pass

    async def abort(seconds):
        await asyncio.sleep(seconds)
        raise Abort

    with pytest.raises(Abort):
        await parallelize(abort, [1, 2], on_error="collect")


async def test_max_failures_tolerates_that_many():
    """So many failures and no more are borne."""
    outcomes = await parallelize(wait_or_fail, [-1, -2, 3], on_error="collect", max_failures=2)
    assert kinds(outcomes) == ["error", "error", "success"]


async def test_too_many_failures_stop_the_fan_out(now):
    """The one too many cancels what runs, and the error carries everything."""
    with pytest.raises(TooManyFailures) as caught:
        await parallelize(wait_or_fail, [0.5, -1, -2, 9, 9], on_error="collect", max_failures=1, max_concurrency=4)
    error = caught.value
    assert now() == 2
    assert (error.max_failures, error.succeeded, error.failed) == (1, 1, 2)
    assert kinds(error.outcomes) == ["success", "error", "error", "cancelled", "cancelled"]
    assert [failure.input for failure in error.failures] == [-1, -2]


async def test_too_many_failures_name_the_last_failures_not_the_cancelled():
    """Cancelled siblings do not crowd out why it was stopped; 20 failures are enough."""

    async def fail_mostly(number):
        await asyncio.sleep(number)
        if number < 30:
            raise ValueError(number)

    with pytest.raises(TooManyFailures) as caught:
        await parallelize(fail_mostly, range(60), on_error="collect", max_failures=29)
    assert [failure.input for failure in caught.value.failures] == list(range(10, 30))


async def test_max_failures_zero_stops_at_the_first():
    """Nothing is tolerated."""
    with pytest.raises(TooManyFailures):
        await parallelize(wait_or_fail, [-1, 2], on_error="collect", max_failures=0)


async def test_too_many_failures_of_a_mapping_have_a_dict():
    """Outcomes are what `parallelize` would have returned."""
    with pytest.raises(TooManyFailures) as caught:
        await parallelize(wait_or_fail, {"a": -1}, on_error="collect", max_failures=0)
    assert list(caught.value.outcomes) == ["a"]
