"""The examples are apart: what one of them takes from elsewhere has a public name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = sorted(path.parent for path in (ROOT / "examples").glob("*/__init__.py"))


def imported(path):
    """The full name of everything that a module imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = node.module.split(".") if node.module else []
            yield from ([*above, *module, alias.name] for alias in node.names)


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_an_example_takes_public_names_only(app):
    """From the package, from what examples share, and nothing from other examples or from benchmarks."""
    others = {("examples", other.name) for other in APPS} - {("examples", app.name)}
    taken = [name for path in app.rglob("*.py") for name in imported(path) if name[:2] != ["examples", app.name]]
    assert len(taken) > 10
    wrong = [
        ".".join(name)
        for name in taken
        if name[0] == "benchmarks"
        or tuple(name[:2]) in others
        or (name[0] in {"examples", "llm_composition_patterns"} and any(part.startswith("_") for part in name))
    ]
    assert wrong == []
