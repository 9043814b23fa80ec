"""The trace of the puzzle search in a real Phoenix."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


def test_the_trace_shows_candidates_under_their_puzzles(phoenix, clean_environ):
    """With the call of the model beside them, and the runaway as an error."""
    argv = ["solve", "--candidates", "model", "--model", "simulated:x", "--puzzles", "4", "--timeout", "0.3"]
    done = subprocess.run(
        [sys.executable, "-m", "examples.puzzle_search", *argv, "--trace", "phoenix", "--json"],
        cwd=ROOT,
        env=clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": "puzzles"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stdout)
    trace = told["trace"].rpartition("/")[2]
    spans = phoenix.spans(trace, "puzzles", at_least=2 + 3 * 4 + told["branches"])
    by_id = {span["context"]["span_id"]: span for span in spans}

    def path(span):
        above = by_id.get(span["parent_id"])
        return (*path(above), span["name"]) if above else (span["name"],)

    paths = [path(span) for span in spans]
    assert len(spans) == 2 + 3 * 4 + told["branches"]
    for number in range(4):
        puzzle = ("puzzle search", "search puzzles", f"puzzle-0-00{number}")
        below = sorted(found[3] for found in paths if len(found) == 4 and found[:3] == puzzle)
        assert [name.partition(" ")[0] for name in below] == ["chat", "check"]
    ended = [span for span in spans if span["name"] == "until_stable(shift_right)"]
    assert ended
    assert {(path(span)[3], span["status_code"]) for span in ended} == {("check candidates", "ERROR")}
