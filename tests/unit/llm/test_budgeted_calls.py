"""Calls inside a budget: what they reserve, and what they settle."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.errors import (
    BudgetExceeded,
    ConfigurationError,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
)
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.llm import Price, ask, connect
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.runs import Budget, track
from llm_composition_patterns.simulation import Fault, Scenario
from llm_composition_patterns.tracing import names

PRICE = Price(input=1, output=1)
PROMPT = 128 + 8 + 5  # a template, a message, and "hello"
MICRO = Decimal("0.000001")


async def spent(endpoint, *, usd=1000, **settings):
    """What a call to an endpoint spends of a budget, in tokens' worth, with its usage and the error it raised."""
    error = None
    async with (
        model_over(endpoint, price=PRICE, attempts=1, **settings) as model,
        track("run", budget=Budget(usd=usd * MICRO)) as tracked,
    ):
        try:
            await model.complete("hello", max_tokens=100)
        except ModelError as raised:
            error = raised
    return tracked.usage.cost / MICRO, tracked.usage, error


async def test_an_answer_settles_at_what_it_cost():
    """10 tokens in and 5 out."""
    cost, usage, _ = await spent(ScriptedEndpoint())
    assert (cost, usage.estimated_cost) == (15, 0)


@pytest.mark.parametrize("reply", [refusal(429), refusal(401), refusal(402), refusal(404), refusal(500), refusal(400)])
async def test_a_refusal_costs_nothing(reply):
    """Whatever the reason, as long as it is another status than 200."""
    cost, usage, error = await spent(ScriptedEndpoint(reply, refusal(401)))
    assert (cost, usage.estimated_cost, error is not None) == (0, 0, True)


async def test_what_was_never_sent_costs_nothing():
    """No connection, no cost."""
    cost, _, error = await spent(ScriptedEndpoint(ConnectionRefusedError("nobody")))
    assert (cost, type(error)) == (0, ModelUnavailable)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (ConnectionError("reset"), ModelUnavailable),
        ((100, completion()), ModelTimeout),
        (completion(tokens=None), type(None)),
    ],
)
async def test_what_ends_without_usage_settles_at_its_reservation(line, kind):
    """Marked as an estimate: the prompt's bound and 100 tokens of answer."""
    cost, usage, error = await spent(ScriptedEndpoint(line))
    assert (cost, usage.estimated_cost / MICRO, usage.unpriced) == (PROMPT + 100, PROMPT + 100, 0)
    assert type(error) is kind


async def test_a_cancelled_attempt_settles_at_its_reservation():
    """The provider may well have gone on."""
    async with (
        model_over(ScriptedEndpoint((10, completion())), price=PRICE) as model,
        track("run", budget=Budget(usd=1)) as tracked,
    ):
        calling = asyncio.create_task(model.complete("hello", max_tokens=100))
        await asyncio.sleep(1)
        calling.cancel()
        await asyncio.wait([calling])
    assert tracked.usage.cost == tracked.usage.estimated_cost == (PROMPT + 100) * MICRO


async def test_who_is_cancelled_while_it_waits_for_its_permit_costs_nothing():
    """It was never sent."""
    limiter = Limiter(fixed=1)
    async with (
        model_over(ScriptedEndpoint(), price=PRICE, concurrency=limiter) as model,
        track("run", budget=Budget(tokens=PROMPT + 100)) as tracked,
    ):
        async with limiter.permit():
            calling = asyncio.create_task(model.complete("hello", max_tokens=100))
            await asyncio.sleep(1)
            assert limiter.statistics().waiting == 1
            calling.cancel()
            await asyncio.wait([calling])
        await model.complete("hello", max_tokens=100)
    assert tracked.usage.cost == 15 * MICRO


