"""What `make demo` promises: the result, and the address of a trace that shows in a real browser what ran."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = "llm_composition_patterns.patterns.parallelization.example"
PICTURE = "phoenix-trace.png"

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]


@pytest.fixture
def demo(phoenix, clean_environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The main job as the demo runs it, traced in a real Phoenix."""
    argv = ("--product", "5", "--languages", "spanish", "french", "--trace", "phoenix")
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": "demo"}
    return subprocess.run(
        [sys.executable, "-m", MODULE, *argv], env=environ, capture_output=True, text=True, check=True, timeout=60
    )


def test_the_trace_is_the_tree_of_what_ran(phoenix, demo):
    """The product over its languages over the calls, with the attributes that each promises."""
    trace_id = demo.stderr.rpartition("/traces/")[2].strip()
    spans = phoenix.spans(trace_id, "demo", at_least=5)
    by_id = {span["context"]["span_id"]: span for span in spans}
    tree = {(by_id[span["parent_id"]]["name"] if span["parent_id"] else None, span["name"]) for span in spans}
    assert len(spans) == 5
    assert tree == {
        (None, "translate_product_5"),
        ("translate_product_5", "translate_to_spanish"),
        ("translate_product_5", "translate_to_french"),
        ("translate_to_spanish", "chat simulated/translator-small"),
        ("translate_to_french", "chat simulated/translator-small"),
    }
    found = {span["name"]: span["attributes"] for span in spans}
    product, french = found["translate_product_5"], found["translate_to_french"]
    assert product["product_id"] == 5
    assert product["languages"] == ["spanish", "french"]
    assert product["num_languages"] == 2
    assert product["total_translation_time_seconds"] >= product["average_time_per_language_seconds"] > 0
    assert french["language"] == "french"
    assert french["model"] == "simulated:simulated/translator-small"
    assert french["success"] is True
    assert french["response_length"] > 100


@pytest.mark.browser
def test_its_address_shows_it_in_a_browser(demo, open_trace, tmp_path: Path):
    """Opened in a browser: the names, the tokens and the durations of product, languages and calls."""
    assert "SIMULATED" in demo.stdout
    address = re.search(r"^trace: (\S+)$", demo.stderr, re.MULTILINE)
    assert address is not None
    picture = Path(os.environ.get("PICTURES", tmp_path)) / PICTURE
    shown = ("translate_product_5", "translate_to_spanish", "translate_to_french", "chat simulated/translator-small")
    with open_trace(address[1], *shown, re.compile(r"^\d{3}ms$"), picture=picture) as page:
        text = page.inner_text("body")
    assert len(re.findall(r"chat simulated/translator-small\n\d+ms\n\d+", text)) == 2
    assert picture.stat().st_size > 10_000
