"""Reservations: who may spend now, who waits, who is refused."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.errors import BudgetExceeded
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.runs import (
    Account,
    Amount,
    Budget,
    PurseAccount,
    Reservation,
    current_account,
    purses,
    track,
)
from llm_composition_patterns.runs._reservation import Purse
from llm_composition_patterns.tracing import names
from llm_composition_patterns.virtual_time import VirtualTimeLoop


def tokens(number):
    return Amount(0, number)


def purse(limit, *around):
    return Purse("run", Budget(tokens=limit), around[0].chain if around else ())


def reserve(purse, *needs):
    return Reservation(purse.chain, lambda: [tokens(need) for need in needs], "model:x")


async def spend(purse, need, used, seconds=1.0):
    """Hold a reservation for a while; when it was granted."""
    async with reserve(purse, need) as held:
        granted = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        held.settle(tokens(used))
    return granted


async def test_what_fits_goes_at_once():
    """And what it used is spent when it is over."""
    whole = purse(10)
    assert await spend(whole, 6, 2) == 0.0
    assert whole.spent == tokens(2)


async def test_what_does_not_fit_waits_until_it_does():
    """The others may turn out to be cheap."""
    whole = purse(10)
    assert await asyncio.gather(spend(whole, 6, 2), spend(whole, 6, 2), spend(whole, 6, 2)) == [0.0, 1.0, 2.0]
    assert whole.spent == tokens(6)


async def test_what_can_never_fit_is_refused_with_its_figures():
    """As soon as that is clear, with what happened and what to do."""
    whole = purse(1000)
    await spend(whole, 900, 900)
    with pytest.raises(BudgetExceeded, match="lower max_tokens") as caught:
        await spend(whole, 101, 0)
    error = caught.value
    assert (error.scope, error.unit, error.limit, error.spent, error.needed) == ("run", "tokens", 1000, 900, 101)
    assert str(error).startswith(
        "the budget of 'run' is 1,000 tokens, 900 of it spent, and a call to model:x may use 101. Raise the budget"
    )


async def test_money_is_told_in_dollars():
    """As `Decimal`s."""
    whole = Purse("run", Budget(usd=2.5), ())
    with pytest.raises(
        BudgetExceeded, match=r"is \$2\.5, \$0 of it spent, and .* may use \$3\.000001\. Raise"
    ) as caught:
        async with Reservation(whole.chain, lambda: [Amount(3_000_001 * 10**12, 0)], "model:x"):
            pass
    assert (caught.value.limit, caught.value.needed) == (Decimal("2.5"), Decimal("3.000001"))


async def test_one_who_waited_is_refused_when_the_others_were_dear():
    """Then nothing is held any more that could turn out cheaper."""
    whole = purse(10)
    first = asyncio.create_task(spend(whole, 6, 6))
    await asyncio.sleep(0.5)
    with pytest.raises(BudgetExceeded):
        await spend(whole, 6, 0)
    assert asyncio.get_running_loop().time() == 1.0
    await first


async def test_who_came_first_is_served_first():
    """A small one does not overtake a large one that waits."""
    whole = purse(10)
    granted = await asyncio.gather(spend(whole, 8, 1), spend(whole, 8, 1), spend(whole, 1, 1))
    assert granted == [0.0, 1.0, 1.0]


async def test_what_never_fits_holds_nobody_else():
    """It is refused where it stands, and those behind go on."""
    whole = purse(10)
    first = asyncio.create_task(spend(whole, 8, 5))
    outcomes = await asyncio.gather(spend(whole, 6, 0), spend(whole, 4, 0), return_exceptions=True)
    assert isinstance(outcomes[0], BudgetExceeded)
    assert outcomes[1] == 1.0
    await first


async def test_less_is_taken_where_the_best_can_never_fit():
    """But not only because it does not fit now."""
    whole = purse(10)
    async with reserve(whole, 9, 2) as best:
        waiting = asyncio.create_task(reserve(whole, 8, 1).__aenter__())
        await asyncio.sleep(1)
        assert not waiting.done()
        best.settle(tokens(4))
    assert (await waiting).need == tokens(1)


async def test_a_budget_holds_in_every_scope_around():
    """All or nothing: what waits for the outer one holds nothing in the inner one."""
    outer = purse(10)
    inner = purse(10, outer)
    beside = asyncio.create_task(spend(outer, 8, 0))
    await asyncio.sleep(0.5)
    waiting = asyncio.create_task(spend(inner, 5, 5))
    await asyncio.sleep(0)
    assert inner.ledger.reserved == tokens(0)
    assert await waiting == 1.0
    assert (inner.spent, outer.spent) == (tokens(5), tokens(5))
    await beside


async def test_a_full_inner_budget_holds_nobody_outside_it():
    """Another scope inside the same outer one goes on."""
    outer = purse(100)
    inner, other = purse(10, outer), purse(10, outer)
    granted = await asyncio.gather(spend(inner, 10, 1), spend(inner, 9, 1), spend(other, 9, 1))
    assert granted == [0.0, 1.0, 0.0]


async def test_nobody_overtakes_on_a_shared_budget():
    """One of another inner scope waits behind who waits for the outer one."""
    outer = purse(10)
    inner, other = purse(10, outer), purse(10, outer)
    granted = await asyncio.gather(spend(inner, 8, 1), spend(inner, 8, 1), spend(other, 1, 1))
    assert granted == [0.0, 1.0, 1.0]


async def test_the_scope_that_is_full_is_named():
    """Though the other one has room."""
    outer = Purse("outer", Budget(tokens=5), ())
    inner = Purse("inner", Budget(tokens=50), outer.chain)
    with pytest.raises(BudgetExceeded) as caught:
        await spend(inner, 6, 0)
    assert caught.value.scope == "outer"


async def test_who_is_cancelled_while_waiting_holds_nothing():
    """And those behind move up."""
    whole = purse(10)
    first = asyncio.create_task(spend(whole, 8, 0))
    second = asyncio.create_task(spend(whole, 9, 0))
    third = asyncio.create_task(spend(whole, 2, 0))
    await asyncio.sleep(0.5)
    second.cancel()
    assert await third == 0.5
    assert await first == 0.0
    assert whole.ledger.reserved == tokens(0)


async def test_who_is_cancelled_when_its_turn_has_come_gives_it_back():
    """In the very moment between being handed it and going on."""
    whole = purse(10)
    first = asyncio.create_task(reserve(whole, 8).__aenter__())
    second = asyncio.create_task(spend(whole, 8, 8))
    await asyncio.sleep(1)
    held = await first
    held.settle(tokens(0))
    second.cancel()
    await asyncio.wait([second])
    assert second.cancelled()
    assert (whole.ledger.reserved, whole.spent) == (tokens(0), tokens(0))


async def test_nobody_looks_at_those_who_cannot_be_served():
    """A thousand that wait cost an ending no more than one."""
    whole, looks = purse(10), 0

    def needs():
        nonlocal looks
        looks += 1
        return [tokens(8)]

    first, second = reserve(whole, 8), reserve(whole, 8)
    await first.__aenter__()
    await_second = asyncio.create_task(second.__aenter__())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(Reservation(whole.chain, needs, "model:x").__aenter__()) for _ in range(1000)]
    await asyncio.sleep(0)
    looks = 0
    first.settle(tokens(0))
    await await_second
    assert looks == 1
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_what_ends_in_the_middle_of_the_desk_s_work_is_settled_after_it():
    """As a coroutine may that is collected as garbage, on the thread that has the lock."""
    whole = purse(10)
    first = reserve(whole, 8)
    await first.__aenter__()

    def needs():
        first.settle(tokens(1))
        return [tokens(8)]

    async with Reservation(whole.chain, needs, "model:x"):
        assert (whole.spent, whole.ledger.reserved) == (tokens(1), tokens(8))


async def test_only_the_first_settlement_counts():
    """Leaving `async with` settles what was not."""
    whole = purse(10)
    async with reserve(whole, 5) as held:
        held.settle(tokens(3))
        held.settle(tokens(4))
    async with reserve(whole, 5):
        pass
    assert (whole.spent, whole.ledger.reserved) == (tokens(3), tokens(0))


async def test_a_provider_may_be_dearer_than_was_known():
    """Then the budget is passed by that, and nothing more goes out."""
    whole = purse(10)
    await spend(whole, 5, 12)
    assert whole.spent == tokens(12)
    with pytest.raises(BudgetExceeded):
        await spend(whole, 1, 1)


async def test_waiting_is_queued_time():
    """The timeout of a branch stands still meanwhile."""

    async def step(seconds):
        async with Reservation(purses(), lambda: [tokens(8)], "model:x"):
            await asyncio.sleep(seconds)

    async with track("run", budget=Budget(tokens=10)):
        outcomes = await parallelize(step, [3.0, 1.0], timeout=3.5, on_error="collect")
    assert [(type(outcome), outcome.queued) for outcome in outcomes] == [(Success, 0.0), (Success, 3.0)]


async def test_a_refusal_is_a_failure_of_kind_budget():
    """Of its branch alone."""

    async def step(need):
        async with Reservation(purses(), lambda: [tokens(need)], "model:x"):
            return need

    async with track("run", budget=Budget(tokens=10)):
        one, other = await parallelize(step, [11, 10], on_error="collect")
    assert isinstance(one, Failure)
    assert one.kind == "budget"
    assert isinstance(other, Success)


async def test_a_wait_is_a_span(exported):
    """With its reason; failed where it was for nothing."""
    whole = purse(10)
    account = PurseAccount(None, whole)
    current_account.set(account)
    await asyncio.gather(spend(whole, 8, 8), spend(whole, 8, 8), spend(whole, 1, 0), return_exceptions=True)
    failed, served = exported.get_finished_spans()
    for span in (failed, served):
        assert span.name == names.WAIT_FOR_PERMIT
        assert span.attributes[names.WAIT_REASON] == "budget"
    assert (failed.status.is_ok, served.status.is_unset) == (False, True)


def test_what_lies_inside_a_covered_scope_reserves_nothing():
    """It is paid for by a reservation around it; a budget inside starts anew."""
    whole = purse(10)
    outer = PurseAccount(None, whole)
    covered = PurseAccount(Account(outer), None)
    token = current_account.set(Account(outer))
    assert purses() == whole.chain
    current_account.set(Account(covered))
    assert purses() == ()
    current_account.reset(token)


def test_who_waits_on_a_closed_loop_is_passed_over():
    """Nobody will come for it."""
    whole = purse(10)
    gone = VirtualTimeLoop()

    held = reserve(whole, 8)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(held.__aenter__())
        left = gone.create_task(spend(whole, 8, 8))
        gone.run_until_complete(asyncio.sleep(1))
        gone.close()
        behind = runner.get_loop().create_task(spend(whole, 8, 2))
        runner.run(asyncio.sleep(1))
        held.settle(tokens(0))
        runner.run(asyncio.wait([behind]))
    assert behind.result() == 1.0
    assert (whole.spent, whole.ledger.reserved) == (tokens(2), tokens(0))
    left._log_destroy_pending = False
    left.get_coro().close()


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 100), st.integers(0, 3), st.integers(0, 2)), max_size=25))
def test_nothing_hangs_and_nothing_is_passed(calls):
    """Calls in nested scopes, some cancelled: each is served, refused or cancelled, and no budget is ever passed."""
    outer = purse(20)
    places = [outer, purse(12, outer), purse(8, outer)]

    async def call(need, share, seconds, place):
        async with reserve(places[place], need) as held:
            check()
            await asyncio.sleep(seconds)
            held.settle(tokens(need * share // 100))
            check()

    def check():
        for place in places:
            assert place.spent.tokens + place.ledger.reserved.tokens <= place.budget.tokens

    async def run():
        tasks = [asyncio.create_task(call(*one)) for one in calls]
        await asyncio.sleep(1.5)
        for task in tasks[::4]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        ends = runner.run(run())
    assert {type(end) for end in ends} <= {type(None), BudgetExceeded, asyncio.CancelledError}
    assert [place.ledger.reserved for place in places] == [tokens(0)] * 3
