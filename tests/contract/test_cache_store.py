"""What every store of `with_cache` must do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_composition_patterns import CacheStore, MemoryCache, SqliteCache

STORES = {
    "memory": lambda _: MemoryCache(),
    "sqlite": lambda path: SqliteCache(path / "cache.sqlite"),
}


@pytest.fixture(params=STORES)
async def store(request, tmp_path) -> AsyncIterator[CacheStore]:
    """Each store, closed after the test."""
    made = STORES[request.param](tmp_path)
    yield made
    if hasattr(made, "__aexit__"):
        await made.__aexit__(None, None, None)


async def test_a_store_has_nothing_at_first(store):
    """A key that was never put gives None."""
    assert await store.get("a") is None


async def test_a_store_gives_back_what_was_put(store):
    """Under its own key."""
    await store.put("a", "one")
    await store.put("b", "")
    assert [await store.get(key) for key in "abc"] == ["one", "", None]


async def test_a_store_keeps_what_was_put_last(store):
    """In place of what was there."""
    await store.put("a", "one")
    await store.put("a", "two")
    assert await store.get("a") == "two"


@pytest.mark.parametrize("text", ["", "null", "äöü 漢字 🏔", "a\x00b", "x" * 1_000_000, '{"a": [1.5, null]}'])
async def test_a_store_keeps_texts_whole(store, text):
    """Whatever is in them."""
    await store.put("a", text)
    assert await store.get("a") == text


async def test_a_store_takes_concurrent_calls(store):
    """Each call sees its own."""

    async def put_and_get(number):
        await store.put(str(number), str(number) * 3)
        return await store.get(str(number))

    assert await asyncio.gather(*map(put_and_get, range(200))) == [str(number) * 3 for number in range(200)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(st.characters(codec="utf-8"), max_size=5)), max_size=12))
def test_a_store_is_a_dict(tmp_path_factory, puts):
    """Whatever is put in whatever order."""

    async def play(made):
        for key, text in puts:
            await made.put(key, text)
        return {key: await made.get(key) for key in "abc"}

    for make in STORES.values():
        kept = asyncio.run(play(make(tmp_path_factory.mktemp("store"))))
        assert kept == {"a": None, "b": None, "c": None} | dict(puts)


@pytest.mark.parametrize("name", STORES)
def test_a_store_serves_one_loop_after_the_other(name, tmp_path):
    """And keeps what it has."""
    made = STORES[name](tmp_path)
    asyncio.run(made.put("a", "one"))
    assert asyncio.run(made.get("a")) == "one"


@pytest.mark.parametrize("name", STORES)
def test_a_store_serves_loops_side_by_side(name, tmp_path):
    """Each loop in a thread of its own."""
    made = STORES[name](tmp_path)

    async def both():
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, made.put(key, key)) for key in "abcd"))
        return [await made.get(key) for key in "abcd"]

    assert asyncio.run(both()) == ["a", "b", "c", "d"]
