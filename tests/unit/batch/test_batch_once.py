"""Steps inside an item, recorded one by one."""

import asyncio

import pytest
from batch_runs import DyingStore, killed, run
from pydantic import BaseModel

from llm_composition_patterns import once
from llm_composition_patterns.batch._memory_store import MemoryStore


class Paragraph(BaseModel):
    text: str


async def translate(text: str) -> Paragraph:
    await asyncio.sleep(1)
    return Paragraph(text=text.upper())


async def plain(text):
    return text


def failing_once(calls):
    async def paper(item):
        first = await once(counted, item, key="first")
        if len(calls) < 2:
            calls.append("failed")
            raise ValueError("bug")
        return first

    async def counted(text):
        calls.append(text)
        return text

    return paper


async def test_a_recorded_step_is_not_executed_again_when_its_item_is():
    """The failure of another part throws nothing away."""
    calls, store = [], MemoryStore()
    paper = failing_once(calls)
    await run(paper, "a", store)
    assert (await run(paper, "a", store, retry=("failed",))).counts["succeeded"] == 1
    assert calls == ["a", "failed"]


async def test_a_recorded_step_survives_a_crash():
    """What came after it is executed again."""
    store, calls = DyingStore(), []

    async def paper(item):
        first = await once(counted, "one", key="1")
        if store.died_once:
            return [first, await once(counted, "two", key="2")]
        store.died_once = True
        store.death.set_result(None)
        return await once(counted, "two", key="2")

    async def counted(text):
        calls.append(text)
        return text

    store.died_once = False
    await killed(paper, "a", store)
    store.revive()
    report = await run(paper, "a", store)
    assert (report.counts["succeeded"], report.possibly_repeated) == (1, ("a",))
    assert calls.count("one") == 1


async def test_a_recorded_step_gives_its_type_back():
    """The same as when it was executed."""
    seen = []

    async def paper(item):
        seen.append(await once(translate, item, key="p"))
        raise ValueError("bug")

    store = MemoryStore()
    await run(paper, "a", store)
    await run(paper, "a", store, retry=("failed",))
    assert seen == [Paragraph(text="A")] * 2


async def test_concurrent_callers_share_one_execution():
    """Of one key; other keys run beside it."""
    calls = []

    async def counted(text):
        calls.append(text)
        await asyncio.sleep(1)
        return text

    async def paper(item):
        return await asyncio.gather(*(once(counted, key, key=key) for key in "xxyx"))

    report = await run(paper, "a", MemoryStore())
    assert (sorted(calls), report.elapsed) == (["x", "y"], 1.0)


async def test_a_caller_that_is_cancelled_leaves_the_others_theirs():
    """The next one executes the step."""

    async def paper(item):
        first = asyncio.ensure_future(once(translate, "a", key="p"))
        await asyncio.sleep(0.5)
        second = asyncio.ensure_future(once(translate, "a", key="p"))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).text

    report = await run(paper, "a", MemoryStore())
    assert (report.counts["succeeded"], report.elapsed) == (1, 1.5)


async def test_a_step_inside_itself_is_refused():
    """Under its own key it would wait for itself for ever; under another one it runs."""

    async def outer(text):
        return await once(plain, text, key="p")

    async def paper(item):
        with pytest.raises(ValueError, match=r"key='p'\) inside the step of the same key: give it another"):
            await once(outer, item, key="p")
        assert await once(outer, item, key="whole") == item

    assert (await run(paper, "a", MemoryStore())).counts["succeeded"] == 1


async def test_items_do_not_share_their_steps():
    """Each has its own under the same key."""
    got = []

    async def paper(item):
        got.append(await once(plain, item, key="same"))

    await run(paper, "abc", MemoryStore())
    assert sorted(got) == ["a", "b", "c"]


async def test_a_step_that_raises_is_not_recorded():
    """It is executed again."""
    calls = []

    async def fail(text):
        calls.append(text)
        raise ValueError("bug")

    async def paper(item):
        for _ in range(2):
            with pytest.raises(ValueError, match="bug"):
                await once(fail, item, key="p")

    assert (await run(paper, "a", MemoryStore())).counts["succeeded"] == 1
    assert calls == ["a", "a"]


async def test_outside_of_a_batch_the_step_simply_runs():
    """Every time."""
    assert [await once(translate, "a", key="p") for _ in range(2)] == [Paragraph(text="A")] * 2


async def test_a_result_that_cannot_be_recorded_fails_its_item():
    """With the repair."""

    async def odd(text):
        return {text}

    async def paper(item):
        await once(odd, item, key="p")

    store = MemoryStore()
    await run(paper, "a", store)
    assert "odd gave a set that does not come back from JSON" in (await store.find(["a"]))["a"].error


@pytest.mark.parametrize("key", ["", None, 1, "caf\udce9"])
async def test_the_key_of_a_step_is_a_text(key):
    """What else is given is refused, inside of a batch and outside."""
    with pytest.raises(TypeError, match="give a text that tells this step from the others of its item"):
        await once(plain, "a", key=key)


async def test_a_plain_function_is_refused_with_the_repair():
    """As everywhere."""
    with pytest.raises(TypeError, match="is not async"):
        await once(len, "a", key="p")
