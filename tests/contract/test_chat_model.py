"""One suite for every model: simulated in this process, and through each official SDK over real HTTP."""

import asyncio
import enum
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from llm_composition_patterns.errors import (
    AuthenticationFailed,
    InsufficientCredit,
    InvalidOutput,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    Refused,
    UnknownModel,
)
from llm_composition_patterns.llm import ChatModel, _retries, ask, connect
from llm_composition_patterns.runs import track
from llm_composition_patterns.simulation import Fault, Price, Scenario, serve

QUICK: dict[str, Any] = {"time_to_first_token": 0.0, "tokens_per_second": 100_000.0, "spread": 0.0}


class Product(BaseModel):
    """A thing for sale."""

    name: str
    colors: list[str]
    weight: int | None


class Kind(enum.Enum):
    """What a question is about."""

    PRODUCT = "product"
    COMPANY = "company"


@asynccontextmanager
async def in_process(scenario: Scenario, **settings: Any) -> AsyncIterator[ChatModel]:
    async with connect("simulated:", scenario=scenario, **settings) as model:
        yield model


@asynccontextmanager
async def through_groq(scenario: Scenario, **settings: Any) -> AsyncIterator[ChatModel]:
    async with (
        serve(scenario) as server,
        connect("groq:", base_url=server.url, api_key="gsk-key", **settings) as model,
    ):
        yield model


@asynccontextmanager
async def through_openai(scenario: Scenario, **settings: Any) -> AsyncIterator[ChatModel]:
    async with (
        serve(scenario) as server,
        connect("openai:some-model", base_url=f"{server.url}/v1", **settings) as model,
    ):
        yield model


