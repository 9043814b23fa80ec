"""The traces of the patterns' examples, read back from a real Phoenix."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

NAMES = ["prompt_chaining", "routing", "orchestrator_workers", "evaluator_optimizer", "voting", "sectioning"]
PROJECT = "llm-composition-patterns"


@pytest.fixture(params=NAMES)
def example(request, phoenix, clean_environ, readme_of, tmp_path):
    """A pattern, its README, and the address of the trace that the README's command made."""
    name, readme = request.param, readme_of(request.param)
    command = [sys.executable, "-m", f"llm_composition_patterns.patterns.{name}.example", *readme.argv]
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url}
    done = subprocess.run(
        [*command, "--trace", "phoenix", "--json"],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return name, readme, json.loads(done.stdout)["trace"]


def test_the_trace_of_an_example_is_in_phoenix(phoenix, example):
    """As its README draws it, with the pattern's own kind of span and what was asked and answered."""
    name, readme, address = example
    trace_id = address.rpartition("/")[2]
    found = phoenix.spans(trace_id, PROJECT, at_least=count(readme.tree))
    found.sort(key=lambda span: span["start_time"])
    assert tree_of(found, None) == readme.tree
    [root] = [span for span in found if span["parent_id"] is None]
    assert (root["name"], root["span_kind"]) == (name, "CHAIN")
    calls = [span for span in found if span["name"].startswith("chat ")]
    assert {span["span_kind"] for span in calls} == {"LLM"}
    judges = [span for span in found if span["span_kind"] == "EVALUATOR"]
    assert len(judges) == (2 if name == "evaluator_optimizer" else 0)


@pytest.mark.browser
@pytest.mark.slow
def test_the_trace_of_an_example_shows_in_a_browser(example, open_trace, tmp_path):
    """Its spans are on the page, which is the picture in its README."""
    name, readme, address = example
    picture = Path(os.environ.get("PICTURES", tmp_path)) / f"phoenix-{name.replace('_', '-')}.png"
    shown = [re.compile(f"^{re.escape(root)}") for root, _ in spans_of(readme.tree)]
    with open_trace(address, *shown, picture=picture):
        pass
    assert picture.stat().st_size > 10_000


def spans_of(tree):
    """The spans of a tree, those above first."""
    return [found for name, below in tree for found in [(name, below), *spans_of(below)]]


def count(tree):
    """How many spans a tree has."""
    return sum(1 + count(below) for _, below in tree)


def tree_of(spans, parent_id):
    """The spans below one, as names and the trees below them; of a call only `chat`."""
    return [
        ("chat" if span["name"].startswith("chat ") else span["name"], tree_of(spans, span["context"]["span_id"]))
        for span in spans
        if span["parent_id"] == parent_id and span["name"] != "wait for permit"
    ]
