"""The items that are left to do."""

import asyncio
from itertools import count

import pytest
from batch_runs import run

from llm_composition_patterns import BatchError
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.batch._remaining import LOOKED_UP, Remaining

LEAST = LOOKED_UP[0]


async def work(item):
    await asyncio.sleep(1)
    return item


async def left(items, store=None, key=str, **settings):
    store = store or MemoryStore()
    remaining = Remaining(items, key, store, run=await store.begin(), **{"retry": (), "at_once": 1, **settings})
    return [(work.key, work.input) async for work in remaining]


async def test_items_come_in_the_order_of_the_source():
    """Each with its key."""
    assert await left(range(70)) == [(str(number), number) for number in range(70)]


async def test_a_mapping_has_its_own_keys():
    """Its values are the items."""
    assert await left({"a": 1, "b": 2}, key=None) == [("a", 1), ("b", 2)]


async def test_an_async_source_is_taken_as_it_comes():
    """One by one."""

    async def source():
        for number in range(3):
            await asyncio.sleep(1)
            yield number

    assert await left(source()) == [("0", 0), ("1", 1), ("2", 2)]


async def test_what_an_async_source_gives_at_once_is_looked_up_together():
    """Else to open a large batch that is finished would take as many turns as it has items."""
    looked_up = []

    class Watched(MemoryStore):
        async def find(self, keys, /):
            looked_up.append(len(keys))
            return await super().find(keys)

    async def source():
        for number in range(2 * LEAST):
            yield number
        await asyncio.sleep(1)
        yield 2 * LEAST

    assert len(await left(source(), Watched())) == 2 * LEAST + 1
    assert looked_up == [LEAST, LEAST, 1]


async def test_what_an_async_source_gave_before_it_raised_is_executed():
    """As what it gave long before."""

    async def source():
        yield "a"
        raise ValueError("no more")

    reading = aiter(Remaining(source(), str, MemoryStore(), run=1, retry=(), at_once=1))
    assert (await anext(reading)).key == "a"
    with pytest.raises(ValueError, match="no more"):
        await anext(reading)


async def test_what_is_finished_is_left_out_and_counted():
    """By its state."""
    store = MemoryStore()
    await run(work, "ab", store)
    run_number = await store.begin()
    remaining = Remaining([*"abc"], str, store, run=run_number, retry=(), at_once=1)
    assert [work.key async for work in remaining] == ["c"]
    assert (remaining.total, dict(remaining.skipped)) == (3, {"succeeded": 2})


async def test_a_plain_source_is_pulled_lazily():
    """At most twice as many as are looked up at once beyond those that were taken."""
    pulled = []
    remaining = Remaining((pulled.append(n) or n for n in count()), str, MemoryStore(), run=1, retry=(), at_once=1)
    async for work in remaining:
        if work.input == 100:
            break
    assert len(pulled) <= 101 + 2 * LEAST


@pytest.mark.parametrize("items", [["a", "a"], [*map(str, range(LEAST)), "0"]], ids=["side by side", "far apart"])
async def test_two_items_of_one_key_are_refused(items):
    """Both before the first has ended and after it."""
    with pytest.raises(BatchError, match=r"two items have the key '(a|0)': a key must tell each item from all others"):
        await run(work, items, MemoryStore(), max_concurrency=4)


async def test_two_items_of_one_key_are_refused_long_after_the_first_has_ended():
    """The store tells that it was this run that executed it."""

    async def source():
        yield "a"
        await asyncio.sleep(10)
        yield "a"

    store = MemoryStore()
    with pytest.raises(BatchError, match="two items have the key 'a'"):
        await run(work, source(), store)
    assert dict(await store.counts()) == {"succeeded": 1}


@pytest.mark.parametrize("key", [None, "", 3, b"a"])
async def test_a_key_is_a_text_that_is_not_empty(key):
    """What else is given is shown with the repair."""
    with pytest.raises(TypeError, match=r"the key of an item must be a str that is not empty, .*key=lambda item: str"):
        await left([1], key=lambda _: key)


async def test_a_key_of_a_mapping_is_checked_too():
    """Numbers have to be written as text."""
    with pytest.raises(TypeError, match="not 1"):
        await left({1: "a"}, key=None)


async def test_a_key_that_no_file_can_hold_is_refused():
    """The name of a file of another encoding, with the repair."""
    with pytest.raises(TypeError, match=r"half a character: give os\.fsencode\(name\)\.hex\(\)"):
        await left(["caf\udce9"])


async def test_what_the_source_raises_is_raised():
    """After what ran was cancelled; it is pending, and what was finished by then is kept."""

    def source():
        yield from range(2 * LEAST)
        raise ValueError("no more")

    async def last_one_hangs(item):
        await asyncio.sleep(1 if item < LEAST - 1 else 1000)

    store = MemoryStore()
    with pytest.raises(ValueError, match="no more"):
        await run(last_one_hangs, source(), store, max_concurrency=2)
    assert dict(await store.counts()) == {"succeeded": LEAST - 1, "pending": 1}


async def test_two_items_of_one_key_are_refused_however_short_they_take():
    """The store was asked of the second one before the first was started."""

    async def at_once(item):
        return item

    with pytest.raises(BatchError, match="two items have the key '0'"):
        await run(at_once, [*map(str, range(LEAST)), "0"], MemoryStore(), max_concurrency=4)


async def test_a_source_that_is_cancelled_from_within_has_not_come_to_its_end():
    """Its run is no finished one."""

    async def source():
        yield "a"
        raise asyncio.CancelledError

    store = MemoryStore()
    with pytest.raises(asyncio.CancelledError):
        await run(work, source(), store)


async def test_a_reader_that_is_cancelled_while_the_source_ends_stays_cancelled():
    """No more were wanted, and the source takes its time to end."""

    async def source():
        try:
            yield await asyncio.sleep(100, "a")
        finally:
            await asyncio.sleep(100)

    remaining = Remaining(source(), str, MemoryStore(), run=1, retry=(), at_once=1)
    reading = asyncio.ensure_future(anext(aiter(remaining)))
    await asyncio.sleep(1)
    remaining.stop()
    await asyncio.sleep(1)
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()


@pytest.mark.parametrize("awaited", [False, True])
async def test_a_source_that_is_not_read_to_its_end_is_closed(awaited):
    """A generator cleans up before the run ends, plain or async."""
    closed = []

    def plain():
        try:
            yield from count()
        finally:
            closed.append("plain")

    async def waiting():
        try:
            for number in count():
                yield number
        finally:
            await asyncio.sleep(1)
            closed.append("awaited")

    async def refuse(_):
        raise BatchError("no")

    with pytest.raises(BatchError):
        await run(refuse, waiting() if awaited else plain(), MemoryStore())
    assert closed == ["awaited" if awaited else "plain"]


async def test_a_source_whose_length_cannot_be_told_has_no_total():
    """As a progress bar around a generator."""

    class Bar(list):
        def __len__(self):
            raise TypeError("no len()")

    assert Remaining(Bar(), str, MemoryStore(), run=1, retry=(), at_once=1).total is None


async def test_an_item_that_failed_is_executed_again_where_that_is_asked_for():
    """Only in the states that are named."""

    async def fail(_):
        raise ValueError("bug")

    store = MemoryStore()
    await run(fail, "a", store)
    assert await left("a", store) == []
    assert await left("a", store, retry=("abandoned",)) == []
    assert await left("a", store, retry=("failed",)) == [("a", "a")]
