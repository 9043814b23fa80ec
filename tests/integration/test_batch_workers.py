"""Batches in workers over real TCP, with a cluster of tasks or processes in place of Ray's."""

import asyncio
from collections import Counter
from contextlib import suppress
from math import inf

import clusters
import pytest
import remote_steps
from aiohttp import ClientSession
from remote_steps import Paper, Summary

from llm_composition_patterns import (
    AuthenticationFailed,
    Budget,
    BudgetExceeded,
    ConfigurationError,
    Price,
    read_results,
    run_batch,
)
from llm_composition_patterns.batch import _ray_transport
from llm_composition_patterns.batch.remote import Hub, Setup, _hub, work
from llm_composition_patterns.simulation import Fault, Scenario, serve
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names

ANSWER = "word " * 80  # 100 tokens


@pytest.fixture(autouse=True)
def cluster(monkeypatch, tmp_path):
    """Two actors that are tasks; what steps leave behind is in the test's directory."""
    monkeypatch.setattr(_ray_transport, "Cluster", clusters.TaskCluster)
    monkeypatch.setenv(remote_steps.DIRECTORY, str(tmp_path))


@pytest.fixture
def processes(monkeypatch):
    """Two actors that are processes."""
    monkeypatch.setattr(_ray_transport, "Cluster", clusters.ProcessCluster)


@pytest.fixture
async def server(monkeypatch):
    """A simulated server that the steps' models call: 100 tokens in 50 ms."""
    scenario = Scenario(
        price=Price(input=1, output=1),
        answer=lambda _: ANSWER,
        time_to_first_token=0.05,
        tokens_per_second=inf,
        spread=0,
    )
    async with serve(scenario) as server:
        monkeypatch.setenv(remote_steps.URL, server.url)
        yield server


@pytest.fixture
async def faulty(monkeypatch):
    """The same, with 8 failures."""
    faults = (Fault(kind="server_overloaded", match="What is [369]", times=8),)
    async with serve(Scenario(answer=lambda _: ANSWER, time_to_first_token=0.01, faults=faults)) as server:
        monkeypatch.setenv(remote_steps.URL, server.url)
        yield server


def run(step, items, tmp_path, **settings):
    return run_batch(step, items, store=tmp_path / "run.db", key=str, transport="ray", **settings)


async def outcomes(tmp_path, output=None):
    return {outcome.key: outcome async for outcome in read_results(tmp_path / "run.db", output=output)}


def told(report):
    return {state: count for state, count in report.counts.items() if count}


def lines(tmp_path, name):
    path = tmp_path / name
    return path.read_text().splitlines() if path.exists() else []


async def test_items_run_in_workers_and_are_recorded(tmp_path):
    """Every item has its value in the store, as if it had run here."""
    report = await run(remote_steps.double, range(300), tmp_path)
    assert told(report) == {"succeeded": 300}
    assert report.executed == 300
    assert {key: outcome.value for key, outcome in (await outcomes(tmp_path)).items()} == {
        str(number): 2 * number for number in range(300)
    }


async def test_inputs_and_results_are_what_annotations_say(tmp_path):
    """A step gets its input as the model that it is annotated with, and its result comes back as one."""
    papers = {f"p{number}": Paper(id=f"p{number}", words=number) for number in range(3)}
    await run_batch(remote_steps.summarize, papers, store=tmp_path / "run.db", transport="ray")
    found = await outcomes(tmp_path, Summary)
    assert {key: outcome.value for key, outcome in found.items()} == {
        key: Summary(paper=paper, text="short") for key, paper in papers.items()
    }


async def test_what_a_step_raises_is_recorded_as_it_is_here(tmp_path):
    """An item fails with the same class, text and kind as in this process; trouble of a provider leaves it pending."""
    report = await run(remote_steps.fail, range(4), tmp_path)
    found = await outcomes(tmp_path)
    assert told(report) == {"failed": 3, "pending": 1}
    assert {key: str(outcome.error) for key, outcome in found.items()} == {
        "0": "KeyError: 'k'",
        "1": "OddError: 1 and 2",
        "3": "RuntimeError",
    }


async def test_what_every_item_would_fail_with_ends_the_run(tmp_path):
    """A refused key in a worker is raised here, with its model; the item is pending."""
    with pytest.raises(AuthenticationFailed, match="no key") as raised:
        await run(remote_steps.be_refused, range(50), tmp_path, max_concurrency=1)
    assert raised.value.model == "groq:x"
    assert "Ray actor" in "".join(raised.value.__notes__)


async def test_a_result_that_is_no_json_ends_the_run(tmp_path):
    """It is a TypeError on the first result, as it is here."""
    with pytest.raises(TypeError, match="cannot be kept"):
        await run(remote_steps.give_what_is_no_json, range(3), tmp_path)


