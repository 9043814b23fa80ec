"""The store in memory, beside what every store does (`tests/contract`)."""

import pytest

from llm_composition_patterns import MemoryCache


async def test_the_memory_forgets_what_was_asked_for_the_longest_ago():
    """Getting and putting both count as asking."""
    store = MemoryCache(max_entries=2)
    await store.put("a", "1")
    await store.put("b", "2")
    await store.get("a")
    await store.put("c", "3")
    assert [await store.get(key) for key in "abc"] == ["1", None, "3"]
    await store.put("a", "4")
    await store.put("d", "5")
    assert [await store.get(key) for key in "abcd"] == ["4", None, None, "5"]
    assert len(store) == 2


@pytest.mark.parametrize(("most", "error"), [(0, ValueError), (1.5, TypeError)])
def test_the_size_of_the_memory_is_checked(most, error):
    """It is a whole number from 1 on."""
    with pytest.raises(error, match="max_entries"):
        MemoryCache(max_entries=most)
