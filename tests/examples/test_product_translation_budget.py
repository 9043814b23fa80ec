"""The product translation example with `--budget`."""

import json
from functools import partial
from pathlib import Path

import pytest

from llm_composition_patterns.llm import connect
from llm_composition_patterns.patterns.parallelization import example
from llm_composition_patterns.simulation import Price, Scenario

LANGUAGES = ("spanish", "french", "german", "italian", "japanese", "dutch")
COMMAND = ("--product", "5", "--languages", *LANGUAGES, "--trace", "off", "--json")
SIMULATED = ("--model", "simulated:simulated/translator-small")


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated translations cost about half a cent each."""
    scenario = Scenario(price=Price(input=1, output=20))
    monkeypatch.setattr(example, "connect", partial(connect, scenario=scenario))


@pytest.mark.usefixtures("priced")
def test_what_the_budget_pays_for_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """The rest is listed with its kind; both are in the file, and the code says that some failed."""
    code = example.main([*COMMAND, *SIMULATED, "--budget", "0.025", "--output", str(tmp_path)])
    out, err = capsys.readouterr()
    whole = json.loads(out)
    [result] = whole["results"]
    done, failed = len(result["translations"]), len(whole["failures"])
    assert code == 3
    assert done >= 1
    assert done + failed == len(LANGUAGES)
    assert {failure["kind"] for failure in whole["failures"]} == {"budget"}
    assert 0 < whole["usage"]["known_cost"] <= 0.025
    [path] = tmp_path.iterdir()
    assert json.loads(path.read_text())["translations"] == result["translations"]
    lines = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert "budget: the budget of 'product translation' is $0.025" in lines[0]
    assert "Raise --budget" in lines[0]
    assert len(lines) == (2 if failed > 1 else 1)


@pytest.mark.usefixtures("priced")
def test_a_budget_for_nothing_is_a_failure(capsys: pytest.CaptureFixture[str]):
    """Nothing succeeded."""
    code = example.main([*COMMAND, *SIMULATED, "--budget", "0.000001"])
    out, _ = capsys.readouterr()
    assert code == 1
    assert json.loads(out)["usage"]["calls"] == 0


@pytest.mark.usefixtures("priced")
def test_a_budget_for_all_changes_nothing(capsys: pytest.CaptureFixture[str]):
    """Everything is translated."""
    code = example.main([*COMMAND, *SIMULATED, "--budget", "100"])
    out, _ = capsys.readouterr()
    assert code == 0
    assert len(json.loads(out)["results"][0]["translations"]) == len(LANGUAGES)


def test_a_model_without_a_price_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Nothing is called, and one line says what to do."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key-key")
    code = example.main([*COMMAND, "--model", "openai:a-model-of-the-house", "--budget", "1"])
    _, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2
    (line,) = errors
    assert line.startswith("error: the price of openai:a-model-of-the-house is not known, so the budget of 'product ")
    assert line.endswith("would not hold: take another model, or leave out --budget")
