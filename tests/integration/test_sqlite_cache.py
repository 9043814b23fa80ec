"""The file in which results are kept: other processes, crashes, and files that are none."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llm_composition_patterns import ConfigurationError, SqliteCache, parallelize, with_cache

WRITER = """
import asyncio, sys
from llm_composition_patterns import SqliteCache

async def write(path, name, number):
    store = SqliteCache(path)
    for at in range(number):
        await store.put(f"{name} {at}", f"{name} {at} " + "x" * 2_000)
        await store.put("shared", f"{name} {at} " + "x" * 2_000)
        print(at, flush=True)

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def writer(path: Path, name: str, number: int) -> "subprocess.Popen[str]":
    """A process that writes that many entries, and a line after each."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, str(path), name, str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )


def test_processes_make_and_write_one_file_at_the_same_time(tmp_path):
    """Nothing is lost, and nobody is told that the file is locked."""
    path = tmp_path / "cache.sqlite"
    processes = [writer(path, name, 100) for name in "abcd"]
    for process in processes:
        _, complaint = process.communicate(timeout=50)
        assert (process.returncode, complaint) == (0, "")
    connection = sqlite3.connect(path)
    kept = dict(connection.execute("SELECT key, text FROM entries"))
    connection.close()
    assert set(kept) == {f"{name} {at}" for name in "abcd" for at in range(100)} | {"shared"}
    assert kept["shared"].split(" ")[1] == "99"


def test_a_killed_process_loses_nothing_that_it_had_put(tmp_path):
    """What was put before kill -9 is there, whole, and the file is written on."""
    path = tmp_path / "cache.sqlite"
    process = writer(path, "a", 100_000)
    assert process.stdout is not None
    last = [int(process.stdout.readline()) for _ in range(50)][-1]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)

    async def look() -> None:
        async with SqliteCache(path) as store:
            texts = [await store.get(f"a {at}") for at in range(last + 1)]
            assert texts == [f"a {at} " + "x" * 2_000 for at in range(last + 1)]
            await store.put("more", "text")
            assert await store.get("more") == "text"

    asyncio.run(look())
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def used(path: Path | str) -> None:
    """Open the file and put something into it."""

    async def use() -> None:
        async with SqliteCache(path) as store:
            await store.put("a", "one")

    asyncio.run(use())


def foreign(path: Path) -> None:
    """Somebody else's database."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE invoices (number INTEGER)")
    connection.close()


def from_the_future(path: Path) -> None:
    """A cache of another version of this package."""
    used(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()


def damaged(path: Path) -> None:
    """A cache whose pages were overwritten."""
    used(path)
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda path: path.write_text("not a database, but a text of some length " * 40), "file is not a database"),
        (foreign, "is an SQLite file, but no cache of this package: give another path"),
        (from_the_future, r"written by another version of this package \(schema 7, not 1\)"),
        (damaged, "cannot be used .*if the file is damaged, delete it"),
        (lambda path: path.mkdir(), "unable to open database file"),
        (Path.touch, None),
    ],
)
def test_a_file_that_is_no_cache_is_said_so_in_a_line(make, match, tmp_path):
    """And it is left as it was; an empty one is taken."""
    path = tmp_path / "cache.sqlite"
    make(path)
    if match is None:
        used(path)
        assert path.stat().st_size > 0
        return
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigurationError, match=match) as caught:
        used(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before


def test_a_missing_directory_is_said_so_in_a_line(tmp_path):
    """It is not made."""
    with pytest.raises(ConfigurationError, match="unable to open database file"):
        used(tmp_path / "nowhere" / "cache.sqlite")


def test_an_error_while_it_is_used_is_said_so_in_a_line(tmp_path):
    """A table that somebody took away in the meantime."""

    async def use() -> None:
        async with SqliteCache(tmp_path / "cache.sqlite") as store:
            connection = sqlite3.connect(tmp_path / "cache.sqlite")
            connection.execute("DROP TABLE entries")
            connection.close()
            with pytest.raises(ConfigurationError, match="no such table"):
                await store.get("a")

    asyncio.run(use())


def test_a_file_that_stays_locked_is_waited_for_and_then_said_so(tmp_path, monkeypatch):
    """A process that never lets go does not hang everybody else for ever."""
    monkeypatch.setattr("llm_composition_patterns.steps._sqlite_cache.PATIENCE", 0.2)
    path = tmp_path / "cache.sqlite"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigurationError, match="database is locked"):
        used(path)
    holder.execute("ROLLBACK")
    holder.close()
    used(path)


def test_a_file_whose_lock_is_given_back_is_opened(tmp_path, monkeypatch):
    """SQLite may refuse at once to change to the write-ahead log; it is asked again."""
    from llm_composition_patterns.steps import _sqlite_cache  # noqa: PLC0415

    connected, refusals = _sqlite_cache._connected, [None, None]

    def refusing(path: Path) -> sqlite3.Connection:
        if refusals:
            refusals.pop()
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return connected(path)

    monkeypatch.setattr(_sqlite_cache, "_connected", refusing)
    used(tmp_path / "cache.sqlite")
    assert refusals == []


def test_the_file_is_closed_with_the_loop(tmp_path):
    """Without `async with` no thread and no open file is left."""

    async def use() -> str | None:
        store = SqliteCache(tmp_path / "cache.sqlite")
        await store.put("a", "one")
        return await store.get("a")

    assert asyncio.run(use()) == "one"
    left = [thread for thread in threading.enumerate() if "the cache" in thread.name]
    for thread in left:
        thread.join(10)  # it has told the loop of its end, and may be at its last instruction
    assert not any(thread.is_alive() for thread in left)
    assert not (tmp_path / "cache.sqlite-wal").exists()


def test_a_closed_file_may_be_used_again(tmp_path):
    """It is opened once more, and closing it twice does no harm."""

    async def use() -> str | None:
        async with SqliteCache(tmp_path / "cache.sqlite") as store:
            await store.put("a", "one")
            await store.__aexit__(None, None, None)
        return await store.get("a")

    assert asyncio.run(use()) == "one"


def test_a_second_run_pays_for_nothing(tmp_path):
    """Results outlive the process's loop, the wrapper and the store."""
    calls = []

    async def shout(text: str) -> str:
        calls.append(text)
        return text.upper()

    async def run() -> list[str]:
        async with SqliteCache(tmp_path / "cache.sqlite") as store:
            cached = with_cache(shout, store=store, key=lambda text: text)
            return await parallelize(cached, ["a", "b", "a", "c"])

    assert asyncio.run(run()) == asyncio.run(run()) == ["A", "B", "A", "C"]
    assert sorted(calls) == ["a", "b", "c"]


def test_the_path_must_be_one():
    """A number is none."""
    with pytest.raises(TypeError):
        SqliteCache(5)  # type: ignore[arg-type]
