"""The workflows that run a batch as a matrix: what they pass on, and their own scripts, run here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from llm_composition_patterns.batch import Shard, read_status

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
PRESETS = {"parallel": (5, 20), "ultra-parallel": (10, 50), "extreme-parallel": (20, 100)}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def workflow(name):
    """A workflow, with all scalars as texts: `on` is no boolean."""
    return yaml.load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506


BACKFILL = workflow("backfill")
CALLED = BACKFILL["on"]["workflow_call"]


def steps(job):
    return BACKFILL["jobs"][job]["steps"]


@pytest.mark.parametrize(("name", "preset"), PRESETS.items())
def test_a_preset_has_the_jobs_and_workers_of_its_name(name, preset):
    """Which whoever starts it may change."""
    inputs = workflow(f"backfill-{name}")["on"]["workflow_dispatch"]["inputs"]
    assert (int(inputs["parallel_jobs"]["default"]), int(inputs["workers_per_job"]["default"])) == preset
    assert int(inputs["total_papers"]["default"]) > 0


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_passes_on_every_input_and_every_key(name):
    """Of the same name and type, to the workflow that does the work."""
    calling = workflow(f"backfill-{name}")
    (job,) = calling["jobs"].values()
    assert job["uses"] == "./.github/workflows/backfill.yml"
    given = calling["on"]["workflow_dispatch"]["inputs"]
    types = {name: one["type"] for name, one in CALLED["inputs"].items()}
    assert {name: one["type"] for name, one in given.items()} == types
    assert job["with"] == {
        name: f"${{{{ fromJSON(inputs.{name}) }}}}" if kind == "number" else f"${{{{ inputs.{name} }}}}"
        for name, kind in types.items()
    }
    assert job["secrets"] == {name: f"${{{{ secrets.{name} }}}}" for name in CALLED["secrets"]}


def test_expressions_name_what_there_is():
    """Inputs, keys, jobs before, outputs of steps, and the matrix's one axis."""
    jobs = BACKFILL["jobs"]
    outputs = {f"needs.{job}.outputs.{name}" for job, one in jobs.items() for name in one.get("outputs", {})}
    known = {
        *(f"inputs.{name}" for name in CALLED["inputs"]),
        *(f"secrets.{name}" for name in CALLED["secrets"]),
        *(f"needs.{job}.result" for job in jobs),
        *outputs,
        "steps.shards.outputs.numbers",
        "matrix.shard",
    }
    named = re.findall(r"\b(?:inputs|secrets|needs|steps|matrix)\.[\w.]+", " ".join(EXPRESSION.findall(str(BACKFILL))))
    assert set(named) <= known
    for name, job in jobs.items():
        needs = job.get("needs", [])
        assert ({needs} if isinstance(needs, str) else set(needs)) <= set(jobs) - {name}


def test_no_script_is_put_together_from_inputs():
    """They reach a shell as variables, so that no text of theirs is a command."""
    scripts = [step["run"] for job in BACKFILL["jobs"] for step in steps(job) if "run" in step]
    assert len(scripts) > 5
    assert not [script for script in scripts if EXPRESSION.search(script)]


def test_a_job_that_fails_ends_no_other_and_its_store_is_kept():
    """What is paid is uploaded whatever happens, and what there is is merged."""
    translate = BACKFILL["jobs"]["translate"]
    assert translate["strategy"]["fail-fast"] == "false"
    assert steps("translate")[-1]["if"] == "always()"
    assert BACKFILL["jobs"]["report"]["if"].startswith("${{ !cancelled()")


@pytest.mark.timeout(180)
@pytest.mark.skipif(shutil.which("timeout") is None, reason="the jobs run on Linux, where there is a timeout command")
def test_the_scripts_of_the_jobs_do_the_work(tmp_path):
    """Run one after another as the runners would, from the archive to the report."""
    inputs = {"parallel_jobs": "3", "workers_per_job": "20", "total_papers": "30", "records": ""}
    inputs["model"] = CALLED["inputs"]["model"]["default"]
    known = {f"inputs.{name}": value for name, value in inputs.items()}
    play(tmp_path, "archive", known)
    (numbers,) = (tmp_path / "output").read_text().splitlines()
    assert numbers == "numbers=[1,2,3]"
    ids = [json.loads(line)["id"] for line in (tmp_path / "papers.jsonl").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "stores").mkdir()
    for shard in ("1", "2", "3"):
        play(tmp_path, "translate", {**known, "matrix.shard": shard})
        store = (tmp_path / f"shard-{shard}.db").rename(tmp_path / "stores" / f"shard-{shard}.db")
        assert read_status(store).counts["succeeded"] == sum(Shard(int(shard), 3).keeps(one) for one in ids)
    play(tmp_path, "report", known)
    assert read_status(tmp_path / "papers.db").counts["succeeded"] == len(ids) == 30
    assert json.loads((tmp_path / "status.json").read_text())["counts"]["succeeded"] == 30
    assert "items: 30 succeeded, 0 failed" in (tmp_path / "summary").read_text()
    assert (tmp_path / "failed.txt").read_text() == ""


def play(directory, job, known):
    """Run the scripts of a job, but those that install."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "GITHUB_OUTPUT": str(directory / "output"),
        "GITHUB_STEP_SUMMARY": str(directory / "summary"),
    }
    for step in steps(job):
        if "pip install" in step.get("run", "pip install"):
            continue
        given = {
            name: EXPRESSION.sub(lambda found: known.get(found[1], ""), value)
            for name, value in step.get("env", {}).items()
        }
        command = ["bash", "-e", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=directory, env={**environ, **given}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
