"""Nothing is lost while there is time, everything that is lost is counted, and a giant run can be looked at.

The long forms are marked slow: `make traces` runs them.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_composition_patterns import parallelize, tracing
from llm_composition_patterns.tracing import Tracing, TracingStatistics, setup_tracing

FAN_OUT = "classify 10,000"
ROOT = Path(__file__).parents[2]

Answer = tuple[int, dict[str, str], bytes]


async def step(number: int) -> int:
    with tracing.span("inside", input=number):
        return number


def run(branches: int, **settings: object) -> int:
    """Two spans a branch, and the fan-out's."""
    asyncio.run(parallelize(step, range(branches), **settings))
    return 2 * branches + 1


@pytest.fixture
def accepting(receiver) -> Callable[..., Callable[[], int]]:
    """Makes the collector refuse for now while a condition holds; gives what counts the spans that it accepted."""

    def set_up(busy: Callable[[], bool]) -> Callable[[], int]:
        accepted = []

        def answer(number: int) -> Answer:
            if busy():
                return 503, {}, b""
            accepted.append(number - 1)
            return 200, {}, b""

        receiver.answer = answer
        return lambda: sum(
            len(scope.spans)
            for number in accepted
            for resource in receiver.requests[number][1].resource_spans
            for scope in resource.scope_spans
        )

    return set_up


def exported(made: Tracing, count: int) -> bool:
    return made.statistics() == TracingStatistics(created=count, exported=count)


@pytest.mark.parametrize(
    ("branches", "delay"),
    [(2_500, 0.1), pytest.param(25_000, 0.1, marks=[pytest.mark.slow, pytest.mark.timeout(300)])],
)
def test_a_collector_that_takes_its_time_gets_everything(receiver, branches, delay):
    """With 100 ms a request, received = created."""
    receiver.delay = delay
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        created = run(branches)
        assert made.flush(200)
    assert len(receiver.spans) == created
    assert exported(made, created)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_with_back_pressure_the_queue_is_no_limit(receiver):
    """A run of more spans than the queue holds is slowed down to what the collector takes, and none is lost."""
    receiver.delay = 0.1
    with setup_tracing("phoenix", endpoint=receiver.url, backpressure=True) as made:
        created = run(50_000)
        assert made.flush(200)
    assert created > 65_536
    assert len(receiver.spans) == created
    assert exported(made, created)


@pytest.mark.parametrize(
    ("branches", "seconds"),
    [(2_500, 2.0), pytest.param(25_000, 30.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])],
)
def test_a_collector_that_recovers_gets_everything(receiver, accepting, branches, seconds):
    """It answers 503 for a while, from the start: received = created."""
    until = time.monotonic() + seconds
    received = accepting(lambda: time.monotonic() < until)
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        created = run(branches)
        assert made.flush(200)
    assert time.monotonic() > until
    assert received() == created
    assert exported(made, created)


@pytest.mark.parametrize(
    ("branches", "deadline"),
    [(2_500, 1.0), pytest.param(25_000, 30.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])],
)
def test_of_a_collector_that_never_recovers_the_loss_is_told(receiver, accepting, capsys, branches, deadline):
    """It took something before: created - received = lost, and the end comes within a second of the deadline."""
    received = accepting(lambda: len(receiver.requests) > 2)
    made = setup_tracing("phoenix", endpoint=receiver.url)
    created = run(branches)
    while len(receiver.requests) <= 2:
        time.sleep(0.01)
    began = time.monotonic()
    made.shutdown(deadline)
    assert deadline <= time.monotonic() - began < deadline + 1.0
    lost = created - received()
    assert received() > 0
    assert made.statistics() == TracingStatistics(created=created, exported=created - lost, lost=lost)
    told = (
        f"{lost:,} of {created:,} spans were lost on their way to {receiver.url}/v1/traces: the answer was status 503"
    )
    assert told in capsys.readouterr().err


