"""The file of a batch: what is refused, what is left as it is, and what a full disk does."""

import asyncio
import errno
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from llm_composition_patterns import BatchError, Failure, Success, read_results, run_batch

NOBODY = 65_534
"""The number of the user whom nothing belongs to."""


class Paper(BaseModel):
    title: str


async def work(item: int) -> str:
    """A step."""
    return f"result of {item}"


async def other(item: int) -> str:
    """Another one."""
    return f"other result of {item}"


async def paper(item: int) -> Paper:
    """A step with a type."""
    if item == 2:
        raise ValueError("no title")
    return Paper(title=f"paper {item}")


async def batch(store, step=work, items=3, **settings):
    return await run_batch(step, range(items), store=store, key=str, **settings)


def everything(directory):
    """What is in each file of a directory, but locks."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix != ".lock"}


def killed(directory):
    """A batch whose process died, so that its log was not tidied up."""
    program = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_batch_files import batch, work

async def die(item):
    if item == 2:
        os._exit(9)
    return await work(item)

asyncio.run(batch("batch.db", die, step_name="test_batch_files:work", max_concurrency=1))
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program], cwd=directory, env=environ, check=False)
    assert run.returncode == 9
    assert (directory / "batch.db-wal").exists()


async def test_results_are_read_in_the_order_of_their_items(tmp_path):
    """With their keys, their type and their failures."""
    await batch(tmp_path / "batch.db", paper, 4)
    outcomes = [outcome async for outcome in read_results(tmp_path / "batch.db", output=Paper)]
    assert [(outcome.index, outcome.key) for outcome in outcomes] == [(0, "0"), (1, "1"), (2, "2"), (3, "3")]
    assert [outcome.value.title for outcome in outcomes if isinstance(outcome, Success)] == [
        "paper 0",
        "paper 1",
        "paper 3",
    ]
    (failure,) = (outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert (failure.kind, str(failure.error)) == ("error", "ValueError: no title")


async def test_results_of_many_pages_are_read_to_the_end(tmp_path):
    """Without a type they are plain JSON."""
    await batch(tmp_path / "batch.db", items=200)
    values = [outcome.value async for outcome in read_results(str(tmp_path / "batch.db"))]
    assert values == [f"result of {number}" for number in range(200)]


async def test_a_value_of_another_type_is_an_error_that_names_the_item(tmp_path):
    """Where it is read."""
    await batch(tmp_path / "batch.db")
    with pytest.raises(BatchError, match=r"the value of '0' in .* is not of the type that output= names"):
        async for _ in read_results(tmp_path / "batch.db", output=Paper):
            pass


async def test_values_that_are_damaged_are_an_error_where_they_are_read(tmp_path):
    """Nothing is made up."""
    await batch(tmp_path / "batch.db", items=2000)
    whole = bytearray((tmp_path / "batch.db").read_bytes())
    whole[50_000:] = b"\xff" * (len(whole) - 50_000)
    (tmp_path / "batch.db").write_bytes(whole)
    with pytest.raises(BatchError, match="malformed"):
        async for _ in read_results(tmp_path / "batch.db"):
            pass


async def test_a_batch_may_be_read_while_it_runs(tmp_path):
    """What is finished by then."""
    seen = []

    async def look(item):
        if item == 2:
            seen.extend([outcome.key async for outcome in read_results(tmp_path / "batch.db")])
        return item

    await batch(tmp_path / "batch.db", look, step_name="look", max_concurrency=1)
    assert seen == ["0", "1"]


async def test_a_killed_batch_can_be_read(tmp_path):
    """Its log is read with it."""
    killed(tmp_path)
    assert [outcome.key async for outcome in read_results(tmp_path / "batch.db")] == ["0", "1"]


async def test_a_killed_batch_is_found_by_a_link(tmp_path):
    """What it recorded last lies beside the file, not beside the link."""
    (tmp_path / "run").mkdir()
    killed(tmp_path / "run")
    (tmp_path / "link.db").symlink_to(tmp_path / "run" / "batch.db")
    with pytest.raises(BatchError, match="holds another batch"):
        await batch(tmp_path / "link.db", other)
    assert (await batch(tmp_path / "link.db")).executed == 1


async def test_another_fingerprint_is_refused_and_the_files_are_untouched(tmp_path):
    """Byte by byte, with the way out."""
    killed(tmp_path)
    before = everything(tmp_path)
    told = r"holds another batch: step 'test_batch_files:work' and not 'test_batch_files:other'.*force=True \(--force\)"
    with pytest.raises(BatchError, match=told):
        await batch(tmp_path / "batch.db", other)
    found = everything(tmp_path)
    assert {name: found[name] for name in ("batch.db", "batch.db-wal")} == {
        name: before[name] for name in ("batch.db", "batch.db-wal")
    }


async def test_a_finished_batch_of_another_fingerprint_is_untouched(tmp_path):
    """And nothing is left beside it."""
    await batch(tmp_path / "batch.db")
    before = everything(tmp_path)
    for settings in ({"step": other}, {"version": "2"}, {"output": int}):
        with pytest.raises(BatchError, match="holds another batch"):
            await batch(tmp_path / "batch.db", **settings)
    assert everything(tmp_path) == before
    assert [*before] == ["batch.db"]


async def test_force_goes_on_with_another_fingerprint(tmp_path):
    """What is there is kept, and from then on it is the batch of the new one."""
    await batch(tmp_path / "batch.db", items=2)
    report = await batch(tmp_path / "batch.db", other, force=True)
    assert (report.executed, report.counts["succeeded"]) == (1, 3)
    assert (await batch(tmp_path / "batch.db", other)).executed == 0
    values = [outcome.value async for outcome in read_results(tmp_path / "batch.db")]
    assert values == ["result of 0", "result of 1", "other result of 2"]


async def test_what_changes_no_result_may_differ(tmp_path):
    """Concurrency, time limits, names."""
    await batch(tmp_path / "batch.db")
    report = await batch(tmp_path / "batch.db", max_concurrency=3, drain_timeout=1.0, name="again", max_attempts=2)
    assert report.executed == 0


def text_file(path):
    path.write_text("title,year\n" * 1000)


def foreign_database(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE papers (title)")
        connection.commit()


def truncated(path):
    asyncio.run(batch(path, items=500))
    path.write_bytes(path.read_bytes()[:20_000])


def garbled(path):
    asyncio.run(batch(path, items=500))
    whole = bytearray(path.read_bytes())
    whole[100:4096] = b"\xff" * 3996
    path.write_bytes(whole)


def nameless(path):
    asyncio.run(batch(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM batch")
        connection.commit()


def of_another_version(path):
    asyncio.run(batch(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


UNUSABLE = {
    "a text file": (text_file, "file is not a database"),
    "a foreign database": (foreign_database, "is an SQLite file, but no batch of this package: give another path"),
    "a truncated file": (truncated, "malformed"),
    "a garbled file": (garbled, "malformed"),
    "a file without a name": (nameless, "is damaged: it does not say what batch it holds"),
    "a file of another version": (of_another_version, "another version of this package (schema 99, not 1)"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_is_no_batch_is_refused_and_untouched(tmp_path, case):
    """Also with force."""
    make, told = UNUSABLE[case]
    make(tmp_path / "batch.db")
    before = everything(tmp_path)
    for force in (False, True):
        with pytest.raises(BatchError, match=re.escape(told)):
            asyncio.run(batch(tmp_path / "batch.db", force=force))
    assert everything(tmp_path) == before


async def test_an_empty_file_becomes_a_batch(tmp_path):
    """As `mktemp` makes it."""
    (tmp_path / "batch.db").touch()
    assert (await batch(tmp_path / "batch.db")).counts["succeeded"] == 3


async def test_a_directory_is_no_store(tmp_path):
    """And nothing is left beside it."""
    (tmp_path / "batch").mkdir()
    with pytest.raises(BatchError, match="batch is a directory: give the path of a file"):
        await batch(tmp_path / "batch")
    assert [path.name for path in tmp_path.iterdir()] == ["batch"]


async def test_a_directory_that_is_missing_is_named(tmp_path):
    """It is not made: it may be a slip."""
    with pytest.raises(BatchError, match=r"cannot be written: No such file or directory: .*missing"):
        await batch(tmp_path / "missing" / "batch.db")


@pytest.fixture
def as_anybody():
    """Permissions hold, also where root runs the tests; gives a directory that everybody reaches."""
    asyncio.run(batch(Path(directory := tempfile.mkdtemp(dir="/tmp")) / "warm.db"))  # what it imports may be root's
    shutil.rmtree(directory)
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(NOBODY)
        yield directory
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(directory)


@pytest.mark.parametrize("existing", [False, True])
def test_a_directory_that_cannot_be_written_is_an_error(as_anybody, existing):
    """With a batch in it and without; what is in it is as it was."""
    directory = as_anybody / "batch"
    directory.mkdir()
    if existing:
        asyncio.run(batch(directory / "batch.db"))
    before = everything(directory)
    directory.chmod(0o555)
    try:
        with pytest.raises(BatchError, match=re.escape("batch.db cannot be")):
            asyncio.run(batch(directory / "batch.db", items=4))
        assert everything(directory) == before
    finally:
        directory.chmod(0o755)


def test_a_file_that_cannot_be_written_is_an_error(as_anybody):
    """And it is untouched."""
    store = as_anybody / "batch.db"
    asyncio.run(batch(store))
    before = store.read_bytes()
    store.chmod(0o444)
    with pytest.raises(BatchError, match="cannot be used"):
        asyncio.run(batch(store, items=4))
    assert store.read_bytes() == before


@pytest.mark.parametrize("make", [None, Path.touch, text_file, foreign_database])
async def test_results_of_what_is_no_batch_are_an_error(tmp_path, make):
    """That says what it is."""
    if make:
        make(tmp_path / "batch.db")
    with pytest.raises(BatchError, match=r"there is no store|is empty|not a database|no batch of this package"):
        async for _ in read_results(tmp_path / "batch.db"):
            pass


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


async def test_a_batch_on_a_disk_that_cannot_be_written_is_read(small_disk):
    """As it was brought there, without the files that lie beside a batch that runs."""
    await batch(small_disk / "batch.db")
    assert [path.name for path in small_disk.iterdir() if path.suffix != ".lock"] == ["batch.db"]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert [outcome.key async for outcome in read_results(small_disk / "batch.db")] == ["0", "1", "2"]


async def test_a_full_disk_is_an_error_and_loses_nothing(small_disk):
    """What was recorded is there, and the batch goes on when there is room again."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)

    async def large(item):
        return "x" * 50_000

    settings = {"step_name": "large", "max_concurrency": 4}
    with pytest.raises(BatchError, match=r"disk is full.*mend that .* and run the same batch again"):
        await batch(small_disk / "batch.db", large, 30, **settings)
    ballast.unlink()
    kept = [outcome async for outcome in read_results(small_disk / "batch.db")]
    assert 0 < len(kept) < 30
    report = await batch(small_disk / "batch.db", large, 20, **settings)
    assert report.counts["succeeded"] == 20
    assert report.executed == 20 - len(kept)


