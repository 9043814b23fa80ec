"""`llm-patterns timeline` on the trace file of a real run, each in a process of its own."""

import re
import subprocess
import sys

import pytest

EXAMPLE = "llm_composition_patterns.patterns.parallelization.example"
COMMAND = "from llm_composition_patterns.cli import main; main()"


@pytest.fixture
def run(clean_environ, tmp_path):
    """Runs Python in an empty directory, as on a pipe; gives what it printed."""

    def ran(*arguments, **environ):
        done = subprocess.run(
            [sys.executable, *arguments],
            env=clean_environ | {"COLUMNS": "100"} | environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return ran


@pytest.mark.timeout(120)
def test_the_timeline_of_a_trace_tells_what_the_run_told(run, tmp_path):
    """As many branches, the same sum of their times and the same waits, though one has outcomes and one has spans."""
    calls = ("--model", "simulated:", "--max-concurrency", "2", "--trace", "file:spans.jsonl")
    told = run("-m", EXAMPLE, "--product", "5", "6", "--languages", "es", "fr", "de", *calls)
    drawn = run("-c", COMMAND, "timeline", "spans.jsonl", "--output", "drawn.svg")
    sums = re.compile(r"(\d+) branches · makespan ([\d.]+) s · sum of branch times ([\d.]+) s")
    of_run, of_trace = sums.search(told), sums.search(drawn)
    assert of_run is not None
    assert of_trace is not None
    assert of_trace[1] == of_run[1] == "6"
    assert float(of_trace[2]) == pytest.approx(float(of_run[2]), abs=0.1)
    assert float(of_trace[3]) == pytest.approx(float(of_run[3]), abs=0.1)
    assert drawn.startswith("translate_products (trace ")
    assert [line.split()[0] for line in drawn.splitlines()[2:9:4]] == ["translate_product_5", "translate_product_6"]
    assert "░ waiting for a permit" in drawn
    assert 'class="queued"' in (tmp_path / "drawn.svg").read_text()


@pytest.mark.timeout(120)
def test_a_terminal_without_such_characters_gets_plain_ones(run):
    """The help and the drawing can be printed in ASCII."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    run("-m", EXAMPLE, "--product", "5", "--model", "simulated:", "--trace", "file:spans.jsonl")
    assert "draw what ran when" in run("-c", COMMAND, "timeline", "--help", **ascii_only).lower()
    drawn = run("-c", COMMAND, "timeline", "spans.jsonl", **ascii_only)
    assert drawn.isascii()
    assert "# running" in drawn
