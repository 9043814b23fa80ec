"""One run of a batch, over a store in memory."""

import asyncio
from decimal import Decimal

import pytest
from batch_runs import DyingStore, dispatcher, killed, run

from llm_composition_patterns import (
    AuthenticationFailed,
    BatchError,
    Budget,
    BudgetExceeded,
    InvalidOutput,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    WorkerLost,
    once,
    parallelize,
)
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.runs import settle
from llm_composition_patterns.usage import NO_USAGE, Usage

PAID = Usage(calls=1, known_cost=Decimal("0.25")).of_model("groq:a")


async def work(item):
    await asyncio.sleep(1)
    return item


async def paid(item):
    settle(PAID)
    await asyncio.sleep(1)
    return item


async def never(_):
    await asyncio.Event().wait()


async def states(store, keys="abcdef"):
    return {key: item.state for key, item in (await store.find([*keys])).items()}


def counts(**given):
    return {"succeeded": 0, "failed": 0, "pending": 0, "abandoned": 0, **given}


async def test_a_batch_runs_every_item_and_says_so():
    """What became of it, how long it took, and that nothing is left."""
    report = await run(work, "abc", MemoryStore())
    assert report.counts == counts(succeeded=3)
    assert (report.executed, report.possibly_repeated, report.interrupted) == (3, (), None)
    assert (report.elapsed, report.usage, report.finished) == (1.0, NO_USAGE, True)


async def test_no_more_items_run_at_once_than_allowed():
    """The rest waits for its turn."""
    report = await run(work, range(10), MemoryStore(), max_concurrency=3)
    assert report.elapsed == 4.0


async def test_a_finished_batch_makes_no_call():
    """Whatever the step would do."""
    store = MemoryStore()
    await run(work, "abc", store)
    report = await run(never, "abc", store)
    assert (report.executed, report.counts, report.elapsed) == (0, counts(succeeded=3), 0.0)


async def test_executed_and_not_yet_committed_counts_as_in_flight():
    """With a store that takes its time, too, no more items are in doubt than may run."""

    class Slow(MemoryStore):
        def put(self, item, value=None, /, *, usage=NO_USAGE):
            async def written():
                await asyncio.sleep(5)
                await MemoryStore.put(self, item, value, usage=usage)
                doubted.append(len(await self.running()))
                finished.add(item.key) if item.state == "succeeded" else None

            return asyncio.ensure_future(written())

        async def counts(self):
            await asyncio.sleep(5)
            return await MemoryStore.counts(self)

    async def work(item):
        executed.add(str(item))
        in_flight.append(len(executed - finished))
        await asyncio.sleep(1)

    doubted, in_flight, executed, finished = [], [], set(), set()
    report = await run(work, range(10), Slow(), max_concurrency=3)
    assert (max(doubted), max(in_flight)) == (3, 3)
    assert report.counts == counts(succeeded=10)
    assert report.elapsed == 4 * 6.0 + 5.0


@pytest.mark.parametrize("error", [RateLimited("full"), ModelUnavailable("down"), ModelTimeout("late")])
async def test_trouble_of_the_provider_leaves_an_item_pending(error):
    """For the next run; it is not tried again in this one."""

    async def trouble(item):
        if item == "b":
            raise error
        return item

    store = MemoryStore()
    report = await run(trouble, "abc", store)
    assert (report.counts, report.executed, report.finished) == (counts(succeeded=2, pending=1), 3, False)
    again = await run(work, "abc", store)
    assert (again.counts, again.executed, again.possibly_repeated) == (counts(succeeded=3), 1, ())


@pytest.mark.parametrize(("error", "kind"), [(InvalidOutput("no"), "invalid_output"), (KeyError("bug"), "error")])
async def test_a_fault_of_its_own_makes_an_item_failed(error, kind):
    """It says why, stays so, and is executed again where that is asked for."""

    async def fail(item):
        raise error

    store = MemoryStore()
    assert (await run(fail, "a", store)).counts == counts(failed=1)
    item = (await store.find(["a"]))["a"]
    assert (item.kind, item.error) == (kind, f"{type(error).__name__}: {error}")
    assert (await run(work, "a", store)).executed == 0
    assert (await run(work, "a", store, retry=("failed",))).counts == counts(succeeded=1)


