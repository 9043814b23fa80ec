"""What `run_batch` refuses, what it gives its step, and what it leaves."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel

from llm_composition_patterns import Success, read_results, run_batch


class Title(BaseModel):
    text: str


async def work(item: str) -> Title:
    await asyncio.sleep(1)
    return Title(text=item.upper())


async def batch(path, step=work, items=("a", "b"), **settings):
    return await run_batch(step, items, **{"store": path / "batch.db", "key": str, **settings})


async def results(path, **settings):
    return [outcome.value async for outcome in read_results(path / "batch.db", **settings)]


async def test_a_batch_takes_the_time_of_its_items_on_a_virtual_clock(tmp_path):
    """Whatever the disk takes."""
    report = await batch(tmp_path, max_concurrency=1)
    assert (report.counts["succeeded"], report.elapsed) == (2, 2.0)
    assert await results(tmp_path, output=Title) == [Title(text="A"), Title(text="B")]


async def test_a_second_run_gives_the_same_types_and_makes_no_call(tmp_path):
    """It finds everything done."""
    await batch(tmp_path)
    before = await results(tmp_path, output=Title)
    assert (await batch(tmp_path)).executed == 0
    assert await results(tmp_path, output=Title) == before


async def test_output_says_what_the_step_does_not(tmp_path):
    """The type that its results have."""

    async def plain(item):
        return Title(text=item)

    report = await batch(tmp_path, plain, step_name="plain", output=Title)
    assert report.counts["succeeded"] == 2


async def test_without_a_type_only_plain_json_is_taken(tmp_path):
    """On the first result, and not when it is read."""

    async def plain(item):
        return Title(text=item)

    with pytest.raises(TypeError, match="annotate what the step returns with a pydantic model"):
        await batch(tmp_path, plain, step_name="plain")


async def test_a_resource_is_opened_once_and_is_the_first_argument(tmp_path):
    """It is closed before the run is over."""
    events = []

    @asynccontextmanager
    async def resource():
        events.append("opened")
        yield "glossary"
        events.append("closed")

    async def step(glossary, item):
        events.append((glossary, item))

    await batch(tmp_path, step, step_name="step", resource=resource)
    assert events == ["opened", ("glossary", "a"), ("glossary", "b"), "closed"]


async def test_a_resource_is_closed_when_the_run_fails(tmp_path):
    """And told with what."""
    seen = []

    @asynccontextmanager
    async def resource():
        try:
            yield
        except ValueError as error:
            seen.append(str(error))
            raise

    def source():
        yield "a"
        raise ValueError("no more")

    async def step(_, item):
        await asyncio.sleep(1)

    with pytest.raises(ValueError, match="no more"):
        await batch(tmp_path, step, source(), step_name="step", resource=resource)
    assert seen == ["no more"]


async def test_a_resource_that_cannot_be_opened_leaves_the_store_free(tmp_path):
    """The next run has it."""

    @asynccontextmanager
    async def resource():
        raise OSError("no glossary")
        yield

    async def step(item):
        return item

    with pytest.raises(OSError, match="no glossary"):
        await batch(tmp_path, step, step_name="step", resource=resource)
    assert (await batch(tmp_path, step, step_name="step")).executed == 2


async def test_two_runs_of_one_process_may_not_use_one_store(tmp_path):
    """As those of two processes."""
    running = asyncio.ensure_future(batch(tmp_path))
    await asyncio.sleep(0.5)
    with pytest.raises(Exception, match="is in use by process"):
        await batch(tmp_path)
    assert (await running).counts["succeeded"] == 2


async def test_a_batch_inside_an_item_has_a_store_of_its_own(tmp_path):
    """Batches nest."""
    (tmp_path / "inner").mkdir()

    async def outer(item):
        return (await batch(tmp_path / "inner", name="inner")).counts["succeeded"]

    await batch(tmp_path, outer, ["one"], step_name="outer")
    assert await results(tmp_path) == [2]
    assert [type(outcome) async for outcome in read_results(tmp_path / "inner" / "batch.db", output=Title)] == [
        Success,
        Success,
    ]


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"step": "work"}, TypeError, "step"),
        ({"step": lambda item: item}, TypeError, "step_name="),
        ({"items": "abc"}, TypeError, "inputs is one str"),
        ({"items": 3}, TypeError, "iterable"),
        ({"items": {"a": 1}}, TypeError, "leave out key="),
        ({"key": None}, TypeError, r"give key=lambda item: item\.id, or a Mapping"),
        ({"key": "id"}, TypeError, "key"),
        ({"store": ""}, TypeError, "store must be the path of a file"),
        ({"store": 3}, TypeError, "store must be the path of a file"),
        ({"version": 2}, TypeError, "version must be a str"),
        ({"transport": "cluster"}, ValueError, "transport must be 'local'"),
        ({"retry": "failed"}, ValueError, r"such as \('failed',\)"),
        ({"retry": ("pending",)}, ValueError, r"such as \('failed',\)"),
        ({"resource": "model"}, TypeError, "resource"),
        ({"budget": 5.0}, TypeError, r"Budget\(usd=5\.0\)"),
        ({"max_concurrency": 0}, ValueError, "max_concurrency"),
        ({"max_attempts": 0}, ValueError, "max_attempts"),
        ({"drain_timeout": "1"}, TypeError, "drain_timeout"),
        ({"step_name": ""}, TypeError, "step_name"),
    ],
)
async def test_wrong_use_is_refused_with_the_repair_before_a_file_is_made(tmp_path, settings, error, told):
    """Each for its own reason."""
    with pytest.raises(error, match=told):
        await batch(tmp_path, **settings)
    assert [*tmp_path.iterdir()] == []
