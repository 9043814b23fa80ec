"""The log of an outage: one line when it is certain, one when it is over."""

import asyncio
import contextlib
import logging

import pytest
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.errors import ModelUnavailable
from llm_composition_patterns.limits import Limiter


@pytest.fixture
def told(caplog):
    """Level and text of what was logged so far."""
    caplog.set_level(logging.INFO, "llm_composition_patterns")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def out(begin, end):
    """An endpoint that fails for a while."""
    clock = asyncio.get_running_loop().time
    return ScriptedEndpoint((0.1, lambda _: refusal(503) if begin <= clock() < end else completion()))


BEGAN = (
    "WARNING",
    "groq:openai/gpt-oss-20b fails call after call: calls wait until it is back, for at most 600 s (outage_timeout)",
)


async def test_an_outage_is_told_when_it_is_certain_and_when_it_is_over(told):
    """Of whom, how long calls wait, and how long it took; the good news is no warning."""
    async with model_over(out(5, 65)) as model:
        await model.complete("hello")
        await asyncio.sleep(5)
        await asyncio.gather(*(model.complete("hello") for _ in range(20)))
    assert told() == [BEGAN, ("INFO", "groq:openai/gpt-oss-20b is back after 60 s")]


async def test_the_next_outage_is_told_again(told):
    """It is another one."""
    async with model_over(out(5, 65)) as model:
        await model.complete("hello")
        await asyncio.sleep(5)
        await asyncio.gather(*(model.complete("hello") for _ in range(20)))
        model._connection.endpoint = out(70, 80)
        await asyncio.sleep(5)
        await asyncio.gather(*(model.complete("hello") for _ in range(20)))
    assert [level for level, _ in told()] == ["WARNING", "INFO"] * 2


async def test_models_of_one_limiter_tell_it_once(told):
    """The first that notices."""
    endpoint, limiter = out(5, 65), Limiter()
    async with contextlib.AsyncExitStack() as stack:
        models = [await stack.enter_async_context(model_over(endpoint, concurrency=limiter)) for _ in range(6)]
        await models[0].complete("hello")
        await asyncio.sleep(5)
        await asyncio.gather(*(model.complete("hello") for model in models))
    assert [level for level, _ in told()] == ["WARNING", "INFO"]


async def test_a_request_that_a_provider_cannot_digest_is_no_outage(told):
    """It fails alone, beside a provider that is well."""
    endpoint = ScriptedEndpoint(
        (0.1, lambda body: refusal(500) if body["messages"][0]["content"] == "poison" else completion())
    )
    async with model_over(endpoint) as model:
        await model.complete("hello")
        with pytest.raises(ModelUnavailable):
            await model.complete("poison")
        await model.complete("hello")
    assert told() == []


async def test_a_provider_that_never_answered_is_told_by_its_errors_alone(told):
    """Nobody waits for it."""
    async with model_over(ScriptedEndpoint(refusal(503))) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(20)), return_exceptions=True)
    assert told() == []
