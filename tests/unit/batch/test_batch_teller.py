"""What a run tells of itself while it runs."""

import asyncio
from dataclasses import replace

import pytest
from batch_runs import run

from llm_composition_patterns import Limiter, ModelUnavailable, Scenario, connect
from llm_composition_patterns.batch import _teller
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.batch._run_record import RunRecord, further, read_record, write_record
from llm_composition_patterns.simulation import Fault

QUICK = Scenario(time_to_first_token=2.0, tokens_per_second=float("inf"))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """A run tells at each item."""
    monkeypatch.setattr(_teller, "EVERY", 0.0)


async def test_a_run_tells_what_it_did():
    """Which workers it had, and for how long they were at work."""

    async def work(item):
        await asyncio.sleep(3)
        if item == 2:
            raise ValueError("bug")

    store = MemoryStore()
    await run(work, [1, 2, 3], store, max_concurrency=2)
    told = store.runs[1]
    assert (told.workers, told.total, told.started, told.done, told.failed) == (2, 3, 3, 3, 1)
    assert (told.seconds, told.busy, told.ended, told.ended_by, told.in_flight) == (6.0, 9.0, True, None, 0)


async def test_a_second_run_tells_what_was_there():
    """And has a record of its own."""

    async def work(item):
        await asyncio.sleep(1)

    store = MemoryStore()
    await run(work, [1, 2], store)
    await run(work, [1, 2, 3], store)
    assert [(told.before, told.done) for told in store.runs.values()] == [(0, 2), (2, 1)]


async def test_the_provider_s_times_are_told():
    """Of each attempt that was answered, or failed; waiting for a permit is none of it."""
    store, limiter = MemoryStore(), Limiter(fixed=1)
    async with connect("simulated:x", scenario=QUICK, concurrency=limiter) as model:

        async def work(item):
            await model.complete("a")

        await run(work, range(4), store)
    told = store.runs[1]
    assert (told.responses.number, told.unaccepted, [each.limit for each in told.limiters]) == (4, 0, [1])
    assert told.responses.total == pytest.approx(told.busy) == pytest.approx(told.seconds)


async def test_what_the_provider_did_not_accept_is_told():
    """Each attempt by itself."""
    store = MemoryStore()
    down = replace(QUICK, faults=(Fault(kind="server_error", probability=1.0),))
    async with connect("simulated:x", scenario=down, attempts=3) as model:

        async def work(item):
            with pytest.raises(ModelUnavailable):
                await model.complete("a")

        await run(work, [1], store)
    assert (store.runs[1].responses.number, store.runs[1].unaccepted) == (3, 3)


async def test_what_ended_a_run_is_told():
    """The error that the others would have met, too."""

    def items():
        yield 1
        raise OSError("the archive is gone")

    async def work(item):
        await asyncio.sleep(1)

    store = MemoryStore()
    with pytest.raises(OSError, match="gone"):
        await run(work, items(), store)
    assert (store.runs[1].ended, store.runs[1].ended_by) == (True, "OSError")


async def test_a_run_tells_while_it_goes_on():
    """With what is in flight, and how long the rest takes."""
    store, seen = MemoryStore(), []

    async def work(item):
        await asyncio.sleep(item)
        seen.append(store.runs[1])

    await run(work, [1, 2, 4, 5], store, max_concurrency=4)
    assert [(told.done, told.in_flight) for told in seen] == [(0, 0), (1, 3), (2, 2), (3, 1)]
    assert [told.seconds_left for told in seen[:3]] == [None, 3.0, 2.0]


def test_a_record_comes_back_from_json():
    """And of two of one run the later one counts."""
    early = RunRecord(run=1, began=0.5, seconds=2.0, total=None)
    late = replace(early, seconds=3.0, ended=True, ended_by="SIGTERM")
    assert [read_record(write_record(each)) for each in (early, late)] == [early, late]
    assert further(None, early) == early
    assert further(early, late) == further(late, early) == late
