"""Every notebook runs from top to bottom in a real kernel, offline, and is stored without what it showed."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOURS = {
    "classification",
    "composition",
    "document_pipeline",
    "evaluator_optimizer",
    "orchestrator_workers",
    "parallelization",
    "prompt_chaining",
    "puzzle_search",
    "routing",
    "sectioning",
    "voting",
}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


@cache
def outputs_of(path: Path) -> list[nbformat.NotebookNode]:
    """Execute it as `make notebooks` does, against the source of this checkout; the outputs of all its cells.

    In a process of its own, because what drives kernels leaves sockets behind, whose warnings would fail other tests.
    """
    with TemporaryDirectory() as directory:
        result = Path(directory) / "executed.ipynb"
        settings = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        environ = {**os.environ, **dict.fromkeys(settings, directory)}  # nobody's own
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "jupyter", "execute", "--timeout=50", f"--output={result}", str(path)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=55)
        assert done.returncode == 0, done.stderr
        notebook = nbformat.read(result, as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_is_a_tour_of_each_pattern_and_one_of_composition():
    """And both the README and the docs lead to each of them."""
    assert {path.stem for path in NOTEBOOKS} == TOURS
    for document in (ROOT / "README.md", ROOT / "docs" / "notebooks.md"):
        told = document.read_text(encoding="utf-8")
        assert [name for name in TOURS if f"notebooks/{name}.ipynb" not in told] == []


@each_notebook
def test_a_notebook_runs_and_draws_its_timeline(path: Path):
    """Each cell ends well, nothing is written to stderr, and tables and timelines are drawn inline."""
    outputs = outputs_of(path)
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    drawn = [output.data for output in outputs if output.output_type == "execute_result"]
    assert any(data.get("image/svg+xml", "").startswith("<svg") for data in drawn)
    assert any(data.get("text/html", "").startswith("<table") for data in drawn)
    lines = [output.data["text/html"] for output in outputs if output.output_type == "display_data"]
    assert len(lines) == sum(code.count("progress=True") for code in code_of(path))
    assert all("<progress" in line for line in lines)


@each_notebook
def test_a_notebook_is_stored_without_its_outputs(path: Path):
    """No outputs, no numbers of runs, and nothing of the machine that it was written on."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in stored["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    nbformat.validate(nbformat.reads(json.dumps(stored), as_version=4))


def test_the_composition_is_short():
    """Translate, check, refine over 44 products and 3 languages under one budget takes fewer than 40 lines."""
    lines = [line for code in code_of(ROOT / "notebooks" / "composition.ipynb") for line in code.splitlines()]
    assert len([line for line in lines if line.strip()]) < 40


def test_the_budget_of_the_composition_means_something():
    """Some are done and some are not; what was spent stays below what was allowed; all of it is said."""
    outputs = outputs_of(ROOT / "notebooks" / "composition.ipynb")
    table = next(output.data["text/plain"] for output in outputs if "asked for" in str(output.get("data")))
    asked, done, accepted, failed, _, cost = table.splitlines()[1].split(" | ")
    timeline = next(output.data for output in outputs if "image/svg+xml" in output.get("data", {}))
    assert (asked, int(done) + int(failed)) == ("132", 132)
    assert 0 < int(accepted) <= int(done) < 132
    assert 0.15 < float(cost.removeprefix("$")) <= 0.19
    assert f"132 branches ({done} ok, {failed} budget)" in timeline["text/plain"]
