"""Models of others inside a budget: what a call can use is reserved for it as a whole."""

import asyncio
from decimal import Decimal

import pytest
from scripted import ScriptedEndpoint, model_over

from llm_composition_patterns.errors import BudgetExceeded, ConfigurationError, RateLimited
from llm_composition_patterns.llm import Completion, Price, ask
from llm_composition_patterns.runs import Budget, track
from llm_composition_patterns.testing import ScriptedModel
from llm_composition_patterns.usage import Usage

PRICE = Price(input=1, output=1)
MICRO = Decimal("0.000001")
RESERVED = 128 + 8 + 5 + 100  # for "hello", with 100 tokens of answer


class Plugged:
    """Somebody's client: takes a second, uses 10 tokens and 5."""

    def __init__(self, error=None):
        self.settings = []
        self._error = error

    async def complete(self, _messages, /, **settings):
        self.settings.append(settings)
        await asyncio.sleep(1)
        if self._error is not None:
            raise self._error
        return Completion(text="hi", model="theirs:m", usage=Usage(calls=1, input_tokens=10, output_tokens=5))


class Priced(Plugged):
    """One that says what it costs."""

    price = PRICE


class Wrapper:
    """One that only calls a model of ours."""

    price = None

    def __init__(self, model):
        self._model = model

    async def complete(self, messages, /, **settings):
        return await self._model.complete(messages, **settings)


class Opaque(Wrapper):
    """One that calls a model of ours as well, and has a price of its own."""

    price = PRICE


async def test_without_a_price_there_is_no_call_for_money():
    """The line says how to tell the price."""
    model = Plugged()
    with pytest.raises(ConfigurationError, match=r"the price of Plugged is not known.* attribute `price`") as caught:
        async with track("run", budget=Budget(usd=1)):
            await ask(model, "hello")
    assert model.settings == []
    assert "\n" not in str(caught.value)


async def test_without_a_price_tokens_are_counted():
    """A budget of tokens needs none."""
    async with track("run", budget=Budget(tokens=RESERVED + 14)) as tracked:
        await ask(Plugged(), "hello", max_tokens=100)
        with pytest.raises(BudgetExceeded) as caught:
            await ask(Plugged(), "hello", max_tokens=100)
    assert (caught.value.spent, tracked.usage.total_tokens, tracked.usage.unpriced) == (15, 15, 1)


async def test_calls_wait_for_each_other():
    """What the first did not use is the second's."""
    model = Priced()
    async with track("run", budget=Budget(usd=(RESERVED + 15) * MICRO)) as tracked:
        await asyncio.gather(*(ask(model, "hello", max_tokens=100) for _ in range(2)))
    assert asyncio.get_running_loop().time() == 2.0
    assert tracked.usage.cost == 30 * MICRO
    with pytest.raises(BudgetExceeded, match="a call to Priced may use"):
        async with track("run", budget=Budget(usd=MICRO)):
            await ask(model, "hello")


async def test_the_bound_is_told_to_the_model():
    """So that it can keep to it."""
    model = Priced()
    async with track("run", budget=Budget(usd=1)):
        await ask(model, "hello")
    await ask(model, "hello")
    assert [settings.get("max_tokens") for settings in model.settings] == [4096, None]


async def test_a_wrapper_of_ours_reserves_where_the_attempts_are():
    """Nothing is counted twice, and nothing waits for itself."""
    endpoint = ScriptedEndpoint()
    async with (
        model_over(endpoint, price=PRICE) as model,
        track("run", budget=Budget(usd=RESERVED * MICRO)) as tracked,
    ):
        assert await ask(Wrapper(model), "hello", max_tokens=100) == "hello"
    assert tracked.usage.cost == 15 * MICRO


async def test_what_an_opaque_model_calls_is_paid_for_with_it():
    """Models of ours inside reserve nothing, and what they use is settled with the call."""
    async with (
        model_over(ScriptedEndpoint(), price=PRICE) as model,
        track("run", budget=Budget(usd=(RESERVED + 14) * MICRO)) as tracked,
    ):
        assert await ask(Opaque(model), "hello", max_tokens=100) == "hello"
        with pytest.raises(BudgetExceeded) as caught:
            await ask(Opaque(model), "hello", max_tokens=100)
    assert tracked.usage.cost == caught.value.spent == 15 * MICRO


async def test_an_error_costs_what_it_says():
    """A refusal that names no usage had none."""
    async with track("run", budget=Budget(usd=1)) as tracked:
        with pytest.raises(RateLimited):
            await ask(Priced(RateLimited("slow down")), "hello", max_tokens=100)
    assert tracked.usage.cost == 0


async def test_what_says_nothing_costs_all_that_was_reserved():
    """A bug in the client, or a cancellation."""
    async with track("run", budget=Budget(usd=RESERVED * MICRO)) as tracked:
        with pytest.raises(LookupError):
            await ask(Priced(LookupError("bug")), "hello", max_tokens=100)
        with pytest.raises(BudgetExceeded):
            await ask(Priced(), "hello", max_tokens=1)
    assert tracked.usage.cost == tracked.usage.estimated_cost == RESERVED * MICRO


async def test_a_scripted_model_can_be_called_inside_a_budget():
    """It costs nothing."""
    async with track("run", budget=Budget(usd=0.01)) as tracked:
        assert await ask(ScriptedModel("hi"), "hello") == "hi"
    assert tracked.usage.cost == 0