async def test_a_branch_of_an_inner_fan_out_fails_its_item_as_itself():
    """The provider's trouble stays the provider's."""

    async def fan_out(item):
        return await parallelize(refused, [1, 2])

    async def refused(_):
        raise RateLimited("full")

    assert (await run(fan_out, "a", MemoryStore())).counts == counts(pending=1)


async def test_a_fatal_error_ends_the_batch_at_once_and_keeps_everything():
    """What is finished is, what ran is pending, what was not reached is in no state."""

    async def refused(item):
        await asyncio.sleep(item)
        if item == 3:
            raise AuthenticationFailed("no such key")
        return item

    store = MemoryStore()
    with pytest.raises(AuthenticationFailed, match="no such key") as raised:
        await run(refused, [1, 2, 3, 4, 5, 6], store, max_concurrency=4)
    assert await states(store, "123456") == {
        "1": "succeeded",
        "2": "succeeded",
        "3": "pending",
        "4": "pending",
        "5": "pending",
        "6": "pending",
    }
    assert raised.value.__notes__ == [
        "the batch was stopped by this; its store has {'succeeded': 2, 'failed': 0, 'pending': 4, 'abandoned': 0}"
    ]
    assert (await run(work, [1, 2, 3, 4, 5, 6], store)).executed == 4


async def test_a_store_that_breaks_ends_the_batch_with_its_error():
    """Calls that nobody can record are not paid any longer."""

    class Full(MemoryStore):
        def put(self, item, value=None, /, *, usage=NO_USAGE):
            if item.state == "running":
                return super().put(item, value, usage=usage)
            full = asyncio.get_running_loop().create_future()
            full.set_exception(BatchError("the disk is full"))
            full.exception()
            return full

        async def counts(self):
            raise BatchError("the disk is full")

    ended = []

    async def wait(item):
        try:
            await asyncio.sleep(item)
        finally:
            ended.append((item, asyncio.get_running_loop().time()))

    with pytest.raises(BatchError, match="the disk is full"):
        await run(wait, [1, 60], Full())
    assert ended == [(1, 1.0), (60, 1.0)]


async def test_a_plain_function_ends_the_batch_with_the_repair():
    """It is no fault of the items, which are left for another run."""
    store = MemoryStore()
    with pytest.raises(TypeError, match=r"in_threads\(len\) for a function that waits"):
        await run(len, "abc", store)
    assert set((await states(store)).values()) <= {"pending"}


async def test_a_result_that_cannot_be_recorded_ends_the_batch_with_the_repair():
    """On the first one, and not when it is read."""

    async def odd(item):
        await asyncio.sleep(item)
        return {item}

    store = MemoryStore()
    with pytest.raises(TypeError, match="work gave a set that does not come back from JSON as it was"):
        await run(odd, [1, 2], store)
    assert await states(store, "12") == {"1": "failed", "2": "pending"}


async def test_a_spent_budget_starts_no_more_and_lets_what_runs_end():
    """What did not fit is pending."""

    async def spend(item):
        await asyncio.sleep(item)
        if item == 2:
            raise BudgetExceeded("spent")
        return item

    store = MemoryStore()
    with pytest.raises(BudgetExceeded):
        await run(spend, [1, 2, 3, 4, 5], store, max_concurrency=3)
    assert await states(store, "12345") == {"1": "succeeded", "2": "pending", "3": "succeeded", "4": "succeeded"}


