"""The traces of the patterns' examples, read back from a real Phoenix."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

NAMES = ["prompt_chaining", "routing", "orchestrator_workers", "evaluator_optimizer", "voting", "sectioning"]
PROJECT = "llm-composition-patterns"


@pytest.mark.parametrize("name", NAMES)
def test_the_trace_of_an_example_is_in_phoenix(phoenix, clean_environ, readme_of, tmp_path, name):
    """As its README draws it, with the pattern's own kind of span and what was asked and answered."""
    readme = readme_of(name)
    command = [sys.executable, "-m", f"llm_composition_patterns.patterns.{name}.example", *readme.argv]
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url}
    done = subprocess.run(
        [*command, "--trace", "phoenix", "--json"],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    trace_id = json.loads(done.stdout)["trace"].rpartition("/")[2]
    found = phoenix.spans(trace_id, PROJECT, at_least=count(readme.tree))
    found.sort(key=lambda span: span["start_time"])
    assert tree_of(found, None) == readme.tree
    [root] = [span for span in found if span["parent_id"] is None]
    assert (root["name"], root["span_kind"]) == (name, "CHAIN")
    calls = [span for span in found if span["name"].startswith("chat ")]
    assert {span["span_kind"] for span in calls} == {"LLM"}
    judges = [span for span in found if span["span_kind"] == "EVALUATOR"]
    assert len(judges) == (2 if name == "evaluator_optimizer" else 0)


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
