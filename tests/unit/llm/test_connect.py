"""`connect`: settings checked at once, limiters shared, and the simulated provider in virtual time."""

import asyncio
import dataclasses

import pytest

from llm_composition_patterns import llm, simulation
from llm_composition_patterns.errors import ConfigurationError, RateLimited
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.llm import ask, connect
from llm_composition_patterns.simulation import Fault, Scenario

EXACT = Scenario(time_to_first_token=1.0, tokens_per_second=float("inf"), spread=0.0)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"timeout": 0}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": "60"}, TypeError),
        ({"max_rate_limit_wait": -1}, ValueError),
        ({"outage_timeout": 0}, ValueError),
        ({"hedge": 1}, TypeError),
        ({"attempts": 0}, ValueError),
        ({"attempts": True}, TypeError),
        ({"attempts": "4"}, TypeError),
        ({"base_url": 8080}, TypeError),
        ({"api_key": 5}, TypeError),
        ({"concurrency": 0}, ValueError),
        ({"concurrency": 2.5}, TypeError),
        ({"concurrency": "many"}, TypeError),
        ({"price": 5}, TypeError),
        ({"price": (0.1, 0.5)}, TypeError),
        ({"scenario": {}}, TypeError),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, error):
    """When the model is named, not when it is called."""
    with pytest.raises(error, match=next(iter(settings))):
        connect("simulated:", **settings)


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**4000, float("nan"), float("-inf")])
@pytest.mark.parametrize("setting", ["timeout", "max_rate_limit_wait", "outage_timeout"])
def test_times_that_nobody_can_wait_are_refused_in_a_line(setting, value):
    """However long the number is."""
    with pytest.raises(ValueError, match=rf"^connect\({setting}=.{{1,20}}\): give ") as raised:
        connect("simulated:", **{setting: value})
    assert len(str(raised.value)) < 120


@pytest.mark.parametrize("settings", [{"attempts": 10**400}, {"concurrency": 10**400}, {"timeout": float("inf")}])
async def test_a_number_without_end_is_no_limit(settings):
    """Calls end as ever, also where they fail at first."""
    scenario = dataclasses.replace(EXACT, faults=(Fault(kind="server_error", match="again", times=3),))
    async with connect("simulated:", scenario=scenario, **settings) as model:
        answers = [await model.complete("hello"), await model.complete("again")]
    assert [answer.attempts for answer in answers] == [1, 4]


async def test_one_price_is_for_scenarios_and_for_connect():
    """There is one class, and both take it."""
    assert llm.Price is simulation.Price
    price = llm.Price(input=1, output=1)
    async with connect("simulated:", price=price, scenario=Scenario(price=price)) as model:
        assert (await model.complete("hello")).cost > 0


def test_a_scenario_is_for_the_simulated_provider():
    """A real provider cannot be told how to behave."""
    with pytest.raises(ConfigurationError, match="is a real one"):
        connect("ollama:x", scenario=EXACT)


async def test_a_simulated_call_takes_virtual_time():
    """A second of the scenario is a second of the loop's clock."""
    async with connect("simulated:", scenario=EXACT) as model:
        await model.complete("hello")
    assert asyncio.get_running_loop().time() == 1


async def test_models_of_one_name_share_their_limiter():
    """Of several numbers the smallest open one holds, and closing gives it back."""
    async with connect("simulated:", scenario=EXACT, concurrency=4) as one:
        async with connect("simulated:", scenario=EXACT, concurrency=2) as other:
            await asyncio.gather(*(model.complete("hello") for model in (one, other) for _ in range(4)))
            assert asyncio.get_running_loop().time() == 4
        await asyncio.gather(*(one.complete("hello") for _ in range(8)))
        assert asyncio.get_running_loop().time() == 6


async def test_other_models_have_their_own_limiter():
    """Another name, or another provider that behaves otherwise, is bounded apart."""
    other = Scenario(time_to_first_token=1.0, tokens_per_second=float("inf"), spread=0.0, seed=1)
    async with (
        connect("simulated:a", scenario=EXACT, concurrency=1) as a,
        connect("simulated:b", scenario=EXACT, concurrency=1) as b,
        connect("simulated:a", scenario=other, concurrency=1) as c,
    ):
        await asyncio.gather(*(model.complete("hello") for model in (a, b, c)))
    assert asyncio.get_running_loop().time() == 1


async def test_an_endpoint_reached_by_two_names_has_one_limiter():
    """The server counts calls, not the names that they were made by."""
    url = "http://10.0.0.1:8000/v1"
    async with (
        connect("vllm:m", base_url=url, concurrency=7),
        connect("openai:m", base_url=url, concurrency=9) as other,
    ):
        assert other.statistics().limit == 7
    async with (
        connect("vllm:m", base_url=url, concurrency=7),
        connect("openai:x", base_url=url, concurrency=9) as other,
    ):
        assert other.statistics().limit == 9


async def test_16_calls_are_in_flight_at_first_where_nothing_is_known():
    """The automatic limit begins there, and goes on from what it sees."""
    async with connect("simulated:", scenario=EXACT) as model:
        calls = asyncio.gather(*(model.complete("hello") for _ in range(64)))
        await asyncio.sleep(0.5)
        assert model.statistics().in_flight == 16
        await calls


async def test_a_limiter_of_ones_own_is_as_it_was_after_closing():
    """A model changes nothing on it."""
    limiter = Limiter(max=3)
    async with connect("simulated:", concurrency=limiter):
        pass
    assert limiter.statistics().limit == 3


async def test_a_rehearsal_is_the_same_every_time():
    """Faults, retries and their jitter included."""

    async def rehearse():
        started = asyncio.get_running_loop().time()
        scenario = Scenario(faults=(Fault(kind="server_error", probability=0.5),), seed=3)
        async with connect("simulated:", scenario=scenario, attempts=9) as model:
            answers = await asyncio.gather(*(model.complete(f"Translate into Spanish: {n}") for n in range(20)))
        return [(a.text, a.attempts) for a in answers], round(asyncio.get_running_loop().time() - started, 9)

    assert await rehearse() == await rehearse()


async def test_simulated_rate_limits_end_in_rate_limited():
    """The whole path, in virtual time: 4 attempts and the free one, each just when the provider wants it."""
    scenario = Scenario(faults=(Fault(kind="rate_limit", retry_after=10),), time_to_first_token=0.0)
    async with connect("simulated:", scenario=scenario) as model:
        with pytest.raises(RateLimited, match="Tried 5 times"):
            await ask(model, "hello")
    assert asyncio.get_running_loop().time() == 40.0


async def test_a_model_that_could_not_be_opened_is_closed():
    """It does not seem to be opening for ever."""
    model = connect("groq:x", api_key="gsk_0123456789abcdef", concurrency=Limiter())
    opening = asyncio.create_task(model.__aenter__())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert repr(model) == "<model groq:x, closed>"


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTP_PROXY", "bad:::"), ("NO_PROXY", "[::"), ("https_proxy", "ftp://me:secret@here")]
)
async def test_a_proxy_that_is_none_is_a_mistake_of_configuration(monkeypatch, variable, value):
    """The message names the variable and shows nothing of what it holds."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, value)
    model = connect("groq:x", api_key="gsk_0123456789abcdef", concurrency=Limiter())
    with pytest.raises(ConfigurationError, match=f"^{variable} is set to what is no proxy") as raised:
        await model.__aenter__()
    assert "secret" not in str(raised.value)