async def test_an_item_that_cancels_itself_fails_alone(tmp_path):
    """It is recorded as it is here, and its worker goes on."""
    report = await run(remote_steps.cancel_itself, range(2), tmp_path)
    assert (report.executed, told(report)) == (2, {"failed": 2})
    assert {outcome.kind for outcome in (await outcomes(tmp_path)).values()} == {"cancelled"}


async def test_inputs_that_are_no_json_are_refused(tmp_path):
    """The run ends with the repair, and no item is failed for it."""
    with pytest.raises(ConfigurationError, match="Under Ray inputs travel as JSON"):
        await run(remote_steps.double, [object()], tmp_path)
    assert await outcomes(tmp_path) == {}


@pytest.mark.parametrize("role", ["step", "resource"])
async def test_what_cannot_be_imported_is_refused_before_anything_starts(role, tmp_path):
    """A closure as step or resource is a TypeError, and there is no store yet."""

    async def here(number):
        return number

    step, resource = (here, None) if role == "step" else (remote_steps.with_held, lambda: None)
    with pytest.raises(TypeError, match=f"the {role}.*at the top level of a module"):
        await run(step, range(2), tmp_path, resource=resource, step_name="here")
    assert not (tmp_path / "run.db").exists()


async def test_a_resource_is_opened_once_in_each_worker_and_closed(tmp_path):
    """Two workers open it, whatever the number of items, and both close it before the run is over."""
    await run(remote_steps.with_held, range(20), tmp_path, resource=remote_steps.noted)
    assert len(lines(tmp_path, "opened")) == len(lines(tmp_path, "closed")) == clusters.CPUS
    assert {outcome.value for outcome in (await outcomes(tmp_path)).values()} == {f"held {n}" for n in range(20)}


async def test_a_resource_that_cannot_be_opened_is_told(tmp_path):
    """Its error is raised, and nothing was executed."""
    with pytest.raises(ValueError, match="there is no glossary"):
        await run(remote_steps.with_held, range(2), tmp_path, resource=remote_steps.broken)


async def test_a_worker_whose_resource_cannot_be_opened_tries_again(tmp_path, caplog):
    """The other one begins without it; it takes items as soon as it can, and what failed is told once."""
    resource = remote_steps.broken_at_first
    report = await run(remote_steps.with_two_held, range(6), tmp_path, resource=resource, max_concurrency=4)
    assert told(report) == {"succeeded": 6}
    assert len(lines(tmp_path, "opened")) == clusters.CPUS
    assert len([record for record in caplog.records if "there is no glossary yet" in record.message]) == 1


async def test_one_worker_that_cannot_begin_waits_for_the_others(monkeypatch):
    """It ends and is told; when no other has begun in time, none is expected to."""
    monkeypatch.setattr(_hub, "_OTHERS", 0.1)
    setup = Setup(step="remote_steps:with_held", resource="remote_steps:broken", output=None, path=[])
    async with Hub(setup, "127.0.0.1", of=2) as hub:
        with pytest.raises(RuntimeError, match="ValueError: there is no glossary"):
            await work(hub.url, hub.token, "one")
        assert hub.unable is None
        while hub.unable is None:
            await hub.until_changed()
        assert str(hub.unable) == "there is no glossary"


@pytest.mark.parametrize("alone", [True, False])
async def test_what_a_worker_begins_with_is_never_searched_for_garbage(alone, monkeypatch):
    """Else it stops for 0.1 s now and then, and the permits that came meanwhile are used in one moment."""
    frozen = []
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(hub.workers))
    setup = Setup(step="remote_steps:with_held", resource="remote_steps:noted", output=None, path=[])
    async with Hub(setup, "127.0.0.1") as hub:
        working = asyncio.create_task(work(hub.url, hub.token, "one", alone=alone))
        while not hub.workers:
            await hub.until_changed()
    await working
    assert frozen == [0] * alone  # before it is ready


async def test_steps_inside_items_are_recorded(tmp_path):
    """A part that was finished is not executed again when its item is."""
    assert told(await run(remote_steps.two_parts, range(3), tmp_path)) == {"succeeded": 2, "pending": 1}
    assert told(await run(remote_steps.two_parts, range(3), tmp_path)) == {"succeeded": 3}
    assert Counter(lines(tmp_path, "first")) == {"0": 1, "1": 1, "2": 1}


async def test_items_go_evenly_to_all_workers(tmp_path, processes):
    """Each of two workers gets its share of what is in flight."""
    report = await run(remote_steps.nap_somewhere, range(40), tmp_path, max_concurrency=8)
    assert told(report) == {"succeeded": 40}
    shares = Counter(outcome.value for outcome in (await outcomes(tmp_path)).values())
    assert len(shares) == clusters.CPUS
    assert min(shares.values()) >= 12  # one may be faster than the other


