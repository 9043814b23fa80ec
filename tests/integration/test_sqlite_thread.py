"""The thread that talks to a batch's database."""

import asyncio
import sqlite3
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_composition_patterns import BatchError
from llm_composition_patterns.batch._sqlite_thread import SqliteThread

PATH = Path("batch.db")


@contextmanager
def opened():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE told (what)")
    yield connection
    connection.close()


def say(what):
    return lambda db: db.execute("INSERT INTO told VALUES (?)", (what,))


def told(db):
    return [what for (what,) in db.execute("SELECT what FROM told")]


@pytest.fixture
def finished():
    return []


@pytest.fixture
async def thread(finished):
    made = SqliteThread(opened, PATH, finish=finished.append)
    yield made
    await made.aclose()


async def test_what_is_asked_for_in_one_turn_is_one_group(thread, finished):
    """One transaction, with one last job."""
    await asyncio.gather(*(thread.do(say(number)) for number in range(100)))
    assert len(finished) == 1
    assert await thread.do(told) == [*range(100)]


async def test_jobs_are_done_in_their_order_whoever_waits(thread):
    """Also those whose caller was cancelled."""
    writes = [thread.do(say(number)) for number in range(3)]
    writes[1].cancel()
    assert await thread.do(told) == [0, 1, 2]


async def test_a_job_that_fails_takes_its_group_and_all_that_follow_with_it(thread):
    """Nothing of the group is kept, and every one of them says why."""
    await thread.do(say("before"))
    jobs = [thread.do(say("beside")), thread.do(lambda db: db.execute("nothing")), thread.do(told)]
    found = await asyncio.gather(*jobs, return_exceptions=True)
    found += await asyncio.gather(thread.do(told), return_exceptions=True)
    assert [type(error) for error in found] == [BatchError] * 4
    assert 'near "nothing": syntax error' in str(found[-1])
    assert isinstance(found[-1].__cause__, sqlite3.Error)


async def test_what_was_asked_for_is_done_before_it_closes():
    """Without anybody who waits."""
    seen = []
    thread = SqliteThread(opened, PATH, finish=lambda _: None)
    thread.do(say("last"))
    thread.do(lambda db: seen.extend(told(db)))
    await thread.aclose()
    await thread.aclose()
    assert seen == ["last"]


async def test_a_closed_store_refuses():
    """Instead of hanging."""
    thread = SqliteThread(opened, PATH, finish=lambda _: None)
    closing = asyncio.ensure_future(thread.aclose())
    await asyncio.sleep(0)
    with pytest.raises(BatchError, match=r"the store batch\.db is closed"):
        await thread.do(told)
    await closing


async def test_a_caller_that_is_cancelled_while_it_closes_is_cancelled_afterwards():
    """When everything was written."""
    seen = []

    @contextmanager
    def watched():
        with opened() as connection:
            yield connection
        seen.append("closed")

    thread = SqliteThread(watched, PATH, finish=lambda _: None)
    thread.do(say("last"))
    closing = asyncio.ensure_future(thread.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert seen == ["closed"]


async def test_a_database_that_cannot_be_opened_is_told_to_everybody():
    """And it closes all the same."""

    @contextmanager
    def broken():
        raise BatchError("no such disk")
        yield

    thread = SqliteThread(broken, PATH, finish=lambda _: None)
    for _ in range(2):
        with pytest.raises(BatchError, match="no such disk"):
            await thread.do(told)
    await thread.aclose()
