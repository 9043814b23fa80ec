"""The official clients against the simulated server, over real TCP."""

import asyncio
import json
from contextlib import asynccontextmanager

import groq
import openai
import pytest
from pydantic import BaseModel

from llm_composition_patterns.simulation import Fault, Price, RateLimit, Scenario, serve

QUICK = {"time_to_first_token": 0.01, "tokens_per_second": 100_000, "spread": 0}
SDKS = {"groq": groq, "openai": openai}


@asynccontextmanager
async def client_of(name, key="any", **settings):
    """A client of one SDK, and its server."""
    async with serve(Scenario(**{**QUICK, **settings})) as server:
        if name == "groq":
            client = groq.AsyncGroq(api_key=key, base_url=server.url, max_retries=0)
        else:
            client = openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0)
        async with client:
            yield client, server


def asking(text="Why is the sky blue?", **settings):
    return {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": text}], **settings}


@pytest.fixture(params=SDKS)
def sdk(request):
    return request.param


async def test_a_plain_answer(sdk):
    """A completion is parsed, says simulated, and has its usage and price."""
    async with client_of(sdk, price=Price(input=1, output=1)) as (client, server):
        completion = await client.chat.completions.create(**asking())
    assert completion.model == "simulated/openai/gpt-oss-20b"
    assert completion.system_fingerprint == "simulated"
    assert "simulated" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion.usage.model_dump()["cost"] == completion.usage.total_tokens / 1e6
    assert server.provider.calls == 1


async def test_a_streamed_answer(sdk):
    """The pieces together are the answer in one piece; the usage comes last."""
    async with client_of(sdk) as (client, _):
        whole = await client.chat.completions.create(**asking())
        options = {"extra_body": {"stream_options": {"include_usage": True}}}
        stream = await client.chat.completions.create(**asking(), stream=True, **options)
        chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert len(pieces) > 5
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


class Product(BaseModel):
    """What is translated."""

    product_features: list[str] | None
    fabric_details: str | None
    available_colors: list[str]


async def test_a_schema_is_filled_with_the_translation(sdk):
    """Strict structured output of a product comes back valid and translated."""
    product = Product(product_features=["UPF 30+", "Warm {name}"], fabric_details=None, available_colors=["Black"])
    schema = Product.model_json_schema() | {"additionalProperties": False}
    messages = [
        {"role": "system", "content": "Translate the product into Spanish."},
        {"role": "user", "content": product.model_dump_json()},
    ]
    response_format = {"type": "json_schema", "json_schema": {"name": "product", "strict": True, "schema": schema}}
    async with client_of(sdk) as (client, _):
        completion = await client.chat.completions.create(model="m", messages=messages, response_format=response_format)
    translated = Product.model_validate_json(completion.choices[0].message.content)
    assert translated.product_features == ["[es] UPF 30+", "[es] Wààrm {name}"]
    assert (translated.fabric_details, translated.available_colors) == (None, ["[es] Blààçk"])


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        (Fault(kind="rate_limit", retry_after=1.5), "RateLimitError", 429),
        (Fault(kind="unauthorized"), "AuthenticationError", 401),
        (Fault(kind="unknown_model"), "NotFoundError", 404),
        (Fault(kind="no_credit"), "APIStatusError", 402),
        (Fault(kind="server_error"), "InternalServerError", 500),
        (Fault(kind="server_overloaded"), "InternalServerError", 503),
        (Fault(kind="server_error", status=502), "InternalServerError", 502),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_errors_are_the_sdks_own(sdk, fault, error, status):
    """Each status becomes the exception that the SDK has for it, body and headers included."""
    async with client_of(sdk, faults=(fault,)) as (client, _):
        with pytest.raises(getattr(SDKS[sdk], error)) as caught:
            await client.chat.completions.create(**asking())
    assert caught.value.status_code == status
    assert "(simulated)" in str(caught.value)
    assert caught.value.response.headers.get("retry-after") == (fault.retry_after and f"{fault.retry_after:g}")


async def test_keys_are_checked_where_the_scenario_has_some(sdk):
    """With keys, another key gets 401, and the message does not show it."""
    async with client_of(sdk, key="right", keys=("right",)) as (client, _):
        assert (await client.models.list()).data
        with pytest.raises(SDKS[sdk].AuthenticationError) as caught:
            await client.with_options(api_key="wrong-key").chat.completions.create(**asking())
    assert "wrong-key" not in str(caught.value)


async def test_a_hang_ends_by_the_clients_timeout(sdk):
    """The client's timeout ends the call, and the server forgets it."""
    async with client_of(sdk, faults=(Fault(kind="hang"),)) as (client, server):
        with pytest.raises(SDKS[sdk].APITimeoutError):
            await client.with_options(timeout=0.2).chat.completions.create(**asking())
        async with asyncio.timeout(5):
            while server.provider.statistics().in_flight:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)