async def test_a_budget_counts_what_earlier_runs_spent():
    """Over all runs; one that has nothing left executes nothing, and says how to go on."""
    store = MemoryStore()
    first = await run(paid, "ab", store, budget=Budget(usd=0.5))
    assert first.usage == PAID + PAID
    with pytest.raises(BudgetExceeded, match=r"have spent \$0.50 of their budget of \$0.5: give a larger one to go on"):
        await run(paid, "abc", store, budget=Budget(usd=0.5))
    assert await states(store) == {"a": "succeeded", "b": "succeeded"}
    assert (await run(paid, "abc", store, budget=Budget(usd=0.75))).executed == 1


async def test_a_budget_of_tokens_counts_over_runs_too():
    """In the words of tokens."""

    async def tokens(item):
        settle(Usage(calls=1, input_tokens=60))

    store = MemoryStore()
    await run(tokens, "a", store, budget=Budget(tokens=60))
    with pytest.raises(BudgetExceeded, match="have spent 60 of their budget of 60 tokens"):
        await run(tokens, "ab", store, budget=Budget(tokens=60))


async def test_a_finished_batch_needs_no_budget():
    """Nothing is left to be paid."""
    store = MemoryStore()
    await run(paid, "ab", store)
    assert (await run(paid, "ab", store, budget=Budget(usd=0.01))).executed == 0


async def test_an_item_has_the_usage_of_all_its_executions():
    """Failed ones too, and steps inside that were recorded on their own."""

    async def twice(item):
        await once(paid, item, key="first")
        settle(PAID)
        if len(tries) < 2:
            tries.append(item)
            raise RateLimited("full")

    tries = []
    store = MemoryStore()
    for _ in range(3):
        await run(twice, "a", store)
    assert (await store.find(["a"]))["a"].usage == PAID + PAID + PAID + PAID
    assert await store.spent() == PAID + PAID + PAID + PAID


async def test_an_item_whose_worker_died_is_executed_again():
    """In the same run; it may have been paid twice, which is reported."""

    async def dies_once(item):
        tries.append(item)
        if tries.count("b") == 1 and item == "b":
            raise WorkerLost("gone")
        return item

    tries = []
    report = await run(dies_once, "abc", MemoryStore())
    assert (report.counts, report.possibly_repeated, tries.count("b")) == (counts(succeeded=3), ("b",), 2)
    assert report.executed == 3


async def test_an_item_under_which_every_worker_dies_is_abandoned():
    """After so many attempts; and it is executed again where that is asked for."""

    async def deadly(item):
        tries.append(item)
        raise WorkerLost("gone")

    tries, store = [], MemoryStore()
    report = await run(deadly, "a", store, max_attempts=3)
    assert (report.counts, len(tries)) == (counts(abandoned=1), 3)
    assert (await run(work, "a", store)).executed == 0
    assert (await run(work, "a", store, retry=("abandoned",))).counts == counts(succeeded=1)


async def test_an_item_under_which_every_process_dies_is_abandoned():
    """Over all runs; the others are finished."""
    store = DyingStore()

    async def deadly(item):
        if item == "b":
            store.death.set_result(None)
            await never(item)
        return item

    for _ in range(3):
        await killed(deadly, "abc", store, max_concurrency=1, max_attempts=3)
        store.revive()
    report = await run(work, "abc", store, max_attempts=3)
    assert (report.counts, report.executed) == (counts(succeeded=2, abandoned=1), 1)


async def test_what_was_in_flight_when_a_run_died_is_executed_again_and_reported():
    """In this run and in all that come."""
    store = DyingStore()

    async def die(item):
        await asyncio.sleep(item)
        if item == 3:
            store.death.set_result(None)
            await never(item)
        return item

    await killed(die, [1, 2, 3, 4, 5], store, max_concurrency=3)
    store.revive()
    report = await run(work, [1, 2, 3, 4, 5], store)
    assert (report.counts, report.executed) == (counts(succeeded=5), 3)
    assert report.possibly_repeated == ("3", "4", "5")
    assert (await run(work, [1, 2, 3, 4, 5], store)).possibly_repeated == ("3", "4", "5")


