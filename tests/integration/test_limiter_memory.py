"""The file of what limiters learned, written by several processes at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import llm_composition_patterns

WRITER = """
import sys
from pathlib import Path
from llm_composition_patterns.limits import remember

for number in range(20):
    remember(f"{sys.argv[2]}{number}", {"law": {"limit": number}}, path=Path(sys.argv[1]))
"""


def test_several_processes_lose_nothing(tmp_path):
    """Everybody's entries are there in the end."""
    path = tmp_path / "limits.json"
    environ = os.environ | {"PYTHONPATH": str(Path(llm_composition_patterns.__file__).parents[1])}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name], env=environ) for name in "abc"]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert len(json.loads(path.read_text())["limiters"]) == 60
