"""`stream_outcomes`: outcomes as branches end or in order, in bounded memory, until the block is left."""

import asyncio
import itertools
import os
import subprocess
import sys

import pytest
from fan_out_steps import double, everything, kinds, slowly, wait, wait_or_fail

from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes

# --- order


async def test_outcomes_come_as_branches_end(now):
    """The fastest first, at the moment of its end."""
    seen = []
    async with stream_outcomes(wait, [3, 1, 2]) as outcomes:
        async for outcome in outcomes:
            seen.append((outcome.value, outcome.index, now()))  # noqa: PERF401 - the time is the point
    assert seen == [(1, 1, 1), (2, 2, 2), (3, 0, 3)]


async def test_outcomes_in_order_come_as_soon_as_they_can(now):
    """In input order; what ended early waits for those before it."""
    seen = []
    async with stream_outcomes(wait, [2, 1, 3], ordered=True) as outcomes:
        async for outcome in outcomes:
            seen.append((outcome.value, now()))  # noqa: PERF401
    assert seen == [(2, 2), (1, 2), (3, 3)]


async def test_it_always_collects():
    """Failures are outcomes."""
    found = await everything(stream_outcomes(wait_or_fail, [1, -2, 3]))
    assert kinds(found) == ["success", "error", "success"]


async def test_a_mapping_gives_its_keys():
    """As `key` of each outcome."""
    found = await everything(stream_outcomes(wait, {"slow": 2, "fast": 1}))
    assert [(outcome.key, outcome.index) for outcome in found] == [("fast", 1), ("slow", 0)]


@pytest.mark.parametrize("ordered", [False, True])
async def test_no_inputs_give_no_outcomes(ordered):
    """And the block is left at once."""
    assert await everything(stream_outcomes(double, [], ordered=ordered)) == []


async def test_settings_mean_what_they_mean_in_parallelize():
    """Names, timeout, and limit."""
    stream = stream_outcomes(wait, [9, 1], timeout=3, branch_name=lambda s: f"wait_{s}", max_concurrency=1)
    found = await everything(stream)
    assert [(outcome.name, outcome.started) for outcome in found] == [("wait_9", 0), ("wait_1", 3)]
    assert kinds(found) == ["timeout", "success"]


async def test_a_consumer_may_stop_and_go_on():
    """Iterating twice gives first some, then the rest."""
    async with stream_outcomes(wait, [1, 2, 3, 4]) as outcomes:
        first = [await anext(outcomes), await anext(outcomes)]
        rest = [outcome async for outcome in outcomes]
        assert [outcome async for outcome in outcomes] == []
    assert [outcome.value for outcome in first + rest] == [1, 2, 3, 4]


# --- bounded memory


@pytest.mark.parametrize(("ordered", "times"), [(False, 2), (True, 4)])
@pytest.mark.parametrize("source_of", [iter, slowly])
@pytest.mark.parametrize("limit", [1, 3])
async def test_a_slow_consumer_holds_up_the_source(ordered, times, source_of, limit):
    """At most 2 x `max_concurrency` inputs are pulled and not consumed, 4 x when ordered; and that many are."""
    pulled = consumed = 0
    ahead = []

    def numbers():
        nonlocal pulled
        for number in range(40):
            pulled += 1
            ahead.append(pulled - consumed)
            yield number

    async def uneven(number):
        await asyncio.sleep(1 + number % 3)

    stream = stream_outcomes(uneven, source_of(numbers()), ordered=ordered, max_concurrency=limit)
    async with stream as outcomes:
        async for _ in outcomes:
            consumed += 1
            await asyncio.sleep(10)
    assert consumed == 40
    assert max(ahead) == times * limit


async def test_the_head_of_the_line_holds_up_the_rest_when_ordered():
    """One slow branch lets others run on, but not for ever."""
    pulled = []

    def numbers():
        for number in range(50):
            pulled.append(number)
            yield number

    async def first_is_slow(number):
        await asyncio.sleep(0 if number else 100)

    async with stream_outcomes(first_is_slow, numbers(), ordered=True, max_concurrency=2) as outcomes:
        await asyncio.sleep(50)
        assert len(pulled) == 8
        assert [outcome.index async for outcome in outcomes] == list(range(50))


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("source_of", [iter, slowly])
async def test_a_source_without_end_can_be_left(source_of, ordered, still_running):
    """`break` is enough."""
    async with stream_outcomes(double, source_of(itertools.count()), ordered=ordered, max_concurrency=5) as outcomes:
        async for outcome in outcomes:
            if outcome.index == 20:
                break
    assert still_running() == set()