async def test_the_first_signal_drains_a_run():
    """No item is started, what runs is finished, and the report says which signal it was."""
    running = dispatcher(work, store := MemoryStore(), max_concurrency=2)
    asyncio.get_running_loop().call_later(0.5, running._interrupt, "SIGTERM")
    report = await running.run(range(9), str)
    assert (report.interrupted, report.elapsed, report.finished) == ("SIGTERM", 1.0, False)
    assert report.counts == counts(succeeded=2)
    assert (await run(work, range(9), store)).possibly_repeated == ()


async def test_what_does_not_end_in_time_is_cut_off():
    """After the time to drain; it is pending, and not in doubt."""
    running = dispatcher(asyncio.sleep, store := MemoryStore(), drain_timeout=30.0)
    asyncio.get_running_loop().call_later(0.5, running._interrupt, "SIGINT")
    report = await running.run([1, 100], str)
    assert (report.elapsed, report.counts) == (30.5, counts(succeeded=1, pending=1))
    assert (await run(work, [1, 100], store)).possibly_repeated == ()


async def test_the_second_signal_ends_a_run_at_once():
    """What runs is pending; the report names the first one."""
    running = dispatcher(asyncio.sleep, MemoryStore())
    loop = asyncio.get_running_loop()
    loop.call_later(1.5, running._interrupt, "SIGINT")
    loop.call_later(2.5, running._interrupt, "SIGTERM")
    report = await running.run([1, 100], str)
    assert (report.interrupted, report.elapsed) == ("SIGINT", 2.5)
    assert report.counts == counts(succeeded=1, pending=1)


async def test_what_turns_its_cancellation_into_an_error_is_pending_all_the_same():
    """It was ended from outside."""

    async def touchy(item):
        try:
            await never(item)
        except asyncio.CancelledError:
            raise ValueError("disturbed") from None

    running = dispatcher(touchy, MemoryStore(), drain_timeout=1.0)
    asyncio.get_running_loop().call_later(1.0, running._interrupt, "SIGINT")
    assert (await running.run("ab", str)).counts == counts(pending=2)


async def test_a_source_that_hangs_does_not_keep_a_run_from_draining():
    """It is waited for no longer."""

    async def source():
        yield "a"
        await asyncio.Event().wait()

    running = dispatcher(work, MemoryStore())
    asyncio.get_running_loop().call_later(5.0, running._interrupt, "SIGTERM")
    report = await running.run(source(), str)
    assert (report.elapsed, report.counts) == (5.0, counts(succeeded=1))


async def test_a_caller_that_is_cancelled_leaves_no_task_and_everything_pending():
    """What ran is executed again by the next run, and is not in doubt."""
    store = MemoryStore()
    tasks = asyncio.all_tasks()
    running = asyncio.ensure_future(run(never, "abc", store))
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == tasks
    assert await states(store) == dict.fromkeys("abc", "pending")
    assert (await run(work, "abc", store)).possibly_repeated == ()


async def test_an_item_that_cancels_itself_fails_alone():
    """The others go on."""

    async def cancelled(item):
        if item == "b":
            raise asyncio.CancelledError
        return item

    store = MemoryStore()
    assert (await run(cancelled, "abc", store)).counts == counts(succeeded=2, failed=1)
    assert (await store.find(["b"]))["b"].kind == "cancelled"


async def test_progress_is_that_of_the_whole_batch():
    """With what earlier runs did."""
    store = MemoryStore()
    await run(work, "ab", store)
    shown = []
    await run(work, [*"abcd"], store, progress=shown.append)
    last = shown[-1]
    assert (last.total, last.started, last.done, last.succeeded, last.failed, last.in_flight) == (4, 4, 4, 4, 0, 0)


async def test_a_bug_in_whoever_shows_progress_touches_no_item(caplog):
    """It is reported once."""

    def show(_):
        raise ValueError("bug")

    assert (await run(work, "abc", MemoryStore(), progress=show)).counts == counts(succeeded=3)
    assert len(caplog.records) == 1