async def test_a_dropped_connection(sdk):
    """A drop is a connection error to the client."""
    async with client_of(sdk, faults=(Fault(kind="drop"),)) as (client, _):
        with pytest.raises(SDKS[sdk].APIConnectionError):
            await client.chat.completions.create(**asking())


async def test_malformed_truncated_and_refused(sdk):
    """The faults of content arrive with status 200."""
    faults = (
        Fault(kind="malformed_json", match="one"),
        Fault(kind="truncated", match="two"),
        Fault(kind="refusal", match="three"),
        Fault(kind="wrong_schema", match="four"),
    )
    wanted = {"response_format": {"type": "json_object"}}
    async with client_of(sdk, faults=faults) as (client, _):
        one, two, three, four = [
            (await client.chat.completions.create(**asking(text, **wanted))).choices[0]
            for text in ("one", "two", "three", "four")
        ]
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(one.message.content)
    assert two.finish_reason == "length"
    assert three.message.content is None
    assert "can't help" in three.message.model_dump()["refusal"]
    assert next(iter(json.loads(four.message.content))).startswith("unexpected")


async def test_the_token_limit(sdk):
    """`max_tokens` cuts the answer."""
    async with client_of(sdk) as (client, _):
        completion = await client.chat.completions.create(**asking(max_tokens=2))
    assert (completion.choices[0].finish_reason, completion.usage.completion_tokens) == ("length", 2)


@pytest.mark.parametrize(("dialect", "requests"), [("openai", "60"), ("groq", "1440")])
async def test_rate_limit_headers(sdk, dialect, requests):
    """Both dialects reach both clients, on answers and on refusals."""
    limit = RateLimit(requests_per_minute=60, requests_per_day=1440, tokens_per_minute=10**6, burst=1, dialect=dialect)
    async with client_of(sdk, rate_limit=limit) as (client, _):
        answered = await client.chat.completions.with_raw_response.create(**asking())
        with pytest.raises(SDKS[sdk].RateLimitError) as caught:
            await client.chat.completions.create(**asking())
    for headers in (answered.headers, caught.value.response.headers):
        assert headers["x-ratelimit-limit-requests"] == requests
        assert headers["x-ratelimit-limit-tokens"] == "1000000"
        assert headers["x-simulated"] == "true"
    assert caught.value.response.headers["retry-after"] == "1"


async def test_the_list_of_models(sdk):
    """The scenario's models are listed; each can be looked up, and others cannot."""
    async with client_of(sdk, models=("a/b", "c")) as (client, _):
        assert [model.id for model in (await client.models.list()).data] == ["a/b", "c"]
        assert (await client.models.retrieve("c")).id == "c"
        with pytest.raises(SDKS[sdk].NotFoundError):
            await client.models.retrieve("x")
    async with client_of(sdk) as (client, _):
        assert [model.id for model in (await client.models.list()).data] == ["simulated/translator-small"]
