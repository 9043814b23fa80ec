"""The traces of the classification example, read back from a real Phoenix."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "examples" / "classification" / "README.md"


def test_each_report_is_a_trace_as_the_readme_draws_it(phoenix, clean_environ, tmp_path):
    """Linked to the run's; the call of a pack is in the trace of the report that came first."""
    reports = (ROOT / "data" / "threats" / "labeled.jsonl").read_text(encoding="utf-8").splitlines()[:6]
    (tmp_path / "six.jsonl").write_text("\n".join(reports), encoding="utf-8")
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT_NAME": "classification"}
    subprocess.run(
        [sys.executable, "-m", "examples.classification", "run", str(tmp_path / "six.jsonl"), "--pack", "3",
         "--store", str(tmp_path / "threats.db"), "--model", "simulated:simulated/analyst", "--trace", "phoenix"],
        env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    drawn = re.search(r"^## The trace\n.*?^```\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)[1]
    root, call = re.findall(r"^[└─ ]*(\S+(?: \S+)*)  ", drawn, re.MULTILINE)
    found = phoenix.spans_of_project("classification", at_least=10)
    items = [span for span in found if span["name"] == root]
    calls = [span for span in found if span["name"] == call]
    assert len(items) == len({span["context"]["trace_id"] for span in items}) == 6
    assert [span["span_kind"] for span in calls] == ["LLM", "LLM"]
    assert {span["parent_id"] for span in calls} < {span["context"]["span_id"] for span in items}
    asked = json.loads(calls[0]["attributes"]["llm.input_messages.1.message.content"])
    assert len(asked["reports"]) == 3
    assert [span["name"] for span in found if span["parent_id"] is None and span not in items] == ["classify reports"]
