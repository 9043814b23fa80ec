"""Shards of a batch: run as processes, and their stores joined."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from llm_composition_patterns import BatchError, Failure, ModelUnavailable, ask, once, run_batch
from llm_composition_patterns.batch import Shard, iter_results, merge_stores, read_status
from llm_composition_patterns.batch._lock import StoreLock
from llm_composition_patterns.testing import ScriptedModel

HERE = Path(__file__).parent
ITEMS = 200
PROGRAM = [sys.executable, str(HERE / "shard_program.py"), str(ITEMS)]


async def work(item):
    """A step."""
    return f"result of {item}"


def shard(store, share, step=work, items=40, **settings):
    """Run a share of a batch."""
    kept = (item for item in range(items) if Shard.parse(share).keeps(str(item)))
    return asyncio.run(run_batch(step, kept, store=store, key=str, step_name="work", **settings))


def dump(store):
    """Everything in a store."""
    with closing(sqlite3.connect(store)) as db:
        return list(db.iterdump())


def reached(counts):
    return {state: number for state, number in counts.items() if number}


def values(store):
    return {outcome.key: outcome.value for outcome in iter_results(store) if not isinstance(outcome, Failure)}


@pytest.fixture
def shards(tmp_path):
    """Runs `llm-patterns batch shards` in a directory of its own."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(*arguments, **settings):
        command = [sys.executable, "-m", "llm_composition_patterns", "batch", "shards", "all.db", *arguments]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.timeout(240)
def test_twenty_shards_as_processes_are_the_whole_batch(shards, tmp_path):
    """Each item once, with its value; run and merged again they change nothing."""
    done = shards("--jobs", "20", "--json", "--", *PROGRAM)
    out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    assert reached(json.loads(out)["counts"]) == {"succeeded": ITEMS}
    assert values(tmp_path / "all.db") == {str(item): f"result of {item}" for item in range(ITEMS)}
    stores = sorted((tmp_path / "all.db.shards").glob("*.db"))
    assert len(stores) == 20
    assert sum(read_status(store).counts["succeeded"] for store in stores) == ITEMS
    before = dump(tmp_path / "all.db")
    merge_stores(tmp_path / "all.db", stores)
    assert dump(tmp_path / "all.db") == before


@pytest.mark.timeout(120)
def test_a_shard_that_fails_is_named_and_the_rest_merged(shards, tmp_path):
    """Where it was broken, and where an item was bad; the exit code is 3."""
    bad = next(str(item) for item in range(ITEMS) if Shard(1, 3).keeps(str(item)))
    done = shards("--jobs", "3", "--json", "--", *PROGRAM, BAD=bad, BROKEN="2/3")
    out, err = done.communicate()
    assert done.returncode == 3
    assert "shard 1/3 ended with code 3: " in err
    assert "shard 2/3 ended with code 2: " in err
    missing = sum(Shard(2, 3).keeps(str(item)) for item in range(ITEMS))
    assert reached(json.loads(out)["counts"]) == {"failed": 1, "succeeded": ITEMS - missing - 1}
    assert {outcome.key for outcome in iter_results(tmp_path / "all.db") if isinstance(outcome, Failure)} == {bad}


def test_a_command_that_cannot_be_run_is_one_line_each(shards, tmp_path):
    """And no store is made."""
    done = shards("--jobs", "2", "--", "no-such-program")
    out, err = done.communicate()
    assert (done.returncode, out) == (1, "")
    assert sorted(err.splitlines()) == [
        "no shard has made a store: see what they said, or try the command by itself with --shard 1/2",
        "shard 1/2 cannot be run: no-such-program: No such file or directory",
        "shard 2/2 cannot be run: no-such-program: No such file or directory",
    ]
    assert not (tmp_path / "all.db").exists()


def test_a_stop_reaches_the_shards(shards, tmp_path):
    """Each is told by SIGTERM and waited for; nothing is merged."""
    waiting = "import os, pathlib, time; pathlib.Path(f'{os.getpid()}.pid').touch(); time.sleep(60)"
    run = shards("--jobs", "2", "--at-once", "2", "--", sys.executable, "-c", waiting)
    while len(started := list(tmp_path.glob("*.pid"))) < 2:
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    run.communicate()
    assert run.returncode == 143
    for file in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.stem), 0)
    assert not (tmp_path / "all.db").exists()


def test_what_is_merged_is_gone_on_with(tmp_path):
    """A run of the whole batch with the merged store executes nothing finished."""
    for number in (1, 2):
        shard(tmp_path / f"{number}.db", f"{number}/3")
    status = merge_stores(tmp_path / "all.db", [tmp_path / "1.db", tmp_path / "2.db"])
    report = shard(tmp_path / "all.db", "1/1")
    assert report.executed == 40 - status.counts["succeeded"]
    assert report.counts["succeeded"] == 40


def test_a_shard_that_went_on_is_merged_again(tmp_path):
    """What failed before and is done now is done, in its place."""

    async def fail(item):
        raise ValueError("not yet")

    stores = [tmp_path / "1.db", tmp_path / "2.db"]
    shard(stores[0], "1/2", fail)
    shard(stores[1], "2/2")
    assert merge_stores(tmp_path / "all.db", stores).counts["failed"] > 0
    shard(stores[0], "1/2", retry=("failed",))
    assert merge_stores(tmp_path / "all.db", stores).counts["succeeded"] == 40
    assert values(tmp_path / "all.db") == {str(item): f"result of {item}" for item in range(40)}


