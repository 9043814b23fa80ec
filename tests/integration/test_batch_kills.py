"""Batches in processes that are killed, stopped and started twice."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_chaos import rehearse

pytestmark = pytest.mark.timeout(180)  # each process starts Python

PROGRAM = Path(__file__).with_name("batch_program.py")


@pytest.fixture
def start(tmp_path, clean_environ):
    """Start the program; killed after the test."""
    processes = []

    def started(*line, seconds=0.01, **settings):
        environ = clean_environ | {"SECONDS_AN_ITEM": str(seconds), "SETTINGS": json.dumps(settings)}
        command = [sys.executable, *(line or (str(PROGRAM), "batch.db", "300"))]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, cwd=tmp_path, env=environ, **pipes))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def ledger(directory):
    path = directory / "ledger"
    return path.read_text().splitlines() if path.exists() else []


def wait_for(directory, lines, within=30.0):
    until = time.monotonic() + within
    while len(ledger(directory)) < lines:
        assert time.monotonic() < until
        time.sleep(0.01)


def ended(process):
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out) if out.startswith("{") else out


async def test_a_batch_that_is_killed_at_random_moments_is_finished_in_the_end(tmp_path):
    """Nothing lost, nothing finished executed again, and what was repeated is reported; a server is the witness."""
    found = await rehearse(tmp_path / "batch.db", items=300, signals=[signal.SIGKILL] * 4, seed=1)
    assert found.holds(), found
    assert found.codes[-1] == 0


async def test_a_batch_that_is_drained_again_and_again_repeats_nothing(tmp_path):
    """And it is finished in the end."""
    found = await rehearse(tmp_path / "batch.db", items=300, signals=[signal.SIGTERM] * 2, seed=2)
    assert (found.repeated, found.lost, found.finished_again, found.unreported) == (0, 0, 0, 0)
    assert set(found.codes) <= {143, 0}
    assert 143 in found.codes


@pytest.mark.parametrize(("number", "name", "code"), [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "SIGINT", 130)])
def test_the_first_signal_drains(start, tmp_path, number, name, code):
    """What runs is finished, nothing else is started, and the report says so."""
    process = start(seconds=0.3, max_concurrency=8)
    wait_for(tmp_path, 8)
    process.send_signal(number)
    returned, report = ended(process)
    assert (returned, report["interrupted"]) == (code, name)
    assert report["counts"]["succeeded"] == report["executed"] == len(ledger(tmp_path))
    assert report["counts"]["pending"] == 0


def test_the_second_signal_ends_at_once(start, tmp_path):
    """What ran is pending, and is executed by the next run without doubt."""
    process = start(seconds=60, max_concurrency=8)
    wait_for(tmp_path, 8)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    returned, report = ended(process)
    assert (returned, report["interrupted"], report["counts"]["pending"]) == (130, "SIGINT", 8)
    _, report = ended(start())
    assert (report["counts"]["succeeded"], report["repeated"]) == (300, [])


def test_what_does_not_end_in_time_is_cut_off(start, tmp_path):
    """After the time to drain."""
    process = start(seconds=60, max_concurrency=8, drain_timeout=0.2)
    wait_for(tmp_path, 8)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[1]["counts"]["pending"] == 8


def test_two_runners_at_once_are_one_too_many(start, tmp_path):
    """The second is told who has the store, and the first goes on."""
    first = start(seconds=60)
    wait_for(tmp_path, 1)
    returned, told = ended(start())
    holder = f"process {first.pid} on {socket.gethostname()}"
    assert returned == 1
    assert told.strip() == f"the store batch.db is in use by {holder}: wait for that run, or end it"
    assert first.poll() is None


def test_a_link_to_a_store_is_the_same_store(start, tmp_path):
    """Whoever comes by another name is refused, too."""
    start(seconds=60)
    wait_for(tmp_path, 1)
    (tmp_path / "link.db").symlink_to("batch.db")
    assert "in use by process" in ended(start(str(PROGRAM), "link.db", "300"))[1]


def test_a_killed_runner_holds_nothing(start, tmp_path):
    """The lock ends with its process."""
    first = start(seconds=60)
    wait_for(tmp_path, 1)
    first.kill()
    first.wait()
    assert ended(start())[1]["counts"]["succeeded"] == 300


def test_however_a_program_is_started_it_is_the_same_batch(start, tmp_path):
    """By its path, by `python -m`, and below `src`."""
    shutil.copy(PROGRAM, tmp_path / "program.py")
    (tmp_path / "src").mkdir()
    shutil.copy(PROGRAM, tmp_path / "src" / "program.py")
    lines = [["program.py"], ["-m", "program"], ["-m", "src.program"], [str(tmp_path / "program.py")]]
    reports = [ended(start(*line, "batch.db", "5")) for line in lines]
    assert [(code, report["executed"]) for code, report in reports] == [(0, 5), (0, 0), (0, 0), (0, 0)]
