"""An exception that takes neither attributes nor notes goes through everything that takes steps."""

from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from llm_composition_patterns import (
    chain,
    micro_batched,
    orchestrate,
    parallelize,
    refine,
    route,
    together,
    track,
    with_cache,
    with_fallback,
    with_retry,
    with_timeout,
)
from llm_composition_patterns.testing import record_spans


@dataclass(frozen=True)
class Frozen(Exception):
    """Python's own context managers cannot let it pass."""

    code: int


async def fail(*_):
    raise Frozen(5)


async def echo(value):
    return value


async def in_a_run(value):
    async with track("run"):
        return await fail(value)


async def in_a_fan_out(value):
    return await parallelize(fail, [value])


async def in_a_section(value):
    return await together(fail(value))


@pytest.mark.parametrize(
    "step",
    [
        chain(echo, fail),
        route(fail, {1: echo}),
        orchestrate(lambda value: [value], fail, synthesize=max, max_subtasks=2),
        refine(fail, max, max_rounds=2),
        with_retry(fail, on=Frozen, backoff=0),
        with_timeout(fail, 5),
        with_fallback(fail, fail, on=Frozen),
        with_cache(fail),
        micro_batched(fail, max_size=1, max_wait=1),
        in_a_run,
        in_a_fan_out,
        in_a_section,
    ],
    ids=lambda step: step.__name__,
)
@pytest.mark.parametrize("traced", [False, True])
async def test_a_frozen_exception_comes_through(step, traced):
    """As it was raised, traced or not."""
    raised = None
    with record_spans() if traced else nullcontext():
        try:  # `pytest.raises` inside `with` would be passed by Python's own context manager
            await step(1)
        except BaseException as error:  # noqa: BLE001
            raised = error
    assert type(raised) is Frozen
    assert raised.code == 5
