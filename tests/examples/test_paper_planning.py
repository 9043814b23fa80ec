"""Paper translation before and while it runs: `plan`, `watch` and `sweep`."""

import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from examples.paper_translation.__main__ import main
from examples.paper_translation._sweep import case
from examples.paper_translation._watch import lines
from llm_composition_patterns.batch import RunRecord, StoreStatus
from llm_composition_patterns.batch.planning import PAPERS as ARCHIVE
from llm_composition_patterns.batch.planning import STRATEGIES, plan, rehearse
from llm_composition_patterns.testing import run_in_virtual_time
from llm_composition_patterns.usage import NO_USAGE

ROOT = Path(__file__).resolve().parents[2]
PAPERS = str(ROOT / "data" / "papers")
RUNNING = RunRecord(run=2, began=100.0, seconds=60.0, workers=9, total=34, before=4, started=20, done=10, busy=300.0)
STATUS = StoreStatus(
    fingerprint={},
    counts={"succeeded": 13, "failed": 1, "pending": 2, "abandoned": 0},
    waiting={"timeout": 2},
    possibly_repeated=(),
    spent=NO_USAGE,
    last_run=2,
    executed=10,
)


@pytest.fixture
def run(capsys):
    """Runs a command; its code, what was printed, and what was said."""

    def ran(*argv):
        code = main([*map(str, argv)])
        return code, *capsys.readouterr()

    return ran


def test_a_plan_says_how_long_an_archive_takes(run, tmp_path):
    """As long as the original's papers took, where nothing was measured; and what it costs."""
    code, out, err = run("plan", PAPERS, "--limit", 50, "--workers", 10, "--store", tmp_path / "none.db", "--json")
    told = json.loads(out)
    assert (code, told["papers"], told["seconds_per_paper"], told["planned"]["done"]) == (0, 50, 360.0, 50)
    assert told["planned"]["hours"] == pytest.approx(0.545, rel=0.05)
    assert "as the original measured" in err


def test_a_plan_takes_the_times_that_were_measured(run, tmp_path):
    """By the store of an earlier run."""
    store = tmp_path / "a.db"
    run("run", PAPERS, "--limit", 3, "--store", store, "--model", "simulated:x", "--trace", "off")
    _, out, err = run("plan", PAPERS, "--store", store, "--json")
    assert f"as measured in {store}" in err
    assert 0 < json.loads(out)["seconds_per_paper"] < 60


def test_a_plan_without_papers_is_refused(run, tmp_path):
    """In one line."""
    (tmp_path / "bad.jsonl").write_text("{}\n")
    code, _, err = run("plan", tmp_path / "bad.jsonl")
    assert (code, err) == (2, "error: there is no paper to plan for: give an archive that has some\n")


def test_a_run_is_watched():
    """How far it has come, how fast, what is left, and what waits."""
    assert lines(STATUS, RUNNING, now=163.0) == [
        "papers: 14 of 34 (41.2%) finished, 1 failed, 2 wait (2 timeout), 10 in flight",
        "pace: 600 an hour, about 2 min 00 s left",
        "cost: $0.0000, $0.000000 a paper",
        "run 2: for 60.0 s, as it told 3.00 s ago",
    ]


def test_a_run_that_was_stopped_says_how_to_go_on():
    """And by what it was."""
    stopped = replace(RUNNING, ended=True, ended_by="SIGTERM")
    told = "run 2: stopped after 60.0 s (SIGTERM); the same command goes on with the rest"
    assert lines(STATUS, stopped, now=500.0)[-1] == told


def test_a_stopped_store_is_watched_once(run, tmp_path):
    """Then there is nothing to wait for; a run whose process is gone has died."""
    store = tmp_path / "a.db"
    run("run", PAPERS, "--limit", 3, "--store", store, "--model", "simulated:x", "--trace", "off")
    code, out, _ = run("watch", PAPERS, "--store", store)
    assert (code, out.splitlines()[0]) == (0, "papers: 3 of 69 (4.3%) finished, 0 failed")
    with sqlite3.connect(store) as db:
        db.execute("UPDATE batch SET value = replace(value, '\\\"ended\\\":true', '\\\"ended\\\":false')")
    Path(f"{store}.lock").unlink()
    told = json.loads(run("watch", "--store", store, "--json")[1])["run"]
    assert (told["ended"], told["ended_by"]) == (True, "its process died")


def test_the_sweep_stands_beside_what_was_published(run):
    """Each strategy with both; the README has the same."""
    code, out, _ = run("sweep", "--plan-only")
    readme = (ROOT / "examples/paper_translation/README.md").read_text()
    rows = [line.rstrip() for line in out.splitlines()[2:]]
    assert (code, len(rows)) == (0, 8)
    flat = re.sub(r"\s+", " ", readme)
    assert [re.sub(r"\s+", " ", row).strip() in flat for row in rows] == [True] * 8


@pytest.mark.parametrize("strategy", STRATEGIES[2:3], ids=lambda each: each.name)
def test_the_rehearsal_agrees_with_the_plan(strategy):
    """On a fifth of the archive, within 10 %, and on what holds it up."""
    given = case(strategy, ARCHIVE // 5)
    planned, rehearsed = plan(given), run_in_virtual_time(rehearse(given))
    assert rehearsed.seconds == pytest.approx(planned.seconds, rel=0.1)
    assert rehearsed.binds == planned.binds
