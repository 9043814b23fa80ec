"""The paper translation example in processes of its own: real HTTP, faults, signals, and its full size."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_composition_patterns.batch import read_status
from llm_composition_patterns.simulation import Fault, Scenario, SimulatedServer

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ROOT / "data" / "papers"
Serve = Callable[[Scenario], SimulatedServer]

pytestmark = pytest.mark.timeout(180)

FAULTY = """
seed = 7
time_to_first_token = 0.05
tokens_per_second = 6000
[price]
input = 0.03
output = 0.14
""" + "".join(
    f'[[faults]]\nkind = "{kind}"\nprobability = {share}\n'
    for kind, share in {
        "server_error": 0.05,
        "drop": 0.03,
        "rate_limit": 0.03,
        "malformed_json": 0.05,
        "truncated": 0.05,
        "wrong_schema": 0.05,
        "refusal": 0.01,
        "straggler": 0.02,
    }.items()
)


def command(*argv: object) -> list[str]:
    return [sys.executable, "-m", "examples.paper_translation", *map(str, argv)]


def run(environ: dict[str, str], *argv: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*argv), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.fixture
def faulty(environ, tmp_path):
    """The environment with which OpenAI is a server of `llm-patterns simulate` on a bad day."""
    scenario = tmp_path / "faulty.toml"
    scenario.write_text(FAULTY)
    argv = [sys.executable, "-m", "llm_composition_patterns", "simulate", "--port", "0", "--scenario", str(scenario)]
    with subprocess.Popen(argv, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"simulated provider at (\S+);", server.stderr.readline())[1]
            yield {**environ, "OPENAI_API_KEY": "sk-planted", "OPENAI_BASE_URL": f"{address}/v1"}
        finally:
            server.terminate()


def papers_in(directory: Path) -> dict[str, str]:
    """What became of each paper, by its id."""
    became = {}
    for state in ("done", "flagged", "failed"):
        for line in (directory / f"{state}.jsonl").read_text().splitlines():
            row = json.loads(line)
            assert row["id"] not in became
            assert state == "done" or row.get("reasons") or row.get("reason")
            became[row["id"]] = state
    return became


def test_every_paper_is_done_flagged_or_failed(faulty, tmp_path):
    """Over real HTTP, with faults: each with its reason, none half-written, and a second run calls nothing."""
    out = tmp_path / "out"
    argv = (
        "run",
        PAPERS,
        "--store",
        tmp_path / "p.db",
        "--output",
        out,
        "--model",
        "openai:gpt",
        "--trace",
        "off",
        "--json",
    )
    first = run(faulty, *argv)
    assert first.returncode in {0, 3}, first.stderr
    assert "Traceback" not in first.stderr
    assert "planted" not in first.stdout + first.stderr
    told = json.loads(first.stdout)
    became = papers_in(out)
    assert len(became) + told["pending"] == 69
    assert sum(state != "failed" for state in became.values()) > 60
    for path in out.glob("*/*.json"):
        paper = json.loads(path.read_text())
        assert len(paper["body"]) == len(paper["body_en"])
        assert paper["_qa_simulated"]  # as the server said
        assert {file.suffix for file in path.parent.glob(f"{path.stem}.*")} == {".json", ".md", ".tmx"}
    assert not list(out.rglob("*.part"))
    again = run(faulty, *argv)
    if not told["pending"]:
        assert json.loads(again.stdout)["run"]["usage"]["calls"] == 0
        assert json.loads(again.stdout)["run"]["executed"] == 0
    assert first.returncode == again.returncode or told["pending"]


def with_groq(environ: dict[str, str], server: SimulatedServer) -> dict[str, str]:
    return {**environ, "GROQ_API_KEY": "gsk_planted_secret", "GROQ_BASE_URL": server.url}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_drains_and_the_next_run_goes_on(simulated: Serve, environ, tmp_path, number, code):
    """What runs is finished and kept, nothing is paid twice."""
    server = simulated(Scenario(time_to_first_token=0.3, tokens_per_second=2000))
    settings = ("--store", tmp_path / "p.db", "--workers", 4, "--limit", 14, "--trace", "off", "--json")
    argv = ("run", PAPERS, *settings)
    first = subprocess.Popen(
        command(*argv),
        cwd=ROOT,
        env=with_groq(environ, server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while server.provider.calls < 5:
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(number)
    out, err = first.communicate(timeout=60)
    assert first.returncode == code, err
    assert "the same command goes on with the rest" in err
    stopped, finished = json.loads(out), run(with_groq(environ, server), *argv)
    assert finished.returncode == 0, finished.stderr
    went_on = json.loads(finished.stdout)
    assert 0 < stopped["run"]["executed"] < 14
    assert stopped["run"]["executed"] + went_on["run"]["executed"] == 14
    assert went_on["run"]["possibly_repeated"] == []
    assert server.provider.calls == went_on["calls"]


def test_a_killed_run_is_gone_on_with(simulated: Serve, environ, tmp_path):
    """Nothing finished is executed again; what was in flight is said to be possibly paid twice."""
    server = simulated(Scenario(time_to_first_token=0.3, tokens_per_second=2000))
    argv = ("run", PAPERS, "--store", tmp_path / "p.db", "--workers", 4, "--limit", 12, "--trace", "off", "--json")
    first = subprocess.Popen(
        command(*argv), cwd=ROOT, env=with_groq(environ, server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while server.provider.calls < 5:
        assert first.poll() is None
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    finished = run(with_groq(environ, server), *argv)
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert (told["done"] + told["flagged"], told["pending"]) == (12, 0)
    assert len(told["run"]["possibly_repeated"]) <= 4
    assert told["run"]["executed"] < 12
    assert told["calls"] == read_status(tmp_path / "p.db").spent.calls  # what died is paid, too


def test_a_refused_key_is_one_line(simulated: Serve, environ, tmp_path):
    """With exit code 2, and every paper left for a better one."""
    server = simulated(Scenario(keys=("another",)))
    done = run(with_groq(environ, server), "run", PAPERS, "--store", tmp_path / "p.db", "--trace", "off")
    assert (done.returncode, done.stdout) == (2, "")
    assert next(line for line in done.stderr.splitlines() if line.startswith("error: ")).count("GROQ_API_KEY") == 1


def test_no_credit_in_the_middle_keeps_what_is_done(simulated: Serve, environ, tmp_path):
    """One line says so, what is finished is exported, and the rest waits for money."""
    fault = Fault(kind="no_credit", after=1.0)
    server = simulated(Scenario(time_to_first_token=0.1, tokens_per_second=4000, faults=(fault,)))
    argv = ("run", PAPERS, "--store", tmp_path / "p.db", "--output", tmp_path / "out", "--workers", 4, "--trace", "off")
    done = run(with_groq(environ, server), *argv)
    assert done.returncode == 3, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in done.stderr
    finished = papers_in(tmp_path / "out")
    assert 0 < len(finished) < 69
    assert "failed" not in finished.values()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_archive_of_34237_papers(environ, tmp_path):
    """Title and abstract in virtual time, interrupted once and resumed: under 3 minutes of CPU, in flat memory."""
    argv = [sys.executable, "tests/examples/papers_at_scale.py", str(tmp_path), "34237", "25"]
    path = {**environ, "PYTHONPATH": os.pathsep.join(["src", ".", environ["PYTHONPATH"]])}
    done = subprocess.run(argv, cwd=ROOT, env=path, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    first, second = told["runs"]
    assert first["interrupted"] == "SIGTERM"
    assert first["executed"] + second["executed"] == 34_237
    assert second["counts"] == {"succeeded": 34_237, "failed": 0, "pending": 0, "abandoned": 0}
    assert second["repeated"] == 0
    assert told["cpu"] < 180
    assert told["megabytes"] - megabytes_of_an_empty_process() <= 60


def megabytes_of_an_empty_process() -> float:
    """What Python itself takes."""
    code = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
