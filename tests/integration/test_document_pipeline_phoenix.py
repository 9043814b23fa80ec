"""The trace of the document pipeline, read back from a real Phoenix."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples.document_pipeline._invented import write_folder

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "documents"


def test_the_trace_of_a_folder_is_in_phoenix(phoenix, clean_environ, tmp_path):
    """A span for each document, below it what its processes did and its calls, which overlap; what failed is red."""
    write_folder(tmp_path / "pdfs", 24, long=9)
    command = [
        sys.executable,
        "-m",
        "examples.document_pipeline",
        "run",
        "pdfs",
        "--embedder",
        "hashed",
        "--workers",
        "2",
    ]
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT_NAME": PROJECT}
    environ["PYTHONPATH"] = os.pathsep.join([environ["PYTHONPATH"], str(ROOT)])
    done = subprocess.run(
        [*command, "--embedders", "1", "--model", "simulated:x", "--trace", "phoenix"],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    found = whole_trace(phoenix)
    named = {span["name"] for span in found}
    assert named >= {"read documents", "document_pipeline", "build converter", "extract pages", "chunks of a document"}
    items = [span for span in found if span["name"] == "document_pipeline"]
    assert len(items) == 23
    assert [span["status_code"] for span in items].count("ERROR") == 3
    assert 1 <= [span["name"] for span in found].count("build converter") <= 2
    assert [span["name"] for span in found].count("build embedder") == 1
    longest = max(items, key=lambda item: len(calls_below(found, item)))
    calls = calls_below(found, longest)
    assert len(calls) >= 3
    assert max(call["start_time"] for call in calls) < min(call["end_time"] for call in calls)
    assert {call["span_kind"] for call in calls} == {"LLM"}


def whole_trace(phoenix):
    """All spans, once the first to begin is there, which is the last to end."""
    found = []
    until = time.monotonic() + 30
    while not any(span["name"] == "read documents" for span in found):
        assert time.monotonic() < until
        found = phoenix.spans_of_project(PROJECT, at_least=len(found) + 1)
    return found


def calls_below(spans, above):
    """The calls to a model below a span, at any depth."""
    below = [span for span in spans if span["parent_id"] == above["context"]["span_id"]]
    deeper = [call for span in below for call in calls_below(spans, span)]
    return [span for span in below if span["name"].startswith("chat ")] + deeper
