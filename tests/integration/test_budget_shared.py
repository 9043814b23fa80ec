"""Budgets over real HTTP with the groq SDK, and shared by threads with loops of their own."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal

import pytest

from llm_composition_patterns import Budget, BudgetExceeded, Failure, Outcome, Price, ask, connect, parallelize, track
from llm_composition_patterns.runs import Amount, Reservation, purses
from llm_composition_patterns.simulation import Scenario, serve
from llm_composition_patterns.steps import in_threads

PRICE = Price(input=0.1, output=0.5)
ANSWER = "word " * 80  # 100 tokens
MOST = 500


def told(outcomes: Sequence[Outcome[str]]) -> Counter[str]:
    return Counter(outcome.kind if isinstance(outcome, Failure) else "ok" for outcome in outcomes)


@pytest.mark.parametrize("price", [PRICE, None], ids=["price told", "price found out"])
async def test_a_budget_holds_over_http(price: Price | None):
    """100 branches, 40 calls' worth, through the groq SDK: at least 36 are made and the budget is not passed.

    What the server charges is more than the price list says of this model; without a price, that is found out by the
    first call.
    """
    question = "Is it so? " * 40
    async with (
        serve(Scenario(price=PRICE, answer=lambda _: ANSWER, tokens_per_second=5000)) as server,
        connect("groq:openai/gpt-oss-20b", base_url=server.url, api_key="key-key", price=price) as model,
    ):
        one = (await model.complete(question)).cost
        before = server.provider.calls
        async with track("run", budget=Budget(usd=40 * one)) as tracked:
            outcomes = await parallelize(
                lambda number: ask(model, f"{question[:-2]}{number:02}", max_tokens=MOST),
                range(100),
                on_error="collect",
                name="questions",
            )
        made = server.provider.calls - before
    assert made == told(outcomes)["ok"] >= 36
    assert told(outcomes).keys() == {"ok", "budget"}
    assert tracked.usage.cost == made * one <= 40 * one


@pytest.mark.parametrize("seed", range(3))
def test_threads_share_a_budget_and_never_pass_it(seed: int):
    """Four loops in four threads, nested scopes, cancellation: all ends, nothing stays reserved."""
    limit, passed, chance = 50, [], random.Random(seed)
    plans = [[(chance.randint(1, 30), chance.random() < 0.2) for _ in range(60)] for _ in range(4)]

    async def call(need: int) -> None:
        async with Reservation(purses(), lambda: [Amount(0, need)], "model:x") as held:
            for purse in purses():
                ledger = purse.ledger
                if ledger.spent.tokens + ledger.reserved.tokens > (purse.budget.tokens or 0):
                    passed.append(ledger)
            await asyncio.sleep(0)
            held.settle(Amount(0, 0))

    async def many(plan: list[tuple[int, bool]]) -> list[BaseException | None]:
        async with track("part", budget=Budget(tokens=limit - 10)):
            tasks = [asyncio.create_task(call(need)) for need, _ in plan]
            await asyncio.sleep(0)
            for task, (_, gives_up) in zip(tasks, plan, strict=True):
                if gives_up:
                    task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    async def whole() -> list[list[BaseException | None]]:
        async with track("whole", budget=Budget(tokens=limit)):
            with ThreadPoolExecutor(4) as threads:
                running = [threads.submit(copy_context().run, asyncio.run, many(plan)) for plan in plans]
                ends = await asyncio.gather(*map(asyncio.wrap_future, running))
            (outer,) = purses()
            assert outer.ledger.reserved == Amount(0, 0)
            return ends

    ends = asyncio.run(whole())
    kinds = Counter(type(end).__name__ for part in ends for end in part)
    assert passed == []
    assert kinds.total() == 240
    assert kinds.keys() <= {"NoneType", "CancelledError"}


def test_a_branch_in_a_thread_waits_for_the_budget_without_losing_its_timeout():
    """Its thread has a loop of its own, and the wait is queued time all the same."""
    waiting = threading.Event()

    async def call() -> str:
        waiting.set()
        async with Reservation(purses(), lambda: [Amount(0, 8)], "model:x"):
            return "called"

    async def main() -> Outcome[str]:
        async with track("run", budget=Budget(tokens=10)), in_threads(lambda _: asyncio.run(call()), workers=1) as step:
            async with Reservation(purses(), lambda: [Amount(0, 8)], "model:x"):
                running = asyncio.create_task(parallelize(step, [0], timeout=0.2, on_error="collect"))
                await asyncio.to_thread(waiting.wait)
                await asyncio.sleep(0.4)
                assert not running.done()
            (outcome,) = await running
            return outcome

    outcome = asyncio.run(main())
    assert not isinstance(outcome, Failure), outcome
    assert outcome.queued >= 0.39


async def test_a_budget_of_nearly_nothing_makes_no_request():
    """The refusal comes before anything is sent."""
    async with (
        serve(Scenario(price=PRICE)) as server,
        connect("groq:openai/gpt-oss-20b", base_url=server.url, api_key="key-key", price=PRICE) as model,
    ):
        with pytest.raises(BudgetExceeded) as caught:
            async with track("run", budget=Budget(usd=Decimal("0.0000001"))):
                await ask(model, "hello")
        assert server.provider.calls == 0
    assert caught.value.kind == "budget"
