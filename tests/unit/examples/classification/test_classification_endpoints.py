"""Several servers: who gets a call, and what becomes of it where one is away."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from examples.classification._classifier import Classifier, Job
from examples.classification._endpoints import Endpoints
from examples.classification._invented import invented
from examples.classification._labels import Classified
from examples.classification._rehearsal import rehearsed
from llm_composition_patterns import (
    Capacity,
    Fault,
    Limiter,
    ModelTimeout,
    ModelUnavailable,
    Scenario,
    Success,
    connect,
    parallelize,
)

JOB = Job(model="simulated:x", simulated=True)


def server(slots=4, **settings):
    """Each call takes 1 s, so many at once."""
    return Scenario(
        answer=rehearsed,
        time_to_first_token=1.0,
        tokens_per_second=float("inf"),
        spread=0.0,
        capacity=Capacity(slots=slots),
        **settings,
    )


@asynccontextmanager
async def endpoints(*scenarios, **settings):
    """A model at each of them."""
    async with AsyncExitStack() as stack:
        models = [
            await stack.enter_async_context(connect(f"simulated:x{number}", scenario=one, **settings))
            for number, one in enumerate(scenarios)
        ]
        yield Endpoints(models)


async def classified(there, count, job=JOB):
    """Seconds that so many reports take, and the outcomes."""
    began = asyncio.get_running_loop().time()
    outcomes = await parallelize(
        Classifier(there, job).classify, list(invented(count)), max_concurrency=256, on_error="collect"
    )
    return asyncio.get_running_loop().time() - began, outcomes


async def test_two_servers_take_half_the_time():
    """Each finds out by itself what it can do; 400 reports at 4 a second."""
    async with endpoints(server()) as one:
        alone, _ = await classified(one, 400)
    async with endpoints(server(), server(seed=1)) as both:
        together, outcomes = await classified(both, 400)
        shares = [model.statistics().accepted for model in both.models]
    assert all(isinstance(outcome.value, Classified) for outcome in outcomes)
    assert 100 <= alone <= 106
    assert alone / together >= 1.93
    assert max(shares) - min(shares) <= 8


async def test_a_server_that_is_twice_as_fast_takes_twice_as_many():
    """Nobody says so; at first both are tried with as few."""
    async with endpoints(server(slots=8), server(slots=4)) as both:
        await classified(both, 480)
        fast, slow = (model.statistics().accepted for model in both.models)
    assert fast + slow == 480
    assert 1.8 <= fast / slow <= 2.1


async def test_what_a_server_that_is_away_fails_another_one_does():
    """After its patience; nothing fails, and the rest goes to the other at once."""
    away = server(faults=(Fault(kind="server_overloaded", after=10.0),), seed=2)
    async with endpoints(server(), away, outage_timeout=5.0) as both:
        _, outcomes = await classified(both, 200)
        shares = [model.statistics().accepted for model in both.models]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Success)] == []
    assert sum(shares) == 200
    assert 30 <= shares[1] <= 45


async def test_a_server_that_comes_back_is_used_again():
    """Single calls find that out."""
    away = server(faults=(Fault(kind="server_overloaded", after=10.0, until=30.0),), seed=3)
    async with endpoints(server(), away, outage_timeout=5.0) as both:
        _, outcomes = await classified(both, 400)
        shares = [model.statistics().accepted for model in both.models]
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert shares[1] >= 100


async def test_with_all_of_them_away_a_call_fails_with_what_they_failed_with():
    """Tried at each of them."""
    faults = (Fault(kind="server_overloaded"),)
    async with endpoints(server(faults=faults), server(faults=faults, seed=1)) as both:
        _, outcomes = await classified(both, 3)
    assert {type(outcome.error) for outcome in outcomes} == {ModelUnavailable}
    assert {outcome.kind for outcome in outcomes} == {"provider"}


async def test_waiting_for_a_server_is_not_part_of_a_timeout():
    """256 reports at 4 calls of 1 s at once wait longer than 10 s, and none of them is sent too late."""
    async with endpoints(server(), server(seed=1)) as both:
        _, outcomes = await classified(both, 256, replace(JOB, timeout=10.0))
    assert [outcome for outcome in outcomes if not isinstance(outcome, Success)] == []


async def test_a_call_that_takes_too_long_leaves_its_report_for_the_next_run():
    """Trouble of the provider."""
    async with endpoints(server(), server(seed=1)) as both:
        _, outcomes = await classified(both, 3, replace(JOB, timeout=0.5))
    assert {type(outcome.error) for outcome in outcomes} == {ModelTimeout}
    assert {outcome.kind for outcome in outcomes} == {"provider"}


async def test_a_call_that_is_given_up_in_line_leaves_its_place():
    """Also where its turn came in the same moment."""
    async with endpoints(server(slots=1), server(slots=1), concurrency=Limiter(fixed=1)) as both:
        inside = [both.nearest() for _ in range(8)]
        models = [await one.__aenter__() for one in inside]
        assert {models.count(model) for model in both.models} == {4}
        waiting = [asyncio.create_task(both.nearest().__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await inside[0].__aexit__(None, None, None)
        waiting[1].cancel()  # it has been given the place
        await asyncio.sleep(0)
        assert await waiting[2] is models[0]
        assert [one.cancelled() for one in waiting[:2]] == [True, True]
