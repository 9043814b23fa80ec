"""The classification example over real HTTP: servers that end, runs that are killed, and its figures at full size."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import pytest

from examples.classification._invented import invented
from examples.classification._rehearsal import rehearsed
from llm_composition_patterns import BatchError
from llm_composition_patterns.batch import iter_results, read_status
from llm_composition_patterns.simulation import Capacity, Scenario

ROOT = Path(__file__).resolve().parents[2]
MODEL = "ollama:simulated/x"
FULL = 1_525

pytestmark = pytest.mark.timeout(600)

OLLAMA = """
time_to_first_token = 0.05
tokens_per_second = inf
spread = 0.0
[capacity]
slots = 4
queue = 512
"""


def command(*argv):
    return [sys.executable, "-m", "examples.classification", *map(str, argv)]


def run(environ, *argv):
    """What a command did: its code and what it printed."""
    done = subprocess.run(
        command(*argv), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def of(store, *urls):
    """The flags of a run at these servers."""
    return ("--store", store, "--model", MODEL, "--endpoint", *urls, "--trace", "off", "--json")


@pytest.fixture
def reports(tmp_path):
    """Writes so many invented reports, each with a text of its own, by which its calls are known."""

    def written(count):
        path = tmp_path / "reports.jsonl"
        different = {(item.title, item.text): item for item in invented(2 * count)}
        assert len(different) >= count
        path.write_text("".join(f"{item.model_dump_json()}\n" for item in islice(different.values(), count)))
        return path

    return written


@pytest.fixture
def serving(tmp_path, environ):
    """Runs `llm-patterns simulate` in a process of its own, at the port of an earlier one if that is said."""
    scenario = tmp_path / "ollama.toml"
    scenario.write_text(OLLAMA)
    servers = []

    def served(port=0):
        argv = ("simulate", "--port", str(port), "--scenario", str(scenario))
        server = subprocess.Popen(
            [sys.executable, "-m", "llm_composition_patterns", *argv],
            cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        servers.append(server)
        return server, re.search(r"simulated provider at (\S+);", server.stderr.readline())[1]

    yield served
    for server in servers:
        server.kill()
        server.communicate()


@contextmanager
def started(environ, *argv):
    """A command that runs meanwhile."""
    process = subprocess.Popen(
        command(*argv), cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_classified(store, count, process):
    """Until so many are recorded."""
    classified = 0
    while classified < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
        with suppress(BatchError):  # there is none yet
            classified = read_status(store).counts["succeeded"]


class Counting:
    """An answer rule that counts the answers about each report, by its title and text."""

    def __init__(self):
        self.answers = Counter()

    def __call__(self, request):
        reports = json.loads(request["messages"][1]["content"])["reports"]
        self.answers.update((report["title"], report["text"]) for report in reports.values())
        return rehearsed(request)


def texts_of(path):
    """The text of each report by its id."""
    records = map(json.loads, path.read_text().splitlines())
    return {record["id"]: (record["title"], record["text"]) for record in records}


def tell(*lines):
    """Show figures, with `pytest -s`."""
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


SIZES = [60, pytest.param(FULL, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", SIZES)
def test_nothing_finished_is_paid_twice(count, simulated, environ, reports, tmp_path):
    """Killed in the middle: what is recorded is not asked about again, and what was in flight is named."""
    rule = Counting()
    server = simulated(
        Scenario(answer=rule, time_to_first_token=0.05, tokens_per_second=1e9, spread=0.0, capacity=Capacity(slots=4))
    )
    path, store = reports(count), tmp_path / "threats.db"
    with started(environ, "run", path, "--max-concurrency", 4, *of(store, server.url)) as process:
        wait_until_classified(store, count // 3, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished = {outcome.key for outcome in iter_results(store)}
    code, told = run(environ, "run", path, *of(store, server.url))
    texts = texts_of(path)
    twice = {key for key, text in texts.items() if rule.answers[text] > 1}
    tell(
        f"killed at {len(finished):,} of {count:,} recorded; {rule.answers.total():,} answers in all",
        f"answered twice: {len(twice & finished)} of those recorded, {len(twice)} of those in flight",
    )
    assert (code, told["counts"]["succeeded"]) == (0, count)
    assert twice & finished == set()
    assert twice <= set(told["possibly_repeated"])
    assert len(twice) <= 12  # four in flight, and what was answered and not yet committed


@pytest.mark.parametrize("count", SIZES)
def test_a_server_that_ends_fails_nothing(count, serving, environ, reports, tmp_path):
    """What is not classified waits, exit code 3, and is classified when the server is back."""
    path, store = reports(count), tmp_path / "threats.db"
    server, url = serving()
    flags = (*of(store, url), "--patience", 2)
    with started(environ, "run", path, *flags) as process:
        wait_until_classified(store, count // 4, process)
        server.kill()
        out, _ = process.communicate(timeout=120)
    told = json.loads(out)
    counts = told["counts"]
    tell(f"server killed: {counts}")
    assert process.returncode == 3
    assert (counts["failed"], counts["abandoned"]) == (0, 0)
    assert counts["pending"] > 0
    assert counts["succeeded"] + counts["pending"] == count
    assert counts["succeeded"] == told["run"]["classified"] == len(list(iter_results(store)))
    serving(url.rpartition(":")[2])
    code, again = run(environ, "run", path, *flags)
    tell(f"after its return: {again['counts']}, {again['run']['usage']['calls']:,} calls")
    assert (code, again["counts"]["succeeded"]) == (0, count)
    assert again["run"]["usage"]["calls"] == counts["pending"]


@pytest.mark.slow
def test_two_servers_take_half_the_time_over_http(serving, environ, reports, tmp_path):
    """1,525 reports, each server working on four at once; up to three times, because other work only ever slows it."""
    path, urls = reports(FULL), [serving()[1] for _ in range(2)]
    seconds = {1: [], 2: []}
    for number in range(3):
        for servers, times in seconds.items():
            told = run(environ, "run", path, *of(tmp_path / f"{number}-{servers}.db", *urls[:servers]))[1]["run"]
            assert told["classified"] == FULL
            times.append(told["seconds"])
        faster = min(seconds[1]) / min(seconds[2])
        tell(f"one server: {seconds[1][-1]:.2f} s, two: {seconds[2][-1]:.2f} s; the best of each: {faster:.3f}x")
        if faster >= 1.9:
            break
    assert faster >= 1.9


def swept(environ, url, *settings):
    """What a sweep over HTTP measures, by the setting; and the knee."""
    argv = ("--model", MODEL, "--endpoint", url, "--items", FULL, "--trace", "off", "--json")
    code, told = run(environ, "sweep", *argv, "--concurrency", *settings)
    rows = {row["setting"]: row for row in told["rows"]}
    assert code == 0
    assert all(row["classified"] == FULL for row in rows.values())
    tell(
        *[
            f"{name:>5} ({row['limit']}): {row['rate']:.2f}/s, p50 {row['p50']:.3f} s, p99 {row['p99']:.3f} s"
            for name, row in rows.items()
        ],
        f"knee {told['knee']:.2f}",
    )
    return rows


@pytest.mark.slow
def test_the_sweep_over_http(serving, environ):
    """1,525 reports at each number; `auto` and the best number up to three times, the better of each counts."""
    _, url = serving()
    rows = swept(environ, url, 1, 5, 50, 100, 200, "auto")
    best = max((name for name in rows if name != "auto"), key=lambda name: rows[name]["rate"])
    rates = {name: rows[name]["rate"] for name in (best, "auto")}
    for _ in range(2):
        if rates["auto"] < 0.97 * rates[best]:
            again = swept(environ, url, best, "auto")
            rates = {name: max(rate, again[name]["rate"]) for name, rate in rates.items()}
    share, wait = rates["auto"] / rates[best], rows["auto"]["p99"] / rows["200"]["p99"]
    tell(f"auto: {share:.3f} of the throughput of {best}, {wait:.3f} of the p99 of 200")
    assert share >= 0.97
    assert wait <= 0.15
