"""What every store of a batch must do."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns.batch._item import Item
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.batch._sqlite_store import SqliteStore
from llm_composition_patterns.batch._store import Store
from llm_composition_patterns.usage import NO_USAGE, Usage

FINGERPRINT = {"step": "papers:translate", "version": None, "output": None}
USED = Usage(calls=1, output_tokens=7, known_cost=Decimal("0.3")).of_model("groq:a")


async def memory(_) -> Store:
    return MemoryStore()


async def sqlite(path) -> Store:
    return await SqliteStore.open(path / "batch.db", FINGERPRINT)


STORES = {"memory": memory, "sqlite": sqlite}


@pytest.fixture(params=STORES)
async def store(request, tmp_path) -> AsyncIterator[Store]:
    """Each store, closed after the test."""
    opened = await STORES[request.param](tmp_path)
    yield opened
    await opened.aclose()


def started(key, run=1):
    return Item(key=key).started(run)


async def test_runs_are_numbered(store):
    """From 1."""
    assert [await store.begin() for _ in range(3)] == [1, 2, 3]


async def test_a_store_knows_nothing_at_first(store):
    """Not even an item that nobody has reached."""
    assert dict(await store.find(["a"])) == {}
    assert dict(await store.counts()) == {}
    assert [*await store.running()] == [*await store.repeated()] == [*await store.page(0, 9)] == []
    assert await store.spent() == NO_USAGE
    assert await store.recall("a", "b") is None


async def test_an_item_comes_back_as_it_was_written(store):
    """Every field of it."""
    item = started("a").died("killed", most=9, elapsed=0.1, usage=USED).started(2)
    item = item.failed("invalid_output", "InvalidOutput: äöü 漢字", 1 / 3, USED)
    await store.put(item)
    assert await store.find(["a", "b"]) == {"a": item}


async def test_an_item_takes_the_place_of_what_was_known_of_it(store):
    """The last one counts, also where nobody awaits the writes between."""
    store.put(started("a"))
    store.put(started("a").deferred("timeout", "late", 1.0, NO_USAGE))
    await store.put(started("a", 2))
    assert await store.find(["a"]) == {"a": started("a", 2)}
    assert dict(await store.counts()) == {"running": 1}


async def test_items_are_counted_by_their_state(store):
    """Only states that there are."""
    for key in "abc":
        await store.put(started(key))
    await store.put(started("a").succeeded(1.0, NO_USAGE), "1")
    assert dict(await store.counts()) == {"succeeded": 1, "running": 2}
    assert [item.key for item in await store.running()] == ["b", "c"]


async def test_what_may_have_been_paid_twice_is_kept(store):
    """In the order in which items were first reached, whatever became of them."""
    doubted = {key: started(key).died("killed", most=9).started(2) for key in "ba"}
    for item in doubted.values():
        await store.put(item)
    await store.put(started("c"))
    await store.put(doubted["a"].succeeded(1.0, NO_USAGE), "1")
    assert [*await store.repeated()] == ["b", "a"]


async def test_what_was_spent_adds_up(store):
    """By items and by the steps inside them, whatever they are overwritten by."""
    await asyncio.gather(*(store.put(started("a"), usage=USED) for _ in range(3)))
    await store.keep("a", "b", "1", usage=USED)
    await store.put(started("a"))
    assert await store.spent() == USED + USED + USED + USED


async def test_the_results_of_steps_are_those_of_their_item(store):
    """Each under its own key; the last one counts."""
    await store.keep("a", "x", '"one"', usage=NO_USAGE)
    await store.keep("a", "x", '"two"', usage=NO_USAGE)
    await store.keep("b", "x", '"three"', usage=NO_USAGE)
    assert [await store.recall(item, key) for item, key in ("ax", "bx", "ay", "cx")] == ['"two"', '"three"', None, None]


async def test_the_results_of_steps_are_forgotten_when_their_item_succeeds(store):
    """Not before, and not those of other items."""
    for key in "ab":
        await store.keep(key, "x", "1", usage=NO_USAGE)
    await store.put(started("a").failed("error", "bug", 1.0, NO_USAGE))
    assert await store.recall("a", "x") == "1"
    await store.put(started("a").succeeded(1.0, NO_USAGE), "2")
    assert [await store.recall(key, "x") for key in "ab"] == [None, "1"]


async def test_finished_items_are_read_page_by_page(store):
    """In the order in which they were first reached, with their values; those that are pending or run are left out."""
    for key in "abcdef":
        await store.put(started(key))
    await store.put(started("f").succeeded(1.0, NO_USAGE), '"F"')
    await store.put(started("b").failed("error", "bug", 1.0, NO_USAGE))
    await store.put(started("a").succeeded(1.0, NO_USAGE), '"A"')
    await store.put(started("c").deferred("timeout", "late", 1.0, NO_USAGE))
    await store.put(started("d").died("killed", most=1))
    place, read = 0, []
    while page := await store.page(place, 3):
        place = page[-1][0]
        read.append([(found.item.key, found.value) for _, found in page])
    assert read == [[("a", '"A"'), ("b", None), ("d", None)], [("f", '"F"')]]


@pytest.mark.parametrize("text", ["../../etc/passwd", "a' OR 1", "ä漢🏔", "a\x00b", " ", "x" * 10_000])
async def test_keys_are_data(store, text):
    """Whatever is in them."""
    await store.put(started(text).succeeded(1.0, NO_USAGE), "1")
    await store.keep("a", text, "2", usage=NO_USAGE)
    assert [*await store.find([text])] == [text]
    assert await store.recall("a", text) == "2"


async def test_results_may_have_megabytes(store):
    """They come back whole."""
    text = '"' + "ä" * 3_000_000 + '"'
    await store.put(started("a").succeeded(1.0, NO_USAGE), text)
    assert (await store.page(0, 1))[0][1].value == text


async def test_a_store_takes_concurrent_writes(store):
    """Each is there when its future is done."""

    async def written(number):
        await store.put(started(str(number)))
        return len(await store.find([str(number)]))

    assert await asyncio.gather(*map(written, range(300))) == [1] * 300


async def test_a_write_that_nobody_waits_for_any_more_is_made(store):
    """Its caller was cancelled."""
    waiting = asyncio.ensure_future(store.put(started("a")))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert [*await store.find(["a"])] == ["a"]


KEYS = st.sampled_from("abc")
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("item"), KEYS, st.sampled_from(["run", "succeed", "fail", "defer", "die"])),
        st.tuples(st.just("step"), KEYS, KEYS),
    ),
    max_size=15,
)
ENDS = {
    "run": lambda item: item,
    "succeed": lambda item: item.succeeded(1.5, USED),
    "fail": lambda item: item.failed("error", "bug", 1.5, USED),
    "defer": lambda item: item.deferred("timeout", "late", 1.5, USED),
    "die": lambda item: item.died("killed", most=2),
}


async def written(store, writes):
    for number, (what, key, how) in enumerate(writes):
        if what == "step":
            store.keep(key, how, str(number), usage=USED)
        else:
            item = ENDS[how](started(key, number + 1))
            store.put(item, str(number) if item.state == "succeeded" else None, usage=USED)
    found = [
        await store.find([*"abcd"]),
        dict(await store.counts()),
        sorted(item.key for item in await store.running()),
        sorted(await store.repeated()),
        await store.spent(),
        sorted((found.item.key, found.value) for _, found in await store.page(0, 99)),
        [await store.recall(item, key) for item in "abc" for key in "abc"],
    ]
    await store.aclose()
    return found


@settings(max_examples=25, deadline=None)
@given(WRITES)
def test_stores_agree(tmp_path_factory, writes):
    """Whatever is written in whatever order."""

    async def all_of_them():
        return [await written(await make(tmp_path_factory.mktemp("store")), writes) for make in STORES.values()]

    first, *others = asyncio.run(all_of_them())
    assert all(found == first for found in others)