def test_what_was_spent_is_counted_once_for_each_store(tmp_path):
    """However often they are merged, in one step or two, and with what the merged store spends itself."""
    stores = [tmp_path / "1.db", tmp_path / "2.db"]

    async def paid(item):
        return await ask(ScriptedModel("y"), f"translate {item}")

    for number, store in enumerate(stores, 1):
        shard(store, f"{number}/3", paid)
    used = sum(read_status(store).spent.calls for store in stores)
    assert 0 < used < 40
    for _ in range(2):
        assert merge_stores(tmp_path / "all.db", stores).spent.calls == used
    shard(tmp_path / "all.db", "3/3", paid)
    assert merge_stores(tmp_path / "all.db", stores).spent.calls == 40
    merge_stores(tmp_path / "above.db", [tmp_path / "all.db", stores[0]])
    assert read_status(tmp_path / "above.db").spent.calls == 40


def test_paid_steps_of_unfinished_items_are_merged(tmp_path):
    """The next run takes them from the merged store."""
    paid = []

    async def part(item):
        paid.append(item)
        return item

    async def interrupted(item):
        await once(part, item, key="part")
        raise ModelUnavailable("later")

    async def whole(item):
        return await once(part, item, key="part")

    shard(tmp_path / "1.db", "1/1", interrupted, items=3)
    assert merge_stores(tmp_path / "all.db", [tmp_path / "1.db"]).counts["pending"] == 3
    report = shard(tmp_path / "all.db", "1/1", whole, items=3)
    assert (report.counts["succeeded"], sorted(paid)) == (3, [0, 1, 2])


def test_stores_of_different_batches_are_refused(tmp_path):
    """Naming what differs; nothing is made, and what was there is as it was."""
    one, other = tmp_path / "1.db", tmp_path / "2.db"
    shard(one, "1/2", version="a")
    shard(other, "2/2", version="b")
    with pytest.raises(BatchError, match=r"2\.db holds another batch than .*1\.db: version 'b' and not 'a'"):
        merge_stores(tmp_path / "all.db", [one, other])
    assert not list(tmp_path.glob("all.db*"))
    before = dump(one)
    with pytest.raises(BatchError, match=r"holds another batch than"):
        merge_stores(one, [other])
    assert dump(one) == before


def test_a_missing_store_is_refused_before_anything_is_made(tmp_path):
    """Also where the others are there."""
    shard(tmp_path / "1.db", "1/2")
    with pytest.raises(BatchError, match=r"there is no store .*2\.db: nothing was merged"):
        merge_stores(tmp_path / "all.db", [tmp_path / "1.db", tmp_path / "2.db"])
    assert not list(tmp_path.glob("all.db*"))


@pytest.mark.parametrize("used", ["1.db", "all.db"])
def test_a_store_in_use_is_refused(tmp_path, used):
    """Whether it is read or written, naming who has it."""
    shard(tmp_path / "1.db", "1/2")
    merge_stores(tmp_path / "all.db", [tmp_path / "1.db"])
    lock = StoreLock.taken(tmp_path / used)
    with pytest.raises(BatchError, match=rf"{used} is in use by process {os.getpid()} on "):
        merge_stores(tmp_path / "all.db", [tmp_path / "1.db"])
    lock.release()
    assert merge_stores(tmp_path / "all.db", [tmp_path / "1.db"]).counts["succeeded"] > 0


def test_a_store_is_not_merged_into_itself(tmp_path):
    """By whatever path it is named."""
    shard(tmp_path / "1.db", "1/2")
    with pytest.raises(BatchError, match="cannot be merged into itself"):
        merge_stores(tmp_path / "1.db", [tmp_path / ".." / tmp_path.name / "1.db"])


@pytest.mark.parametrize("known", [False, True])
def test_a_damaged_store_leaves_nothing_half_done(tmp_path, known):
    """Neither a new store nor half of what the others have."""
    for number in (1, 2):
        shard(tmp_path / f"{number}.db", f"{number}/2")
    if known:
        shard(tmp_path / "all.db", "3/7")
    before = dump(tmp_path / "all.db") if known else None
    with closing(sqlite3.connect(tmp_path / "2.db", isolation_level=None)) as db:
        db.execute("DROP TABLE steps")
    with pytest.raises(BatchError, match="cannot be used"):
        merge_stores(tmp_path / "all.db", [tmp_path / "1.db", tmp_path / "2.db"])
    assert (dump(tmp_path / "all.db") if known else None) == before
    assert (tmp_path / "all.db").exists() is known


def test_stores_are_only_read(tmp_path):
    """From a directory that has nothing else, and gets nothing else."""
    source = tmp_path / "downloaded" / "1.db"
    shard(tmp_path / "1.db", "1/2")
    source.parent.mkdir()
    source.write_bytes((tmp_path / "1.db").read_bytes())
    before = source.read_bytes()
    merge_stores(tmp_path / "all.db", [source, source])
    assert [*source.parent.iterdir()] == [source]
    assert source.read_bytes() == before


def test_what_was_in_flight_when_a_shard_died_is_not_lost(tmp_path):
    """It is executed by the next run of the merged store, and said to be perhaps paid twice."""
    shard(tmp_path / "1.db", "1/1", items=3)
    with closing(sqlite3.connect(tmp_path / "1.db")) as db, db:
        db.execute("UPDATE items SET state = 'running' WHERE key = '1'")
    assert merge_stores(tmp_path / "all.db", [tmp_path / "1.db"]).counts["running"] == 1
    report = shard(tmp_path / "all.db", "1/1", items=3)
    assert (report.executed, report.possibly_repeated) == (1, ("1",))
    assert reached(report.counts) == {"succeeded": 3}
