"""The comparison of translators in a real Phoenix."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from llm_composition_patterns.tracing import PhoenixServer

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def compare(phoenix, clean_environ):
    """Runs the command on two products; the ids of the dataset and of the experiments."""
    environ = clean_environ | {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": "quality"}
    argv = [sys.executable, "-m", "examples.translation_quality", "--product", "2", "3"]

    def run():
        done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=True)
        address = done.stdout.splitlines()[-1]
        return re.search(r"/datasets/(\w+)/", address)[1], re.findall(r"experimentId=(\w+)", address)

    return run


def test_each_run_is_an_experiment_on_the_same_dataset(phoenix, compare):
    """A second run makes no second dataset and no second version of it, and two more experiments."""
    server = PhoenixServer(url=phoenix.url)
    dataset, first = compare()
    before = experiments_of(server, dataset)
    again, second = compare()
    assert again == dataset
    assert len(server.get(f"/v1/datasets/{dataset}/versions")["data"]) == 1
    assert len(server.get(f"/v1/datasets/{dataset}/examples")["data"]["examples"]) == 88
    assert experiments_of(server, dataset) - before == set(second)
    assert len(set(second)) == 2
    assert before >= set(first)


def experiments_of(server, dataset):
    """The ids of those on a dataset."""
    return {one["id"] for one in server.get(f"/v1/datasets/{dataset}/experiments?limit=1000")["data"]}


def test_an_experiment_has_each_translation_with_its_scores(phoenix, compare):
    """Output, trace, chrF++ where there is a reference, and the checks."""
    _, (careful, hasty) = compare()
    mean = {}
    for name, experiment in (("careful", careful), ("hasty", hasty)):
        with urlopen(f"{phoenix.url}/v1/experiments/{experiment}/json") as answer:  # noqa: S310 - it is http
            runs = json.load(answer)
        assert len(runs) == 4
        assert all(run["trace_id"] and run["error"] is None for run in runs)
        assert all("[simulated]" in run["output"]["available_colors"][0] for run in runs)
        scores = [{one["name"]: one["score"] for one in run["annotations"]} for run in runs]
        assert sorted(map(sorted, scores)) == [["checks"], ["checks"], ["checks", "chrF++"], ["checks", "chrF++"]]
        mean[name] = sum(one.get("chrF++", 0) for one in scores) / 2
    assert 1 > mean["careful"] > mean["hasty"] > 0