def asked(url: str, query: str) -> dict:
    """What Phoenix's GraphQL answers."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
        return json.load(response)["data"]


def project(url: str, name: str) -> dict:
    found = asked(url, "{ projects { edges { node { id name recordCount traceCount } } } }")["projects"]["edges"]
    return next((edge["node"] for edge in found if edge["node"]["name"] == name), {"recordCount": 0})


@pytest.mark.slow
@pytest.mark.phoenix
@pytest.mark.browser
@pytest.mark.timeout(900)
def test_a_giant_run_is_in_phoenix_and_can_be_looked_at(phoenix, open_trace):
    """20,000 spans of 10,000 branches are all there; the project page and one item's trace open in under 5 s."""
    began = time.monotonic()
    with setup_tracing("phoenix", endpoint=phoenix.url, project="giant", backpressure=True) as made:
        created = run(10_000, name=FAN_OUT, branch_name=lambda number: f"item {number}")
        assert made.flush(600)
    sent = time.monotonic() - began
    while (found := project(phoenix.url, "giant"))["recordCount"] < created and time.monotonic() < began + 600:
        time.sleep(1)
    stored = time.monotonic() - began
    assert exported(made, created)
    assert (found["recordCount"], found["traceCount"]) == (created, 10_001)
    page_took, _ = seconds_to_open(open_trace, f"{phoenix.url}/projects/{found['id']}/traces", "item 9999")
    trace_id = item_trace(phoenix.url, found["id"])
    trace_took, text = seconds_to_open(open_trace, f"{phoenix.url}/redirects/traces/{trace_id}", "inside")
    figures = {"sent": sent, "stored": stored, "project page": page_took, "trace": trace_took}
    print({name: round(seconds, 2) for name, seconds in figures.items()})  # noqa: T201 - with -s
    assert "item 5000" in text
    assert page_took < 5
    assert trace_took < 5


def item_trace(url: str, project_id: str) -> str:
    found = "spans(first: 1, filterCondition: \"name == 'item 5000'\") { edges { node { trace { traceId } } } }"
    (edge,) = asked(url, f'{{ node(id: "{project_id}") {{ ... on Project {{ {found} }} }} }}')["node"]["spans"]["edges"]
    return str(edge["node"]["trace"]["traceId"])


def seconds_to_open(open_trace, address: str, shown: str) -> tuple[float, str]:
    """How long a page takes to show a text in a new browser, at best of three, and all that it shows then."""
    taken = []
    for _ in range(3):
        with open_trace("about:blank") as page:
            began = time.monotonic()
            page.goto(address)
            page.get_by_text(shown).first.wait_for(timeout=60_000)
            taken.append(time.monotonic() - began)
            text = page.inner_text("body")
    print(address, [round(seconds, 2) for seconds in taken])  # noqa: T201 - with -s
    return min(taken), text


@pytest.mark.slow
@pytest.mark.phoenix
@pytest.mark.timeout(600)
def test_each_of_2000_papers_is_a_trace_in_phoenix(phoenix, clean_environ, tmp_path):
    """The paper application's own command: a trace for each paper, linked to the run's, with each of its calls."""
    environ = clean_environ | {"PYTHONPATH": os.pathsep.join([clean_environ["PYTHONPATH"], str(ROOT)])}
    environ |= {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": "papers"}
    papers = tmp_path / "papers.jsonl"
    papers.write_bytes(command("generate", "2000", "--no-bodies", environ=environ).stdout)
    settings = ["--store", tmp_path / "papers.db", "--model", "simulated:simulated/x", "--trace", "phoenix", "--json"]
    told = command("run", papers, *settings, environ=environ)
    until = time.monotonic() + 300
    wanted = {"traces": 2_001, "linked": 2_000, "chats": json.loads(told.stdout)["calls"]}
    while (found := recorded(phoenix.url, "papers")) != wanted and time.monotonic() < until:
        time.sleep(1)
    print(found)  # noqa: T201 - with -s
    assert b"lost" not in told.stderr
    assert found == wanted
    assert found["chats"] >= 2_000


def command(*arguments: object, environ: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """A command of the paper application that succeeds."""
    whole = [sys.executable, "-m", "examples.paper_translation", *map(str, arguments)]
    return subprocess.run(whole, env=environ, cwd=ROOT, capture_output=True, check=True)


def recorded(url: str, name: str) -> dict[str, int]:
    """How many traces a project has, how many roots that are linked to the run's fan-out, and how many calls."""
    found = project(url, name)
    if "id" not in found:
        return {"traces": 0, "linked": 0, "chats": 0}
    fan_out = "name == 'translate papers' and parent_id is not None"
    asking = f'spans(first: 2, filterCondition: "{fan_out}") {{ edges {{ node {{ spanId }} }} }}'
    spans = asked(url, f'{{ node(id: "{found["id"]}") {{ ... on Project {{ {asking} }} }} }}')["node"]["spans"]["edges"]
    span_id = spans[0]["node"]["spanId"] if len(spans) == 1 else ""
    linked = counted(url, found["id"], f"attributes['llm_composition']['fan_out_span_id'] == '{span_id}'")
    return {"traces": found["traceCount"], "linked": linked, "chats": counted(url, found["id"], "span_kind == 'LLM'")}


def counted(url: str, project_id: str, condition: str) -> int:
    """How many spans of a project meet a condition."""
    asking = f'{{ node(id: "{project_id}") {{ ... on Project {{ recordCount(filterCondition: "{condition}") }} }} }}'
    return int(asked(url, asking)["node"]["recordCount"])