async def test_a_worker_that_dies_loses_nothing(tmp_path, processes):
    """What it ran is begun again by another, and said to be repeated; the worker is started again."""
    report = await run(remote_steps.die_at_seven, range(40), tmp_path, max_concurrency=8)
    assert told(report) == {"succeeded": 40}
    assert "7" in report.possibly_repeated
    assert len(report.possibly_repeated) <= 8


async def test_a_local_run_is_gone_on_with_in_workers(tmp_path):
    """The store is the same: what is finished is not executed again."""
    await run_batch(remote_steps.double, range(10), store=tmp_path / "run.db", key=str)
    assert (await run(remote_steps.double, range(25), tmp_path)).executed == 15


async def test_cancelling_the_run_ends_its_items(tmp_path):
    """Steps in workers are cancelled and have ended when the run has."""
    running = asyncio.create_task(run(remote_steps.wait_forever, range(4), tmp_path))
    while len(lines(tmp_path, "begun")) < 4:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
    assert len(lines(tmp_path, "ended")) == 4


async def test_calls_in_workers_are_accounted_here(tmp_path, server):
    """Tokens, calls and dollars of all workers are the run's, and their items'."""
    report = await run(remote_steps.answer, range(10), tmp_path, resource=remote_steps.model)
    found = (await outcomes(tmp_path)).values()
    assert (report.usage.calls, report.usage.output_tokens) == (10, 1000)
    assert {outcome.usage.calls for outcome in found} == {1}
    assert server.provider.calls == 10


async def test_a_limiter_holds_over_all_workers(tmp_path, server):
    """`Limiter(fixed=3)` in the resource of two workers lets three calls be in flight, not six."""
    report = await run(remote_steps.answer, range(12), tmp_path, resource=remote_steps.three_at_once)
    assert told(report) == {"succeeded": 12}
    assert report.elapsed >= 4 * 0.05


async def test_a_call_that_is_held_up_fails_as_it_does_here(tmp_path, server):
    """More than the own rate allows within the patience is left pending with the repair."""
    report = await run(remote_steps.answer, range(30), tmp_path, resource=remote_steps.ten_a_minute)
    assert 1 <= report.counts["succeeded"] <= 11
    assert report.counts["pending"] == 30 - report.counts["succeeded"]


async def test_a_budget_holds_over_all_workers(tmp_path, server):
    """It is never passed, whatever the workers have in flight, and what it pays for is done."""
    budget = Budget(tokens=1000)
    with pytest.raises(BudgetExceeded):
        await run(remote_steps.answer, range(40), tmp_path, resource=remote_steps.model, budget=budget)
    used = server.provider.calls
    assert 5 <= used <= 1000 // 100


async def test_a_budget_inside_an_item_holds_beside_that_of_the_run(tmp_path, server):
    """The smaller one inside the step decides."""
    budget = Budget(tokens=100_000)
    with pytest.raises(BudgetExceeded, match="'inner'"):
        await run(remote_steps.answer_cheaply, range(1), tmp_path, resource=remote_steps.model, budget=budget)


async def test_spans_of_workers_hang_under_their_items(tmp_path, processes):
    """What a step opens is in the trace of its item, which is linked to the run's."""
    papers = [Paper(id=f"p{number}", words=number) for number in range(3)]
    with record_spans() as recorded:
        await run_batch(
            remote_steps.summarize, papers, store=tmp_path / "run.db", key=lambda paper: paper.id, transport="ray"
        )
    spans = {span.context.span_id: span for span in recorded.spans}
    reading = [span for span in spans.values() if span.name == "reading"]
    assert len(reading) == 3
    assert {spans[span.parent.span_id].attributes[names.KEY] for span in reading} == {"p0", "p1", "p2"}
    roots = [span for span in spans.values() if names.KEY in span.attributes]
    assert {span.links[0].context.span_id for span in roots} <= spans.keys()
    assert len({span.context.trace_id for span in spans.values()}) == 1 + len(roots) == 4


async def test_who_does_not_know_the_token_is_refused():
    """A stranger gets a 401 and nothing else, and so does a worker of another run."""
    async with Hub(Setup(step="remote_steps:double", resource=None, output=None, path=[]), "127.0.0.1") as hub:
        async with ClientSession() as session, session.get(hub.url) as answer:
            assert answer.status == 401
        with pytest.raises(ConnectionError, match="refused this worker: 401"):
            await work(hub.url, "another", "stranger")


async def test_items_that_no_worker_can_take_are_left_for_another_run():
    """When all are gone and none can begin again, that ends the run, as a trouble of all items and no fault of any."""
    async with Hub(Setup(step="remote_steps:double", resource=None, output=None, path=[]), "127.0.0.1") as hub:
        hub.fail(ValueError("there is no glossary"))
        with pytest.raises(ConfigurationError, match="no worker can begin with double: ValueError: there is no gloss"):
            await hub.run("a", "1")
        hub.fail(AuthenticationFailed("no such key"))
        with pytest.raises(AuthenticationFailed, match="no such key"):
            await hub.run("a", "1")


