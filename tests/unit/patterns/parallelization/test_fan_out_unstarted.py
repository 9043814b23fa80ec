"""Inputs of a sized source that never started: none is lost, whatever the source is, and the loop goes on."""

import asyncio
import contextvars

import pytest
from fan_out_steps import kinds, spend, wait

from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes

BREATH = 0.010


class Numbers:
    """A sized source whose iterator is a generator."""

    def __init__(self, count, each=lambda _: None):
        self._count = count
        self._each = each
        self.closed = 0

    def __len__(self):
        return self._count

    def __iter__(self):
        try:
            for number in range(self._count):
                self._each(number)
                yield 9
        finally:
            self.closed += 1


def broken_at(place):
    def fail(number):
        if number == place:
            raise OSError("disk")

    return fail


async def collected(inputs, **settings):
    return await parallelize(wait, inputs, max_concurrency=2, deadline=3, on_error="collect", **settings)


async def streamed(inputs, **settings):
    async with stream_outcomes(wait, inputs, max_concurrency=2, deadline=3, **settings) as outcomes:
        return [outcome async for outcome in outcomes]


@pytest.mark.parametrize("run", [collected, streamed])
async def test_a_generator_is_read_on_after_the_deadline(run):
    """As a list is: each input has its failure. The generator is closed once."""
    numbers = Numbers(10)
    outcomes = await run(numbers)
    assert [outcome.index for outcome in outcomes] == list(range(10))
    assert kinds(outcomes) == ["deadline"] * 10
    assert numbers.closed == 1


async def test_a_generator_is_closed_where_nobody_reads_it_on():
    """A consumer that leaves does not want what is left."""
    numbers = Numbers(10)
    async with stream_outcomes(wait, numbers, max_concurrency=2, deadline=3) as outcomes:
        await asyncio.sleep(5)
        await anext(outcomes)
        assert numbers.closed == 0
    assert numbers.closed == 1


async def test_a_generator_is_read_on_in_the_context_that_it_began_in():
    """What it has set there, it finds."""
    variable = contextvars.ContextVar("page", default=0)
    seen = []

    def count(_):
        seen.append(variable.get())
        variable.set(seen[-1] + 1)

    await collected(Numbers(5, count))
    assert seen == [0, 1, 2, 3, 4]


async def test_what_the_source_raises_after_the_deadline_carries_the_outcomes():
    """It ends the fan-out as it would have before."""
    with pytest.raises(OSError, match="disk") as caught:
        await collected(Numbers(10, broken_at(5)))
    assert kinds(caught.value.outcomes) == ["deadline"] * 5


async def test_what_the_source_raises_after_the_deadline_comes_after_the_outcomes():
    """Of a stream."""
    async with stream_outcomes(wait, Numbers(10, broken_at(5)), max_concurrency=2, deadline=3) as outcomes:
        assert kinds([await anext(outcomes) for _ in range(5)]) == ["deadline"] * 5
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                await anext(outcomes)


async def test_what_the_source_raises_after_the_deadline_stands_on_the_span(recorder):
    """The span ends when everything is known."""
    with pytest.raises(OSError, match="disk"):
        await collected(Numbers(10, broken_at(5)), name="fan-out")
    assert recorder.one("fan-out").status.description == "OSError: disk"


async def test_what_a_generator_raises_when_it_is_closed_late_is_raised():
    """Nobody has read it to its end."""

    class Untidy(Numbers):
        def __iter__(self):
            try:
                yield from super().__iter__()
            finally:
                raise OSError("cannot be closed")

    with pytest.raises(OSError, match="cannot be closed"):
        async with stream_outcomes(wait, Untidy(10), max_concurrency=2, deadline=3):
            await asyncio.sleep(5)


@pytest.mark.parametrize("run", [collected, streamed])
async def test_the_loop_breathes_meanwhile(run, now):
    """However long it takes to name them all."""
    longest, before = 0.0, 0.0

    async def tick():
        nonlocal longest, before
        await asyncio.sleep(3)
        before = now()
        while True:
            await asyncio.sleep(0)
            longest, before = max(longest, now() - before), now()

    ticking = asyncio.ensure_future(tick())
    await run([9] * 500, branch_name=lambda _: spend(0.001) or "slow to be named")
    await asyncio.sleep(0)
    ticking.cancel()
    assert longest <= BREATH + 0.002


async def test_a_cancellation_ends_the_reading():
    """The outcomes so far go along, and the source is closed."""
    numbers = Numbers(500, lambda _: spend(0.001))
    caller = asyncio.ensure_future(collected(numbers))
    asyncio.get_running_loop().call_at(3.1, caller.cancel)
    with pytest.raises(asyncio.CancelledError) as caught:
        await caller
    assert 50 < len(caught.value.outcomes) < 150
    assert numbers.closed == 1


@pytest.mark.parametrize("run", [collected, streamed])
async def test_progress_counts_them(run):
    """In the end, everything is done; what never started was never started."""
    seen = []
    await run([1, *[9] * 9], progress=seen.append)
    last = seen[-1]
    assert (last.total, last.done, last.succeeded, last.failed) == (10, 10, 1, 9)
    assert (last.started, last.in_flight) == (3, 0)