async def test_nothing_of_ours_is_left_behind_by_a_break(still_running):
    """Not even a task that cleans up after the iteration."""
    async with stream_outcomes(wait, [1, 2, 3]) as outcomes:
        async for _ in outcomes:
            break
    for _ in range(3):
        await asyncio.sleep(0)
        assert still_running() == set()


MILLION = """
import asyncio, resource
from llm_composition_patterns.patterns.parallelization import stream_outcomes

async def step(number):
    return number

async def consume(count):
    total = 0
    async with stream_outcomes(step, (number for number in range(count)), ordered=True) as outcomes:
        async for outcome in outcomes:
            total += outcome.value
    assert total == count * (count - 1) // 2

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

asyncio.run(consume(10_000))
before = peak()
asyncio.run(consume(1_000_000))
print(peak() - before)
"""


@pytest.mark.slow
def test_a_million_inputs_run_in_flat_memory():
    """The process grows by 8 MB at most."""
    command = [sys.executable, "-c", MILLION]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit <= 8 * 2**20


# --- how it is used


@pytest.mark.parametrize(
    "use",
    [
        lambda stream: stream.stop(),
        lambda stream: stream.set_attributes({}),
        lambda stream: stream.trace_id,
    ],
)
async def test_before_it_is_entered_there_is_nothing_to_stop_or_describe(use):
    """The message shows how to enter it."""
    with pytest.raises(RuntimeError, match="async with stream_outcomes"):
        use(stream_outcomes(wait, [1]))


async def test_it_must_be_entered():
    """The message shows how."""
    stream = stream_outcomes(double, [1])
    with pytest.raises(RuntimeError, match="async with stream_outcomes"):
        await anext(stream)
    with pytest.raises(RuntimeError, match="async with stream_outcomes"):
        stream.stop()


async def test_it_is_entered_once():
    """Another run needs another call."""
    stream = stream_outcomes(double, [1])
    async with stream:
        with pytest.raises(RuntimeError, match="call stream_outcomes again"):
            await stream.__aenter__()


async def test_it_is_iterated_inside_its_block():
    """Afterwards there is nothing but the rest, and an empty loop would hide the mistake."""
    stream = stream_outcomes(double, [1])
    async with stream:
        pass
    with pytest.raises(RuntimeError, match="iterate inside it"):
        aiter(stream)


async def test_two_tasks_cannot_wait_for_the_same_outcome():
    """The second is told so instead of leaving the first waiting for ever."""
    async with stream_outcomes(wait, [1, 2]) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="let one task take them all"):
            await anext(outcomes)
        assert (await first).value == 1


async def test_a_consumer_in_another_task_ends_when_the_block_is_left():
    """It does not wait for ever."""
    stream = stream_outcomes(wait, [100])

    async def consume():
        return [outcome async for outcome in stream]

    async with stream:
        consumer = asyncio.ensure_future(consume())
        await asyncio.sleep(1)
    assert await consumer == []


@pytest.mark.parametrize("wrong", [{"max_concurrency": 0}, {"timeout": -1}, {"max_failures": -1}], ids=str)
def test_settings_are_checked_by_the_call(wrong):
    """Before the block is entered."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        stream_outcomes(double, [1], **wrong)


@pytest.mark.parametrize("inputs", ["spanish", b"ab", 5, None])
async def test_wrong_inputs_are_refused(inputs):
    """As in `parallelize`."""
    with pytest.raises(TypeError, match="inputs"):
        await everything(stream_outcomes(double, inputs))


async def test_streams_can_be_chained():
    """A stream is a source: an async iterable like any other."""
    async with stream_outcomes(double, range(5), ordered=True) as doubled:

        async def again(outcome):
            return await double(outcome.value)

        assert await parallelize(again, doubled) == [0, 4, 8, 12, 16]
