"""The clocks of branches whose steps wait for permits in other threads."""

import asyncio

from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.runs import current_account, waiting_for_permit


async def test_the_wait_of_a_thread_stops_the_clock_on_the_loop_of_its_fan_out():
    """A thread changes nothing there itself: a loop in debug mode would refuse it."""
    asyncio.get_running_loop().set_debug(True)

    async def wait_in_a_thread(_):
        waiting = waiting_for_permit()
        await asyncio.to_thread(waiting.__enter__)
        await asyncio.sleep(100)  # much longer than the timeout, which finds a clock that stands still
        await asyncio.to_thread(waiting.__exit__, None, None, None)
        await asyncio.sleep(1)
        return "done"

    (outcome,) = await parallelize(wait_in_a_thread, [0], timeout=3, on_error="collect")
    assert (outcome.value, outcome.queued, outcome.elapsed) == ("done", 100, 1)


async def test_the_timeout_counts_on_after_the_wait_of_a_thread():
    """To the instant."""

    async def wait_in_a_thread(_):
        waiting = waiting_for_permit()
        await asyncio.to_thread(waiting.__enter__)
        await asyncio.sleep(100)
        await asyncio.to_thread(waiting.__exit__, None, None, None)
        await asyncio.sleep(50)

    (outcome,) = await parallelize(wait_in_a_thread, [0], timeout=3, on_error="collect")
    assert (outcome.kind, outcome.queued, outcome.elapsed) == ("timeout", 100, 3)


async def test_a_thread_that_outlives_the_loop_of_its_branch_changes_nothing():
    """There is no clock left to change."""
    entered = []

    async def leave_behind(_):
        waiting = waiting_for_permit()
        waiting.__enter__()
        entered.extend((waiting, current_account.get()))

    def elsewhere():
        asyncio.run(parallelize(leave_behind, [0]))

    await asyncio.to_thread(elsewhere)
    waiting, branch = entered
    queued = branch.queued
    waiting.__exit__(None, None, None)
    assert (branch.queued, branch.waiting_since, branch.over) == (queued, None, True)
