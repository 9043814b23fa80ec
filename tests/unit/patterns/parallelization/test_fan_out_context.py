"""The context of branches: context variables, accounts, and what is settled where."""

import asyncio
from contextvars import ContextVar, copy_context
from decimal import Decimal

import pytest
from fan_out_steps import wait

from llm_composition_patterns.outcome import Failure
from llm_composition_patterns.patterns.parallelization import parallelize, together
from llm_composition_patterns.runs import Account, current_account, settle
from llm_composition_patterns.usage import NO_USAGE, Usage

variable = ContextVar("variable", default="unset")


@pytest.fixture
def account():
    """An account around the test, as `track` opens it."""
    opened = Account(None)
    token = current_account.set(opened)
    yield opened
    current_account.reset(token)


async def test_branches_see_what_the_caller_has_set():
    """At the time of the call."""
    variable.set("by the caller")

    async def look(_):
        await asyncio.sleep(1)
        return variable.get()

    assert await parallelize(look, range(3)) == ["by the caller"] * 3


async def test_what_a_branch_sets_is_its_own():
    """Neither the next branch of the same worker sees it, nor one beside it, nor the caller."""

    async def set_and_look(number):
        before = variable.get()
        variable.set(number)
        await asyncio.sleep(number % 2)
        return before, variable.get()

    for limit in 1, 2:
        found = await parallelize(set_and_look, range(4), max_concurrency=limit)
        assert found == [("unset", number) for number in range(4)]
    assert variable.get() == "unset"


async def test_what_a_function_sets_before_it_returns_its_awaitable_is_its_branchs():
    """The call itself is made in the branch's context."""

    def set_then_look(number):
        variable.set(number)
        return look()

    async def look():
        return variable.get()

    assert await parallelize(set_then_look, range(3), max_concurrency=1) == [0, 1, 2]
    assert variable.get() == "unset"


async def test_a_token_can_be_reset_after_suspensions():
    """A branch has one context from its first line to its last, its cleanup included."""

    async def set_and_reset(seconds):
        token = variable.set(seconds)
        try:
            await asyncio.sleep(seconds)
        finally:
            variable.reset(token)

    outcomes = await parallelize(set_and_reset, [1, 9, 2], timeout=5, on_error="collect")
    assert [isinstance(outcome, Failure) and outcome.kind for outcome in outcomes] == [False, "timeout", False]


async def test_tasks_and_callbacks_of_a_branch_have_its_context():
    """As anywhere in asyncio."""
    seen = []

    async def spawn(number):
        variable.set(number)
        asyncio.get_running_loop().call_soon(lambda: seen.append(variable.get()))
        return await asyncio.create_task(look())

    async def look():
        return variable.get()

    assert await parallelize(spawn, [1, 2]) == [1, 2]
    assert sorted(seen) == [1, 2]


async def test_the_caller_of_a_fan_out_keeps_its_context():
    """Nothing that the fan-out uses inside stays behind."""
    before = dict(copy_context().items())
    await parallelize(wait, [1])
    assert dict(copy_context().items()) == before


# --- accounts


USED = Usage(input_tokens=10, output_tokens=2, calls=1, known_cost=Decimal("0.5"))


async def test_what_is_settled_in_a_branch_is_in_its_outcome():
    """Usage and attempts, of that branch alone."""

    async def call(times):
        for _ in range(times):
            settle(USED)
            await asyncio.sleep(1)
        if times == 3:
            settle(Usage(retries=2))

    outcomes = await parallelize(call, [0, 1, 3], on_error="collect")
    assert [outcome.usage for outcome in outcomes] == [NO_USAGE, USED, USED + USED + USED + Usage(retries=2)]
    assert [outcome.attempts for outcome in outcomes] == [0, 1, 5]


async def test_a_failure_has_what_was_used_before_it():
    """Money spent is not forgotten."""

    async def call_and_fail(_):
        settle(USED)
        raise ValueError

    (outcome,) = await parallelize(call_and_fail, [0], on_error="collect")
    assert (outcome.usage, outcome.attempts) == (USED, 1)


async def test_everything_is_in_the_scopes_around(account):
    """An outer branch has what its inner ones used; so has the account around all."""

    async def call(_):
        settle(USED)

    async def outer(count):
        settle(USED)
        return await parallelize(call, range(count), on_error="collect")

    outcomes = await parallelize(outer, [0, 2], on_error="collect")
    assert [outcome.attempts for outcome in outcomes] == [1, 3]
    assert [inner.attempts for inner in outcomes[1].value] == [1, 1]
    assert account.usage == USED + USED + USED + USED


async def test_sections_have_accounts_of_their_own(account):
    """`together` runs coroutines in branches as well."""

    async def call(times):
        for _ in range(times):
            settle(USED)

    outcomes = await together(call(1), call(2), on_error="collect")
    assert [outcome.attempts for outcome in outcomes] == [1, 2]
    assert account.usage.calls == 3


async def test_what_a_branch_leaves_behind_settles_around_it(account):
    """A task that outlives its branch is paid by the scopes around; the outcome stays as it was."""
    left = []

    async def call_later():
        await asyncio.sleep(5)
        settle(USED)

    async def leave_it_behind(_):
        left.append(asyncio.ensure_future(call_later()))

    (outcome,) = await parallelize(leave_it_behind, [0], on_error="collect")
    await asyncio.gather(*left)
    assert outcome.usage is NO_USAGE
    assert account.usage == USED


async def test_the_callers_account_is_the_same_after_a_fan_out(account):
    """Whatever branches did."""
    await parallelize(wait, [1])
    assert current_account.get() is account