async def test_each_attempt_reserves_for_itself():
    """Between two of them, nothing is held: another call goes out in the pause."""
    endpoint = ScriptedEndpoint(refusal(503), completion(), completion())
    async with (
        model_over(endpoint, price=PRICE, concurrency=Limiter(fixed=2)) as model,
        track("run", budget=Budget(tokens=2 * (PROMPT + 100))),
    ):
        await asyncio.gather(model.complete("hello", max_tokens=100), model.complete("hello", max_tokens=200))
    assert endpoint.times == [0.0, 0.0, 0.5]


async def test_a_retry_that_does_not_fit_tells_what_happened_before():
    """The money of the first attempt is gone, and its error is told."""
    endpoint = ScriptedEndpoint(ConnectionError("reset"))
    async with model_over(endpoint, price=PRICE) as model:
        with pytest.raises(BudgetExceeded) as caught:
            async with track("run", budget=Budget(tokens=300)):
                await model.complete("hello", max_tokens=100)
    assert len(endpoint.bodies) == 1
    assert "after 1 attempt, the last failure" in caught.value.__notes__[0]
    assert (caught.value.limit, caught.value.spent, caught.value.needed) == (300, PROMPT + 100, PROMPT + 100)


async def test_no_permit_is_held_by_who_waits_for_the_budget():
    """A call of another scope goes through meanwhile."""
    endpoint = ScriptedEndpoint((10, completion()), (1, completion()))
    async with model_over(endpoint, price=PRICE, concurrency=Limiter(fixed=2)) as model:

        async def tight():
            async with track("tight", budget=Budget(tokens=300)):
                await asyncio.gather(*(model.complete("hello", max_tokens=100) for _ in range(2)))

        waiting = asyncio.create_task(tight())
        await asyncio.sleep(1)
        await model.complete("hello")
        assert asyncio.get_running_loop().time() == 2.0
        await waiting
    assert endpoint.times == [0.0, 1.0, 10.0]


@pytest.mark.parametrize("name", ["openai:no-such-model-anywhere", "openrouter:nobody/nothing"])
async def test_an_unknown_price_is_refused_before_any_call(name):
    """In one line that says how to mend it."""
    endpoint = ScriptedEndpoint()
    async with model_over(endpoint, name) as model:
        with pytest.raises(ConfigurationError, match=r"the price of .* is not known, .* price=Price\(") as caught:
            async with track("run", budget=Budget(usd=5)):
                await model.complete("hello")
        assert "\n" not in str(caught.value)
        assert endpoint.bodies == []
        async with track("run", budget=Budget(tokens=9000)):
            await model.complete("hello")
    assert len(endpoint.bodies) == 1


async def test_the_budget_of_a_scope_further_out_counts_too():
    """Though the inner one is about tokens."""
    async with model_over(ScriptedEndpoint(), "openai:no-such-model-anywhere") as model:
        with pytest.raises(ConfigurationError, match="the budget of 'outer'"):
            async with track("outer", budget=Budget(usd=5)), track("inner", budget=Budget(tokens=9000)):
                await model.complete("hello")


@pytest.mark.parametrize("name", ["ollama:qwen3:8b", "simulated:"])
async def test_local_and_simulated_calls_cost_nothing(name):
    """No budget in dollars holds them."""
    async with model_over(ScriptedEndpoint(), name) as model, track("run", budget=Budget(usd=1e-9)):
        completed = await model.complete("hello")
    assert completed.cost == 0


async def test_a_listed_price_is_enough():
    """genai-prices knows this model."""
    async with model_over(ScriptedEndpoint()) as model, track("run", budget=Budget(usd=1)) as tracked:
        await model.complete("hello")
    assert 0 < tracked.usage.cost < MICRO * 15


async def test_a_bound_is_sent_where_the_caller_names_none():
    """So that it is one; outside of a budget nothing is sent."""
    endpoint = ScriptedEndpoint()
    async with model_over(endpoint, price=PRICE) as model:
        await model.complete("hello")
        async with track("run", budget=Budget(usd=1)):
            await model.complete("hello")
            await model.complete("hello", max_tokens=9)
    assert [body.get("max_completion_tokens") for body in endpoint.bodies] == [None, 4096, 9]


