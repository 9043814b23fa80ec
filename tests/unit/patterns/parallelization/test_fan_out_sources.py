"""Where inputs come from: pulled lazily, by one at a time, closed in the end, and heard when they fail."""

import asyncio
import contextvars

import pytest
from fan_out_steps import double, kinds, slowly, wait, wait_or_fail

from llm_composition_patterns.patterns.parallelization import parallelize


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_at_most_max_concurrency_branches_exist(limit):
    """The limit is reached and never passed."""
    running = peak = 0

    async def count(seconds):
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(seconds)
        running -= 1

    await parallelize(count, [1 + number % 3 for number in range(20)], max_concurrency=limit)
    assert peak == limit


async def check_how_far_pulled(source_of, limit):
    pulled = ended = 0
    ahead = []

    def numbers():
        nonlocal pulled
        for number in range(12):
            pulled += 1
            ahead.append(pulled - ended)
            yield number

    async def end(number):
        nonlocal ended
        await asyncio.sleep(1 + number % 3)
        ended += 1

    await parallelize(end, source_of(numbers()), max_concurrency=limit)
    return max(ahead)


@pytest.mark.parametrize("source_of", [iter, slowly])
async def test_inputs_are_pulled_lazily(source_of):
    """At most `max_concurrency` inputs are pulled ahead of what has ended, from sync and async sources alike."""
    assert await check_how_far_pulled(source_of, 3) == 3


async def test_an_async_source_is_asked_by_one_at_a_time():
    """An async iterator need not bear being asked twice at a time, nor again after its end."""

    class Once:
        def __init__(self):
            self.asked = self.left = 3

        def __aiter__(self):
            return self

        async def __anext__(self):
            assert self.asked == self.left, "asked twice at a time"
            self.asked -= 1
            await asyncio.sleep(1)
            assert self.left >= 0, "asked after its end"
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return self.left

    assert await parallelize(double, Once(), max_concurrency=8) == [4, 2, 0]


async def test_a_source_that_raises_at_the_first_pull_ends_it():
    """Its error is raised, and nothing ran."""

    def source():
        raise OSError("no such folder")
        yield

    with pytest.raises(OSError, match="no such folder"):
        await parallelize(double, source())


@pytest.mark.parametrize("on_error", ["raise", "collect"])
@pytest.mark.parametrize("source_of", [iter, slowly])
async def test_a_source_that_raises_cancels_what_runs(source_of, on_error, now):
    """Its error comes when the running branches have ended, with the outcomes so far."""
    ended = []

    def numbers():
        yield 1
        yield 5
        raise OSError("disk gone")

    async def note_the_end(seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.append(seconds)
            await asyncio.sleep(2)

    with pytest.raises(OSError, match="disk gone") as caught:
        await parallelize(note_the_end, source_of(numbers()), max_concurrency=2, on_error=on_error)
    assert ended == [1, 5]
    assert kinds(caught.value.outcomes) == ["success", "cancelled"]
    assert now() == 5


@pytest.mark.parametrize("on_error", ["raise", "collect"])
async def test_an_error_of_a_source_that_is_no_exception_is_not_lost(on_error):
    """Even a BaseException of the source ends the fan-out instead of cutting the inputs short."""

    class Abort(BaseException):
        pass

    def source():
        yield 1
        raise Abort

    with pytest.raises(Abort):
        await parallelize(wait, source(), on_error=on_error)


async def test_a_sync_generator_is_closed_when_the_fan_out_ends_early():
    """Its `finally` has run when the error comes, though somebody still holds the generator."""
    closed = []

    def numbers():
        try:
            yield from [1, -1, 1]
        finally:
            closed.append(True)

    source = numbers()
    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, source, max_concurrency=2)
    assert closed == [True]


async def test_an_async_generator_is_closed_when_the_fan_out_ends_early(now):
    """Its `finally`, slow as it may be, has run when the error comes."""
    closed = []

    async def numbers():
        try:
            for number in [1, -1, 1]:
                yield number
        finally:
            await asyncio.sleep(4)
            closed.append(now())

    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, numbers(), max_concurrency=2)
    assert closed == [5]


async def test_a_source_that_fails_to_close_is_heard():
    """The error of closing is raised when there is no other."""

    async def numbers():
        try:
            yield 1
            await asyncio.sleep(100)
        finally:
            raise OSError("cannot close")

    with pytest.raises(OSError, match="cannot close"):
        await parallelize(double, numbers(), deadline=3, on_error="collect")


async def test_a_source_lives_in_one_context():
    """A generator that sets a context variable and resets it later can do so, whoever pulls."""
    seen = []
    variable = contextvars.ContextVar("page", default=0)

    async def pages():
        for page in range(1, 4):
            token = variable.set(page)
            yield page
            seen.append(variable.get())
            variable.reset(token)

    def sync_pages():
        for page in range(1, 4):
            token = variable.set(page)
            yield page
            seen.append(variable.get())
            variable.reset(token)

    for source in pages(), sync_pages():
        await parallelize(wait, source, max_concurrency=2)
    assert seen == [1, 2, 3, 1, 2, 3]
    assert variable.get() == 0


async def test_a_generator_is_closed_in_the_context_that_it_ran_in():
    """What it set before its last `yield` it can reset on the way out."""
    variable = contextvars.ContextVar("page", default=0)
    closed = []

    async def pages():
        token = variable.set(1)
        try:
            while True:
                yield -1
        finally:
            variable.reset(token)
            closed.append(True)

    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, pages(), max_concurrency=2)
    assert closed == [True]


# --- runners start as inputs come


def unsized(kind, inputs):
    return slowly(inputs) if kind == "async" else iter(inputs)


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(("count", "most"), [(0, 1), (1, 2), (3, 4), (100, 128)])
async def test_few_inputs_of_an_unsized_source_start_few_runners(kind, count, most, still_running):
    """However many branches are allowed at once."""
    runners = []

    async def step(number):
        await asyncio.sleep(1)
        runners.append(len(still_running()))
        return number

    assert await parallelize(step, unsized(kind, range(count)), max_concurrency=200_000) == list(range(count))
    assert max(runners, default=0) <= most + 1  # the test's own task waits beside them


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("max_concurrency", [1, 2, 3, 100, 256])
async def test_an_unsized_source_is_worked_on_by_as_many_as_may(kind, max_concurrency, now):
    """Every branch that may run at once does."""
    count = 3 * max_concurrency
    assert await parallelize(wait, unsized(kind, [1] * count), max_concurrency=max_concurrency) == [1] * count
    assert now() == 3


async def test_a_sized_source_starts_no_runner_without_an_input(still_running):
    """There is one for each input, no more."""
    runners = []

    async def step(_):
        await asyncio.sleep(1)
        runners.append(len(still_running()))

    await parallelize(step, [1, 2, 3])
    assert max(runners) == 3


async def test_one_runner_is_enough_where_nothing_is_waited_for(still_running):
    """Branches that never suspend would leave nothing to the others."""
    runners = set()

    async def step(number):
        runners.add(asyncio.current_task())
        return number

    assert await parallelize(step, iter(range(1000))) == list(range(1000))
    assert len(runners) == 1


@pytest.mark.parametrize("turns", range(12))
async def test_a_fan_out_that_is_stopped_while_its_runners_start_leaves_none(turns, still_running):
    """Whenever that is."""
    caller = asyncio.ensure_future(parallelize(wait, iter([1] * 1000)))
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert still_running() == set()