@pytest.fixture(params=[in_process, through_groq, through_openai])
def opened(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Opens a model over a simulated provider with the given faults."""

    def open_model(
        *faults: Fault, attempts: int = 1, price: Price | None = None, answer: Any = None, **settings: Any
    ) -> Any:
        scenario = Scenario(**QUICK, faults=faults, price=price, answer=answer)
        return request.param(scenario, attempts=attempts, **settings)

    return open_model


async def test_it_answers(opened):
    """Text, a reason for the end, usage, a cost, and where it comes from."""
    async with opened() as model:
        assert isinstance(model, ChatModel)
        answer = await model.complete("Translate into Spanish: Hello world")
    assert answer.text
    assert answer.finish_reason == "stop"
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.model.partition(":")[2].startswith("simulated/")
    assert (answer.cost, answer.cost_source) == (0, "simulated")
    assert list(answer.usage.by_model) == [answer.model]


async def test_a_scenarios_price_is_the_cost(opened):
    """What the provider reports is believed, and called simulated."""
    async with opened(price=Price(input=1000, output=1000)) as model:
        answer = await model.complete("hello")
    assert answer.cost == Decimal(answer.usage.total_tokens) / 1000
    assert answer.cost_source == "simulated"


async def test_it_streams(opened):
    """The pieces are the answer, and the usage comes too."""
    pieces: list[str] = []
    async with opened() as model:
        answer = await model.complete("Translate into Spanish: Hello, big wide world", on_text=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces) == answer.text
    assert answer.model.partition(":")[2].startswith("simulated/")
    assert answer.usage.output_tokens > 0


async def test_it_gives_values_of_types(opened):
    """Objects, labels and plain types."""
    async with opened() as model:
        assert isinstance(await ask(model, "Describe it", output=Product), Product)
        assert isinstance(await ask(model, "Which is it?", output=Kind), Kind)
        assert isinstance(await ask(model, "List them", output=list[str]), list)
        assert isinstance(await ask(model, "Count them", output=dict[str, int]), dict)


async def test_it_keeps_its_limits(opened):
    """An answer longer than max_tokens says `length`."""
    async with opened() as model:
        answer = await model.complete("Translate into Spanish: " + "word " * 200, max_tokens=5)
    assert answer.finish_reason == "length"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limit", RateLimited),
        ("server_error", ModelUnavailable),
        ("server_overloaded", ModelUnavailable),
        ("drop", ModelUnavailable),
        ("unauthorized", AuthenticationFailed),
        ("no_credit", InsufficientCredit),
        ("unknown_model", UnknownModel),
        ("refusal", Refused),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_each_failure_has_its_class(opened, kind, error, streams):
    """The same error of the tree, whoever carried it."""
    settings: dict[str, Any] = {"on_text": [].append} if streams else {}
    fault = Fault(kind=kind, retry_after=0.01) if kind == "rate_limit" else Fault(kind=kind)
    async with opened(fault) as model:
        with pytest.raises(error) as caught:
            await model.complete("hello", **settings)
    assert type(caught.value) is error
    assert caught.value.model.split(":")[0] in {"simulated", "groq", "openai"}
    assert "gsk-key" not in str(caught.value)


def without_a_rule(_):
    raise KeyError("a rule")


def without_an_answer(_):
    return {"not": {"JSON"}}


@pytest.mark.parametrize("answer", [without_a_rule, without_an_answer])
async def test_a_scenarios_answer_that_raises_is_a_failure_of_the_provider(opened, answer):
    """What it raised is told by its name, and to the log."""
    async with opened(answer=answer) as model:
        with pytest.raises(ModelUnavailable, match=r"the scenario's answer raised (Key|Type)Error"):
            await model.complete("hello")


async def test_a_hanging_provider_is_left_after_the_timeout(opened):
    """And the connection is not left behind."""
    async with opened(Fault(kind="hang"), timeout=0.2) as model:
        with pytest.raises(ModelTimeout):
            await model.complete("hello")


async def test_what_passes_is_tried_again(opened, monkeypatch):
    """Refused, failed, dropped, and then answered: one call, three retries."""
    monkeypatch.setattr(_retries, "FIRST_BACKOFF", 0.01)
    faults = [Fault(kind=kind, times=1) for kind in ("rate_limit", "drop", "server_error")]
    async with track("run") as tracked, opened(*faults, attempts=4) as model:
        answer = await model.complete("hello")
    assert answer.attempts == 4
    assert (tracked.usage.calls, tracked.usage.retries) == (1, 3)


@pytest.mark.parametrize("kind", ["malformed_json", "wrong_schema"])
async def test_an_invalid_answer_is_repaired(opened, kind):
    """At most twice."""
    async with opened(Fault(kind=kind, times=2)) as model:
        assert isinstance(await ask(model, "Describe it", output=Product), Product)
    async with opened(Fault(kind=kind)) as model:
        with pytest.raises(InvalidOutput) as caught:
            await ask(model, "Describe it", output=Product)
    assert caught.value.attempts == 3
    assert caught.value.usage.attempts == 3


async def test_an_answer_cut_off_is_asked_for_once_more(opened):
    """Then it is an error."""
    async with opened(Fault(kind="truncated", times=1)) as model:
        assert isinstance(await ask(model, "Describe it", output=Product), Product)
    async with opened(Fault(kind="truncated")) as model:
        with pytest.raises(InvalidOutput, match="token limit"):
            await ask(model, "Describe it", output=Product)


@pytest.mark.parametrize("kind", ["no_json_schema", "json_validate_failed"])
async def test_a_provider_without_schemas_is_asked_in_words(opened, kind):
    """Down the ladder, without a failed call."""
    async with opened(Fault(kind=kind)) as model:
        assert isinstance(await ask(model, "Describe it", output=Product), Product)


async def test_cancelling_frees_everything(opened):
    """The permit is back at once, and the next call works."""
    async with opened(Fault(kind="hang", match="stuck"), concurrency=1) as model:
        task = asyncio.create_task(model.complete("stuck"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert model.statistics().in_flight == 0
        assert (await model.complete("hello")).text


async def test_an_error_in_on_text_is_the_callers_own(opened):
    """It ends the call, unchanged."""

    def broken(piece: str) -> None:
        raise LookupError("mine")

    async with opened() as model:
        with pytest.raises(LookupError, match="mine"):
            await model.complete("hello", on_text=broken)
        assert (await model.complete("hello")).text