@contextmanager
def no_file_above(size):
    """No file may grow beyond so many bytes: to whoever writes that is like a full disk, and it needs no mount."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_file_that_cannot_grow_is_an_error_and_loses_nothing(tmp_path):
    """As a full disk, wherever these tests run."""

    async def large(item):
        return "x" * 50_000

    settings = {"step_name": "large", "max_concurrency": 4}
    with no_file_above(1_000_000), pytest.raises(BatchError, match=r"mend that .* and run the same batch again"):
        await batch(tmp_path / "batch.db", large, 30, **settings)
    kept = [outcome async for outcome in read_results(tmp_path / "batch.db")]
    assert 0 < len(kept) < 30
    report = await batch(tmp_path / "batch.db", large, 30, **settings)
    assert (report.counts["succeeded"], report.executed) == (30, 30 - len(kept))


async def test_a_disk_that_is_full_from_the_start_is_an_error(small_disk):
    """Nothing can be made."""
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (small_disk / "ballast").write_bytes(b"x" * 4_000_000)
    with pytest.raises(BatchError, match="cannot be"):
        await batch(small_disk / "batch.db")


async def test_a_run_that_is_cancelled_while_it_opens_keeps_nothing(tmp_path):
    """The store is free for the next one."""
    for turns in range(5):
        running = asyncio.ensure_future(batch(tmp_path / "batch.db"))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (await batch(tmp_path / "batch.db")).counts["succeeded"] == 3
