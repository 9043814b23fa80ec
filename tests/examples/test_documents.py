"""The code in the documents runs as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_composition_patterns.simulation import Scenario, SimulatedServer

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "src").rglob("README.md"))]
BLOCKS = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}:{index}")
    for path in DOCUMENTS
    for index, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
]
LINKS = [
    pytest.param(path, link, id=f"{path.relative_to(ROOT)}:{link}")
    for path in DOCUMENTS
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs(
    block: str, simulated: Callable[[Scenario], SimulatedServer], environ: dict[str, str], tmp_path: Path
):
    """Each block is a whole program that runs through the real SDK, against the simulated server, without a failure."""
    program = tmp_path / "program.py"
    program.write_text(block, encoding="utf-8")
    (tmp_path / "data").symlink_to(ROOT / "data")  # what needs it says that it needs a checkout
    settings = {"GROQ_API_KEY": "key", "GROQ_BASE_URL": simulated(Scenario()).url}
    environ = {**environ, **settings, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), environ["PYTHONPATH"]])}
    done = subprocess.run(
        [sys.executable, str(program)],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout


@pytest.mark.parametrize(("path", "link"), LINKS)
def test_links_lead_somewhere(path: Path, link: str):
    """A link to a file of the project has its file."""
    assert (path.parent / link).exists()
