"""What the product translation example says and writes when a part fails."""

import json
import sys
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from llm_composition_patterns.patterns.parallelization import example
from llm_composition_patterns.patterns.parallelization.product_translation import report
from llm_composition_patterns.simulation import Fault, Scenario, SimulatedServer

SIMULATED = ("--model", "simulated:", "--trace", "off")
THREE = ("--product", "5", "6", "--languages", "spanish", "french", "german")

Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line against faults; its exit code, stdout and the lines of stderr."""

    def command(*argv: str, faults: tuple[Fault, ...] = ()) -> tuple[int, str, list[str]]:
        if faults:
            monkeypatch.setattr(example, "connect", partial(example.connect, scenario=Scenario(faults=faults)))
        code = example.main(argv)
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return command


def test_what_ends_the_run_is_said_once(run: Run):
    """An account without credit is one line, and what was stopped by it another."""
    faults = (Fault(kind="no_credit", match="into French"),)
    argv = ("--product", "5", "--languages", "spanish", "french", *SIMULATED)
    code, _, err = run(*argv, faults=faults)
    assert code == 1
    assert len([line for line in err if "cannot pay" in line]) == 1
    assert err[-1] == "failed: 1 translation stopped before the end"


def test_failures_that_are_alike_are_said_once(run: Run):
    """The first in full, then which others there are; JSON lists them all."""
    code, out, err = run(*THREE, *SIMULATED, "--json", faults=(Fault(kind="refusal"),))
    assert code == 1
    failed = [line for line in err if line.startswith("failed: ")]
    assert len(failed) == 2
    assert failed[0].startswith("failed: product 5, spanish: invalid_output: ")
    others = "product 5, french, german; product 6, spanish, french, german"
    assert failed[1] == f"failed: the same for 5 more: {others}"
    assert len(json.loads(out)["failures"]) == 6


def test_timeouts_are_alike_whichever_branch_it_was(run: Run):
    """Their texts differ in the names of branch and product, which are said anyway."""
    argv = (*THREE, *SIMULATED, "--timeout", "0.2", "--json")
    _, _, err = run(*argv, faults=(Fault(kind="hang"),))
    failed = [line for line in err if line.startswith("failed: ")]
    assert failed[0].startswith("failed: product 5, spanish: timeout: branch 0 ('translate_to_spanish') of ")
    assert failed[1:] == ["failed: the same for 5 more: product 5, french, german; product 6, spanish, french, german"]


def test_repairs_are_told_from_calls(run: Run):
    """A language that was asked again counts as one translation, and the summary says why there were more calls."""
    argv = ("--product", "5", "--languages", "spanish", "french", *SIMULATED)
    code, out, _ = run(*argv, faults=(Fault(kind="malformed_json", match="into French", times=1),))
    assert code == 0
    assert "3 calls (1 of them to repair answers), 0 retries" in out


def test_a_product_without_a_translation_is_not_written(run: Run, tmp_path: Path):
    """Its failures are listed, and how many products were written is said."""
    argv = (*THREE, *SIMULATED, "--output", str(tmp_path))
    code, _, err = run(*argv, faults=(Fault(kind="refusal"),))
    assert code == 1
    assert list(tmp_path.iterdir()) == []
    assert f"written into {tmp_path}: 0 of 2 products" in err


def _write_catalog(directory: Path, monkeypatch: pytest.MonkeyPatch, *products: dict[str, object]) -> None:
    """Let the command have a catalog of these products."""
    path = directory / "products.json"
    records = [{"product_id": index + 1, "extracted_data": details} for index, details in enumerate(products)]
    path.write_text(json.dumps(records))
    monkeypatch.setattr("llm_composition_patterns.patterns.brindlehaw._products.packaged", lambda _: path)


@pytest.mark.parametrize("count", [1, report.MOST_SHOWN_WHOLE + 1])
def test_what_could_steer_a_terminal_is_not_printed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
):
    """Texts of the catalog and of models are data, whatever is in them."""
    texts = ["Fits \x1b[2J over a helmet", "Two\x9bK lines\r\nand \x1b]52;c;aGk=\x07"]
    details = {"product_name": "Pack \x1b]0;title\x07", "price": "9 \x1b[8m", "product_features": texts}
    _write_catalog(tmp_path, monkeypatch, *[details] * count)
    code, out, _ = run("--product", "all", "--languages", "french", *SIMULATED)
    assert code == 0
    assert "Pack ?]0;title?" in out
    assert not {character for character in out if character != "\n" and unicodedata.category(character) == "Cc"}


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_half_a_character_in_the_catalog_costs_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: tuple[str, ...]
):
    """Neither in a name nor in what is translated."""
    details = {"product_name": "Pack \ud800", "product_features": ["Fits over \ud800 a helmet"]}
    _write_catalog(tmp_path, monkeypatch, details)
    code, out, _ = run("--product", "all", "--languages", "french", *SIMULATED, *flags)
    assert code == 0
    assert "Pack" in out
    assert "\ud800" not in out


def test_a_closed_stdout_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The translations went nowhere but into the files, and that is said."""
    monkeypatch.setattr(sys, "stdout", None)
    code, _, err = run("--product", "5", *SIMULATED, "--output", str(tmp_path))
    assert code == 1
    assert f"written into {tmp_path}: 1 of 1 products" in err
    assert err[-1].startswith("error: stdout is closed")


@pytest.mark.parametrize("flags", [("--model", "simulated:"), ("--language-model", "german=simulated:")])
def test_a_model_that_was_not_named_is_called_by_its_name(run: Run, flags: tuple[str, str]):
    """On stderr and in the results."""
    _, out, err = run("--languages", "german", *flags, "--trace", "off", "--json")
    name = "simulated:simulated/translator-small"
    assert name in err[0]
    assert json.loads(out)["results"][0]["status"]["german"]["model"] == name


def test_a_model_that_only_the_server_knows_is_called_by_its_name(
    run: Run, simulated: Callable[[Scenario], SimulatedServer], monkeypatch: pytest.MonkeyPatch
):
    """A local server is asked for its first model."""
    monkeypatch.setenv("OLLAMA_HOST", simulated(Scenario(models=("qwen3:8b",))).url)
    _, out, err = run("--languages", "german", "--model", "ollama:", "--trace", "off", "--json")
    assert "model: ollama:qwen3:8b (the first that the server lists)" in err
    assert json.loads(out)["results"][0]["status"]["german"]["model"] == "ollama:qwen3:8b"
