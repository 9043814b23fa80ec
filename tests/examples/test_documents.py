"""The code in the documents runs as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import llm_composition_patterns as package
from llm_composition_patterns.simulation import Scenario, SimulatedServer

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
    *sorted((ROOT / "src").rglob("README.md")),
]
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


def test_every_place_to_change_something_is_there():
    """`CONTRIBUTING.md` names files, which move."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where do I change")[2]
    named = re.findall(r"`((?!product_translation/)[\w./]+/[\w./-]*)`", text)
    places = (ROOT, ROOT / "src" / "llm_composition_patterns")
    assert len(named) > 50
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


@pytest.mark.parametrize("start", ["README.md", "docs/index.md"])
def test_every_page_that_says_how_to_is_found_from_the_start(start: str):
    """Who begins to read there."""
    text = (ROOT / start).read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs/how-to").glob("*.md") if f"how-to/{page.name})" not in text] == []


def test_the_site_builds(tmp_path: Path):
    """With every warning an error: no page is missing, no name of the reference unknown."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path / "site")]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    built = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=180)
    assert (built.returncode, built.stderr) == (0, "")
    reference = (tmp_path / "site" / "reference" / "steps" / "index.html").read_text(encoding="utf-8")
    assert "in_processes" in reference


def test_the_reference_has_every_public_name():
    """A name that is exported is explained."""
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md"))
    listed = set(re.findall(r"^::: llm_composition_patterns\.(\w+)$", pages, re.MULTILINE))
    errors = {name for name in dir(package.errors) if name[0].isupper() and name != "Usage"}
    assert set(package.__all__) - errors == listed - {"errors", "testing"}