async def test_a_bound_that_fits_no_more_is_lowered():
    """To four times the longest answer so far, 5 tokens; a bound of the caller's own never is."""
    endpoint = ScriptedEndpoint()
    async with model_over(endpoint, price=PRICE) as model, track("run", budget=Budget(tokens=500)):
        await model.complete("hello")
        await model.complete("hello")
        with pytest.raises(BudgetExceeded):
            await model.complete("hello", max_tokens=4096)
    assert [body["max_completion_tokens"] for body in endpoint.bodies] == [256, 20]


async def test_a_provider_that_is_dearer_than_its_list_is_found_out():
    """One call goes first; what it really cost scales what the others reserve, so that the budget holds."""
    endpoint = ScriptedEndpoint((1, completion(tokens=(10, 90), usage={"cost": 0.01})))
    async with (
        model_over(endpoint, "openrouter:openai/gpt-oss-20b", concurrency=Limiter(fixed=50)) as model,
        track("run", budget=Budget(usd=0.2)) as tracked,
    ):
        outcomes = await parallelize(
            lambda _: model.complete("hello", max_tokens=90), range(50), on_error="collect", name="calls"
        )
    assert endpoint.times[:6] == [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert Decimal("0.15") < tracked.usage.cost <= Decimal("0.2")
    assert Counter(outcome.kind for outcome in outcomes if isinstance(outcome, Failure)).keys() == {"budget"}


async def test_the_span_of_an_attempt_says_that_it_waited_for_the_budget(exported):
    """And the run's span what was spent of what."""
    async with (
        model_over(ScriptedEndpoint((1, completion())), price=PRICE) as model,
        track("run", budget=Budget(usd=300 * MICRO, tokens=300)),
    ):
        await asyncio.gather(*(model.complete("hello", max_tokens=100) for _ in range(2)))
    spans = {span.name: span for span in exported.get_finished_spans()}
    assert spans["chat openai/gpt-oss-20b"].attributes[names.WAIT_REASON] == "budget"
    shown = spans["run"].attributes
    assert [shown[name] for name in (names.BUDGET_USD, names.SPENT_USD)] == [0.0003, 0.00003]
    assert [shown[name] for name in (names.BUDGET_TOKENS, names.SPENT_TOKENS)] == [300, 30]
    assert names.ESTIMATED_COST_USD not in shown


ANSWER = "word " * 16  # 20 tokens
QUESTION = "a question of ours "


def priced(*faults):
    return Scenario(price=Price(input=1, output=2), answer=lambda _: ANSWER, faults=faults)


async def one_hundred(model, **settings):
    async def step(number):
        return await ask(model, f"{QUESTION}{number:02}", **settings)

    return await parallelize(step, range(100), on_error="collect")


async def real_cost(model):
    return (await model.complete(f"{QUESTION}00", max_tokens=100)).cost


def told(outcomes):
    return Counter(outcome.kind if isinstance(outcome, Failure) else "ok" for outcome in outcomes)


@pytest.mark.parametrize("room", [{"max_tokens": 100}, {}], ids=["five times what is needed", "not named"])
async def test_a_budget_worth_40_calls_makes_36_and_is_never_passed(room):
    """The others fail with their kind, though each reserves up to five times what it costs."""
    async with connect("simulated:", scenario=priced()) as model:
        one = await real_cost(model)
        async with track("run", budget=Budget(usd=40 * one)) as tracked:
            outcomes = await one_hundred(model, **room)
    assert told(outcomes)["ok"] >= 36
    assert told(outcomes).keys() == {"ok", "budget"}
    assert tracked.usage.cost == told(outcomes)["ok"] * one <= 40 * one


@pytest.mark.parametrize(("outer", "inner"), [(40, 60), (60, 40), (40, 40)])
async def test_two_nested_budgets_hold_both(outer, inner):
    """Whichever is the smaller one."""
    async with connect("simulated:", scenario=priced()) as model:
        one = await real_cost(model)
        async with (
            track("outer", budget=Budget(usd=outer * one)) as whole,
            track("inner", budget=Budget(usd=inner * one)) as part,
        ):
            outcomes = await one_hundred(model, max_tokens=100)
    assert told(outcomes)["ok"] >= 36
    assert told(outcomes).keys() == {"ok", "budget"}
    assert whole.usage.cost == part.usage.cost <= 40 * one
    failed = next(outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert failed.error.scope == ("outer" if outer <= 40 and inner > 40 else "inner")


async def test_two_scopes_share_the_budget_around_them():
    """What one leaves, the other has."""
    async with connect("simulated:", scenario=priced()) as model:
        one = await real_cost(model)

        async def part(name):
            async with track(name, budget=Budget(usd=25 * one)):
                return await one_hundred(model, max_tokens=100)

        async with track("outer", budget=Budget(usd=40 * one)) as whole:
            parts = await asyncio.gather(part("one"), part("other"))
    made = [told(outcomes)["ok"] for outcomes in parts]
    assert 36 <= sum(made) <= 40
    assert max(made) <= 25
    assert whole.usage.cost == sum(made) * one


@pytest.mark.parametrize("at_once", [100, 4])
async def test_a_budget_holds_with_hedging(at_once):
    """Attempts that were hedged away count with all that was reserved for them, and are no failures."""
    late = Fault(kind="straggler", match="30|20|10", factor=50)
    async with connect("simulated:", scenario=priced(late), hedge=True) as model:
        one = await real_cost(model)
        await parallelize(lambda _: real_cost(model), range(60), name="warm up")
        async with track("run", budget=Budget(usd=40 * one)) as tracked:
            outcomes = await parallelize(
                lambda number: ask(model, f"{QUESTION}{number:02}", max_tokens=21),
                range(100),
                on_error="collect",
                max_concurrency=at_once,
            )
    assert told(outcomes)["ok"] >= 36
    assert told(outcomes).keys() == {"ok", "budget"}
    assert tracked.usage.cost <= 40 * one
    hedged = tracked.usage.retries
    assert hedged >= 1 or at_once == 100  # with so many in line for the budget, a hedge comes too late
    assert (tracked.usage.estimated_cost > 0) is (hedged > 0)


async def test_a_hedge_that_does_not_fit_leaves_the_first_attempt_alone():
    """The late one still answers."""
    warm = [(1, completion())] * 40
    endpoint = ScriptedEndpoint(*warm, (60, completion("late")), (1, completion()))
    async with model_over(endpoint, price=PRICE, hedge=True, concurrency=8, timeout=100) as model:
        for _ in range(5):
            await asyncio.gather(*(model.complete("warm") for _ in range(8)))
        async with track("run", budget=Budget(tokens=200)):
            answer = await model.complete("hello", max_tokens=100)
    assert (answer.text, answer.attempts) == ("late", 1)


async def test_a_hedge_that_is_refused_leaves_the_call_to_its_first_attempt():
    """That was lost with all its money: the call is tried again, and what is left cannot pay for it."""
    warm = [(1, completion())] * 40
    endpoint = ScriptedEndpoint(*warm, (60, ConnectionError("reset")))
    async with model_over(endpoint, price=PRICE, hedge=True, concurrency=8, timeout=100) as model:
        for _ in range(5):
            await asyncio.gather(*(model.complete("warm") for _ in range(8)))
        with pytest.raises(BudgetExceeded) as caught:
            async with track("run", budget=Budget(tokens=200)):
                await model.complete("hello", max_tokens=100)
    assert "after 1 attempt, the last failure: " in caught.value.__notes__[0]


async def test_success_is_kept_beside_the_refused():
    """Nothing that was finished is lost."""
    async with connect("simulated:", scenario=priced()) as model:
        one = await real_cost(model)
        async with track("run", budget=Budget(usd=40 * one)):
            outcomes = await one_hundred(model, max_tokens=100)
    assert all(outcome.value == ANSWER for outcome in outcomes if isinstance(outcome, Success))
