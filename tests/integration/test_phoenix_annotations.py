"""The translation checks as annotations in a real Phoenix."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest
from forgetful import translated

from llm_composition_patterns.patterns.parallelization.product_translation.annotations import annotate
from llm_composition_patterns.tracing import PhoenixError, PhoenixServer, setup_tracing

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

MODULE = "llm_composition_patterns.patterns.parallelization.example"
CHECKS = ["numbers", "placeholders", "structure", "translated", "units"]


def annotations_in(phoenix, project, span_id):
    """The annotations of a span, as Phoenix has them."""
    url = f"{phoenix.url}/v1/projects/{project}/span_annotations?span_ids={span_id}&limit=1000"
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - it is http
        return json.load(response)["data"]


def test_each_check_is_an_annotation_once_however_often_it_is_written(phoenix):
    """Name, label, score, who says so, and why where something was found."""
    with setup_tracing("phoenix", endpoint=phoenix.url, project="annotated") as made:
        result = translated()
        assert made.flush(20)
        assert annotate(made.phoenix, [result]) == 10
        assert annotate(made.phoenix, [result]) == 10
    spanish, french = result.span_ids.values()
    found = {one["name"]: one for one in annotations_in(phoenix, "annotated", spanish)}
    assert len(annotations_in(phoenix, "annotated", spanish)) == 5
    assert sorted(found) == CHECKS
    assert {one["annotator_kind"] for one in found.values()} == {"CODE"}
    assert found["structure"]["result"] == {"label": "pass", "score": 1.0, "explanation": None}
    assert {name for name, one in found.items() if one["result"]["label"] == "fail"} == {"numbers"}
    numbers = found["numbers"]["result"]
    assert (numbers["label"], numbers["score"]) == ("fail", 0.0)
    assert numbers["explanation"].startswith("fabric_details[0]: number ")
    assert {one["result"]["label"] for one in annotations_in(phoenix, "annotated", french)} == {"pass"}


def test_where_outputs_are_hidden_annotations_do_not_quote_them(phoenix, monkeypatch):
    """They say what failed, and not what was found."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_OUTPUTS", "true")
    with setup_tracing("phoenix", endpoint=phoenix.url, project="hidden") as made:
        result = translated()
        assert made.flush(20)
        annotate(made.phoenix, [result])
    spanish = result.span_ids[result.languages[0]]
    found = {one["name"]: one["result"] for one in annotations_in(phoenix, "hidden", spanish)}
    assert found["numbers"] == {"label": "fail", "score": 0.0, "explanation": None}


def test_spans_that_never_came_are_said(phoenix, monkeypatch):
    """After a while."""
    monkeypatch.setattr(
        "llm_composition_patterns.patterns.parallelization.product_translation.annotations.ARRIVING_MAY_TAKE", 0.3
    )
    with setup_tracing("file:/dev/null"):
        result = translated()
    with pytest.raises(PhoenixError, match="do not exist"):
        annotate(PhoenixServer(url=phoenix.url), [result])


def test_the_command_writes_them_when_asked(phoenix, clean_environ):
    """With the spans, whatever the checks say."""
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": "by-command"}
    argv = ("--product", "5", "--languages", "spanish", "french", "--trace", "phoenix", "--annotate", "--json")
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *argv], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert "annotations written: 10\n" in done.stderr
    spans = phoenix.spans(json.loads(done.stdout)["trace"].rpartition("/")[2], "by-command", at_least=5)
    [french] = [span["context"]["span_id"] for span in spans if span["name"] == "translate_to_french"]
    assert sorted(one["name"] for one in annotations_in(phoenix, "by-command", french)) == CHECKS


def test_without_a_phoenix_it_is_a_mistake(clean_environ):
    """Said before any call is paid."""
    argv = [sys.executable, "-m", MODULE, "--annotate", "--trace", f"file:{os.devnull}"]
    done = subprocess.run(argv, env=clean_environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--annotate writes into Phoenix: add --trace phoenix" in done.stderr
