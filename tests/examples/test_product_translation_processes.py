"""The product translation example in processes of its own: real SDKs, faults, signals, installations."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_composition_patterns.llm._retries import MOST_EXCUSED
from llm_composition_patterns.simulation import Fault, Scenario, SimulatedServer

ROOT = Path(__file__).resolve().parents[2]
MODULE = "llm_composition_patterns.patterns.parallelization.example"
Serve = Callable[[Scenario], SimulatedServer]

pytestmark = pytest.mark.timeout(120)


def command(*argv: str, module: str = MODULE) -> list[str]:
    return [sys.executable, "-m", module, *argv]


def run(
    environ: dict[str, str], *argv: str, cwd: Path = ROOT, module: str = MODULE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*argv, module=module),
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )


def with_groq(environ: dict[str, str], server: SimulatedServer) -> dict[str, str]:
    return {**environ, "GROQ_API_KEY": "gsk_planted_secret", "GROQ_BASE_URL": server.url}


def spans_of(path: Path) -> list[dict]:
    """The spans in a file of OTLP JSON lines."""
    requests = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        span
        for request in requests
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def is_error(span: dict) -> bool:
    return span.get("status", {}).get("code") in {2, "STATUS_CODE_ERROR"}


def test_the_groq_sdk_gives_the_same_json(simulated: Serve, environ: dict[str, str]):
    """With a key and the base URL of the simulated server, the real SDK brings the same translations."""
    server = simulated(Scenario())
    argv = ("--product", "5", "--languages", "spanish", "french", "--json", "--trace", "off")
    through_groq = run(with_groq(environ, server), *argv)
    in_process = run(environ, *argv)
    assert through_groq.returncode == 0, through_groq.stderr
    assert server.provider.calls == 2
    assert "GROQ_API_KEY is set" in through_groq.stderr
    assert "planted" not in through_groq.stdout + through_groq.stderr
    [one], [other] = (json.loads(each.stdout)["results"] for each in (through_groq, in_process))
    assert one["translations"] == other["translations"]
    assert one["original"] == other["original"]
    assert one["simulated"] is other["simulated"] is True
    assert one.keys() == other.keys()
    assert one["status"]["french"].keys() == other["status"]["french"].keys()


ONE_FOR_EACH_LANGUAGE = (
    Fault(kind="rate_limit", match="into Spanish", retry_after=0.1),
    Fault(kind="hang", match="into French"),
    Fault(kind="malformed_json", match="into German", times=3),
)


def test_faults_cost_only_their_own_language(simulated: Serve, environ: dict[str, str], tmp_path: Path):
    """One language refused for ever, one hanging, one malformed three times: the fourth is written, the rest listed."""
    server = simulated(Scenario(faults=ONE_FOR_EACH_LANGUAGE))
    trace = tmp_path / "trace.jsonl"
    done = run(
        with_groq(environ, server),
        *("--product", "5", "--languages", "spanish", "french", "german", "italian", "--timeout", "3"),
        *("--output", str(tmp_path / "out"), "--trace", f"file:{trace}"),
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    [path] = (tmp_path / "out").iterdir()
    written = json.loads(path.read_text())
    assert list(written["translations"]) == ["italian"]
    kinds = {language: status["kind"] for language, status in written["status"].items()}
    assert kinds == {"spanish": "rate_limit", "french": "timeout", "german": "invalid_output", "italian": None}
    for language, kind in list(kinds.items())[:3]:
        assert f"failed: product 5, {language}: {kind}" in done.stderr
    made = {language: status["attempts"] for language, status in written["status"].items()}
    refused = made["spanish"]  # some are excused: those after which other languages were taken
    assert 5 <= refused <= 5 + MOST_EXCUSED * 4
    assert made == {"spanish": refused, "french": 1, "german": 3, "italian": 1}
    assert attempts_in(spans_of(trace)) == {name: [name != "italian"] * count for name, count in made.items()}


def attempts_in(spans: list[dict]) -> dict[str, list[bool]]:
    """The attempts at each language, as whether each one's span tells of an error; the branch's own tells the same."""
    attempts = {}
    for branch in (span for span in spans if span["name"].startswith("translate_to_")):
        under = [span for span in spans if span.get("parentSpanId") == branch["spanId"]]
        failed = [is_error(span) for span in under if span["name"].startswith("chat ")]
        assert is_error(branch) is failed[-1]
        attempts[branch["name"].removeprefix("translate_to_")] = failed
    return attempts


@pytest.mark.parametrize(
    ("scenario", "model", "says"),
    [
        (Scenario(keys=("another",)), "groq:openai/gpt-oss-20b", "GROQ_API_KEY"),
        (Scenario(models=("openai/gpt-oss-20b",)), "groq:llama-3.1-8b-instant", "openai/gpt-oss-20b"),
        (Scenario(models=("openai/gpt-oss-20b",)), "groq:nonsense", "nonsense"),
    ],
)
def test_what_fails_every_call_is_one_line(
    simulated: Serve, environ: dict[str, str], scenario: Scenario, model: str, says: str
):
    """A refused key and a model that is gone end the command with one line that says what to do."""
    server = simulated(scenario)
    done = run(with_groq(environ, server), "--product", "5", "--model", model, "--trace", "off", "--json")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert says in errors[0]
    assert "Traceback" not in done.stderr
    assert "planted" not in done.stderr


def test_what_only_code_can_pass_is_not_asked_for(simulated: Serve, environ: dict[str, str]):
    """A command has variables for keys, whether one is missing, refused or hidden in an address."""
    url = simulated(Scenario(keys=("another",))).url
    for settings, model, says in (
        ({}, "groq:", "set GROQ_API_KEY in the environment or in .env"),
        ({"OLLAMA_HOST": url}, "ollama:qwen3:8b", "take openai:MODEL with OPENAI_BASE_URL and OPENAI_API_KEY"),
        ({"OLLAMA_HOST": "http://u:planted@h"}, "ollama:qwen3:8b", "leave out user, password and query"),
    ):
        done = run({**environ, **settings}, "--languages", "french", "--model", model, "--trace", "off")
        assert done.returncode == 2, done.stderr
        (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
        assert line.endswith(says)
        assert "api_key" not in done.stderr
        assert "planted" not in done.stderr


def test_a_limit_of_spans_that_cannot_be_is_one_line(environ: dict[str, str], tmp_path: Path):
    """The SDK would raise while it is imported."""
    limited = {**environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "abc"}
    done = run(limited, "--languages", "french", "--model", "simulated:", "--trace", f"file:{tmp_path / 'trace.jsonl'}")
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT is 'abc': set it to a whole")
    assert "Traceback" not in done.stderr


def test_a_dead_provider_is_a_failure(environ: dict[str, str]):
    """Where nobody listens, nothing succeeds: exit code 1, each language listed."""
    nowhere = {**environ, "GROQ_API_KEY": "x", "GROQ_BASE_URL": "http://127.0.0.1:9"}
    done = run(nowhere, "--product", "5", "--languages", "french", "--timeout", "2", "--trace", "off")
    assert done.returncode == 1, done.stderr
    assert "failed: product 5, french:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.alone
def test_a_signal_keeps_what_is_finished(simulated: Serve, environ: dict[str, str], tmp_path: Path, number: int):
    """In the middle of 44 products x 6 languages, every finished translation is written, within 2 s."""
    # Japanese never answers, so that the run stands still when everything that can finish has.
    server = simulated(Scenario(faults=(Fault(kind="hang", match="into Japanese"),), tokens_per_second=5000))
    trace = tmp_path / "trace.jsonl"
    process = subprocess.Popen(
        command(
            *("--product", "all", "--languages", "spanish", "french", "german", "italian", "dutch", "japanese"),
            *("--output", str(tmp_path / "out"), "--trace", f"file:{trace}", "--json"),
        ),
        cwd=ROOT,
        env=with_groq(environ, server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    answered = _wait_until_it_stands_still(server)
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    took = time.monotonic() - sent
    assert process.returncode == 128 + number, err
    assert took < 2
    files = [json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()]
    assert sum(len(file["translations"]) for file in files) == answered
    assert sum(len(result["translations"]) for result in json.loads(out)["results"]) == answered
    assert not [file for file in files if not file["translations"]]
    stopped = {status["error"] for file in files for status in file["status"].values() if not status["ok"]}
    assert stopped <= {"stopped before it ended"}
    assert err.count("failed: ") == 1
    names = [span["name"] for span in spans_of(trace)]
    assert "translate_products" in names
    assert "Traceback" not in err


def test_a_model_of_one_language_costs_only_that_language(simulated: Serve, environ: dict[str, str]):
    """A retired model of one language leaves the other languages their translations."""
    server = simulated(Scenario(models=("openai/gpt-oss-20b",)))
    argv = ("--languages", "french", "german", "--language-model", "german=groq:llama-3.1-8b-instant", "--json")
    done = run(with_groq(environ, server), *argv, "--trace", "off")
    assert done.returncode == 3, done.stderr
    [result] = json.loads(done.stdout)["results"]
    assert list(result["translations"]) == ["french"]
    assert result["status"]["german"]["kind"] == "provider"
    assert "openai/gpt-oss-20b" in result["status"]["german"]["error"]


def test_what_was_translated_before_credit_ran_out_counts(simulated: Serve, environ: dict[str, str]):
    """One language is refused for want of credit and ends the run: some translations failed, and some did not."""
    server = simulated(Scenario(faults=(Fault(kind="no_credit", match="into German"),)))
    argv = ("--product", "1", "2", "--languages", "spanish", "french", "german", "--max-concurrency", "1")
    done = run(with_groq(environ, server), *argv, "--json", "--trace", "off")
    first, _ = json.loads(done.stdout)["results"]
    assert list(first["translations"]) == ["spanish", "french"]
    assert done.returncode == 3, done.stderr


def _wait_until_it_stands_still(server: SimulatedServer) -> int:
    """How many calls were answered when no more are."""
    answered, since = 0, time.monotonic()
    while time.monotonic() - since < 1.0:
        time.sleep(0.05)
        now = server.provider.statistics().answered
        if now != answered or not now:
            answered, since = now, time.monotonic()
    return answered


def test_it_runs_as_src_from_a_checkout(environ: dict[str, str]):
    """`python -m src....` works from a checkout, and loads one copy of the package."""
    without_path = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    done = run(
        without_path, "--product", "5", "--languages", "french", "--json", "--trace", "off", module=f"src.{MODULE}"
    )
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["results"][0]["translations"]) == ["french"]


def test_it_runs_from_an_installed_wheel(environ: dict[str, str], tmp_path: Path):
    """The wheel has all that the command needs, in any directory."""
    for argv in (
        ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)],
        ["install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path / "site")],
    ):
        wheels = [str(path) for path in tmp_path.glob("*.whl")] if argv[0] == "install" else []
        subprocess.run([sys.executable, "-m", "pip", *argv, *wheels], check=True, cwd=tmp_path, capture_output=True)
    installed = {**environ, "PYTHONPATH": str(tmp_path / "site")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = run(installed, "--product", "5", "--languages", "french", "--json", "--trace", "off", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["results"][0]["translations"]) == ["french"]
    where = subprocess.run(
        [sys.executable, "-c", f"import {MODULE.split('.', maxsplit=1)[0]} as package; print(package.__file__)"],
        env=installed, cwd=elsewhere, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path))
    carried = {path.relative_to(tmp_path / "site" / "llm_composition_patterns") for path in tmp_path.rglob("*.toml")}
    assert {Path("data") / "scenarios" / path.name for path in (ROOT / "data" / "scenarios").glob("*.toml")} <= carried


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_narrow_encoding_loses_nothing(environ: dict[str, str], encoding: str):
    """Where stdout has not every character, tables show others and JSON escapes them."""
    narrow = {**environ, "PYTHONIOENCODING": encoding}
    argv = ("--product", "5", "--languages", "french", "--trace", "off")
    shown, listed = run(narrow, *argv), run(narrow, *argv, "--json")
    assert shown.returncode == listed.returncode == 0, shown.stderr + listed.stderr
    assert "1 of 1 translations" in shown.stdout
    assert (
        "\N{LATIN SMALL LETTER C WITH ACUTE}"
        in json.loads(listed.stdout)["results"][0]["translations"]["french"]["available_colors"][0]
    )


def test_help_teaches(environ: dict[str, str]):
    """--help shows whole command lines."""
    done = run(environ, "--help")
    assert done.returncode == 0
    assert "--product 5 --languages spanish french" in done.stdout


def test_a_closed_pipe_is_no_error(environ: dict[str, str]):
    """Whoever reads only the first lines gets no traceback."""
    argv = command("--product", "5", "--languages", "french", "--trace", "off")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(argv, cwd=ROOT, env=environ, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
