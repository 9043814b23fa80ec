"""The catalog as a dataset in Phoenix, and the translations of a model as an experiment on it.

By Phoenix's REST interface, four addresses of it: importing its own client takes seconds with the server installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from llm_composition_patterns import Failure, Success
from llm_composition_patterns.tracing import PhoenixServer

from ._cases import Case
from ._scores import scores
from ._translation import Run

DATASET: Final = "brindlehaw-catalog"
DESCRIPTION: Final = "The catalog in each language, with a person's translation where there is one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset as Phoenix keeps it: its id, that of its version, and that of each case by the case's key."""

    id: str
    version: str
    examples: Mapping[str, str]


def write_dataset(server: PhoenixServer, wanted: Sequence[Case]) -> Dataset:
    """Have the dataset consist of these cases. Where it does already, nothing changes."""
    uploaded = server.post(
        "/v1/datasets/upload?sync=true",
        {
            "action": "update",
            "name": DATASET,
            "description": DESCRIPTION,
            "example_ids": [case.key for case in wanted],
            "inputs": [_input(case) for case in wanted],
            "outputs": [{} if case.reference is None else case.reference.fields() for case in wanted],
            "metadata": [{"reference": case.reference is not None} for case in wanted],
        },
    )["data"]
    there = server.get(f"/v1/datasets/{uploaded['dataset_id']}/examples")["data"]["examples"]
    return Dataset(
        id=uploaded["dataset_id"],
        version=uploaded["version_id"],
        examples={example["id"]: example["node_id"] for example in there},
    )


def write_experiment(server: PhoenixServer, dataset: Dataset, model: str, runs: Iterable[Run]) -> str:
    """Write what a model made of the cases as a new experiment; its id."""
    created = server.post(
        f"/v1/datasets/{dataset.id}/experiments",
        {"name": model, "version_id": dataset.version, "metadata": {"model": model}, "repetitions": 1},
    )["data"]
    for run in runs:
        _write(server, created["id"], dataset.examples[run.case.key], run)
    return str(created["id"])


def address(server: PhoenixServer, dataset: Dataset, experiments: Sequence[str]) -> str:
    """Where a person sees the experiments side by side."""
    chosen = "&".join(f"experimentId={one}" for one in experiments)
    return f"{server.url}/datasets/{dataset.id}/compare?{chosen}"


def _input(case: Case) -> dict[str, Any]:
    return {
        "product_id": case.product.product_id,
        "product": case.product.name,
        "language": case.language.name,
        **case.source.fields(),
    }


def _write(server: PhoenixServer, experiment: str, example: str, run: Run) -> None:
    match run.outcome:
        case Success(value=translation):
            said: dict[str, Any] = {"output": translation.details.texts.fields()}
        case Failure(error=error, kind=kind):
            said = {"output": None, "error": f"{kind}: {error}"}
    times = {"start_time": run.started.isoformat(), "end_time": run.ended.isoformat()}
    written = server.post(
        f"/v1/experiments/{experiment}/runs",
        {"dataset_example_id": example, "repetition_number": 1, "trace_id": run.trace_id, **times, **said},
    )["data"]
    if isinstance(run.outcome, Success):
        for score in scores(run.case, run.outcome.value.details.texts):
            fields = {name: value for name, value in asdict(score).items() if value is not None and name != "name"}
            evaluation = {"experiment_run_id": written["id"], "name": score.name, "annotator_kind": "CODE"}
            server.post("/v1/experiment_evaluations", {**evaluation, **times, "result": fields})