@pytest.mark.parametrize("transport", ["Ray", "", "raylet", None])
async def test_other_transports_are_refused(transport, tmp_path):
    """The message names those that there are."""
    with pytest.raises(ValueError, match="'local', 'ray' or 'ray:<address>'"):
        await run_batch(remote_steps.double, [1], store=tmp_path / "run.db", key=str, transport=transport)


async def test_calls_that_fail_are_tried_again_as_they_are_here(tmp_path, faulty):
    """The provider fails every third request at first: all calls are answered in the end, and the retries counted."""
    report = await run(remote_steps.answer, range(30), tmp_path, resource=remote_steps.model, max_concurrency=6)
    assert told(report) == {"succeeded": 30}
    assert report.usage.retries == 8
    assert faulty.provider.calls == 38


async def test_a_worker_that_dies_gives_its_permits_back(tmp_path, server, processes):
    """Three calls may be in flight; the worker that is killed holds some, and the rest is still done."""
    report = await run(remote_steps.answer_or_die, range(12), tmp_path, resource=remote_steps.three_at_once)
    assert told(report) == {"succeeded": 12}
    assert report.possibly_repeated


async def test_what_was_reserved_for_a_lost_call_is_spent(tmp_path, server, processes):
    """A worker that dies in the middle of a call may have spent all that was reserved for it, which is estimated."""
    budget = Budget(usd=1.0)
    report = await run(
        remote_steps.call_and_die, range(1), tmp_path, resource=remote_steps.priced, budget=budget, max_attempts=1
    )
    assert told(report) == {"abandoned": 1}
    assert report.usage.estimated_cost > 0
    assert report.usage.known_cost == report.usage.estimated_cost


async def test_fan_outs_inside_items_work(tmp_path, server):
    """Calls of one item, side by side, are all its own."""
    report = await run(remote_steps.answer_in_parts, range(4), tmp_path, resource=remote_steps.model)
    assert {outcome.usage.calls for outcome in (await outcomes(tmp_path)).values()} == {2}
    assert told(report) == {"succeeded": 4}


async def test_a_step_that_is_not_async_is_refused(tmp_path):
    """As it is here: for the whole batch, with the repair."""
    with pytest.raises(TypeError, match="is not async"):
        await run(remote_steps.plain, range(3), tmp_path)


@pytest.mark.parametrize("trouble", ["work", "actor"])
async def test_a_cluster_in_which_no_actor_can_begin_is_told(trouble, tmp_path, monkeypatch):
    """After some tries in vain the run ends with what Ray said."""

    class Troubled(clusters.TaskCluster):
        def actor(self):
            if trouble == "actor":
                raise ConfigurationError("it failed to import on the worker")
            return super().actor()

        async def work(self, *_):
            return "it failed to import on the worker"

    monkeypatch.setattr(_ray_transport, "Cluster", Troubled)
    monkeypatch.setattr(_ray_transport, "_AGAIN", 0.0)
    with pytest.raises(ConfigurationError, match="it failed to import on the worker"):
        await run(remote_steps.double, range(3), tmp_path)


async def test_a_connection_that_breaks_loses_nothing(tmp_path, monkeypatch):
    """The worker lives and ends what it runs; its items begin again, and it comes back."""
    hubs = []

    class Watched(Hub):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            hubs.append(self)

    monkeypatch.setattr(_ray_transport, "Hub", Watched)

    async def cut(number):
        while not hubs or hubs[0].workers < clusters.CPUS or not hubs[0]._ready[number].items:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await hubs[0]._ready[number].line._wire.close()

    cutting = asyncio.create_task(cut(0))
    report = await run(remote_steps.nap, range(200), tmp_path, max_concurrency=8)
    await cutting
    assert told(report) == {"succeeded": 200}
    assert 1 <= len(report.possibly_repeated) <= 8
    assert hubs[0].workers == 0


@pytest.mark.alone
async def test_late_calls_get_a_second_attempt_in_workers(tmp_path, monkeypatch):
    """Hedging works with a limiter that is kept elsewhere: stragglers are answered by their second attempt."""
    times = {"time_to_first_token": 0.02, "tokens_per_second": inf, "spread": 0}
    faults = (Fault(kind="straggler", match="What is 39", times=1, factor=200),)
    async with serve(Scenario(answer=lambda _: ANSWER, faults=faults, **times)) as server:
        monkeypatch.setenv(remote_steps.URL, server.url)
        report = await run(remote_steps.answer, range(40), tmp_path, resource=remote_steps.hedging, max_concurrency=4)
    assert told(report) == {"succeeded": 40}
    assert report.usage.retries == 1
    assert report.elapsed < 4.0
