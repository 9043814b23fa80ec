"""Whatever waits for permits, timeouts stay exact."""

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from llm_composition_patterns.errors import BranchTimeout, DeadlineExceeded
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.runs import current_account, waiting_for_permit
from llm_composition_patterns.virtual_time import run

EXAMPLES = settings(max_examples=60, deadline=None)


class Permits:
    """So many calls at once, each of which only takes time, and is counted."""

    def __init__(self, count):
        self._limiter = Limiter(fixed=count)
        self.left = self.lowest = count

    async def call(self, seconds):
        """Hold a permit for so long."""
        async with self._limiter.permit():
            self.left -= 1
            self.lowest = min(self.lowest, self.left)
            await asyncio.sleep(seconds)
            self.left += 1


@EXAMPLES
@given(
    rows=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=4),
    count=st.integers(1, 3),
    limit=st.integers(1, 4),
)
def test_no_wait_for_a_permit_counts_against_a_timeout(rows, count, limit):
    """Calls of nested branches share few permits: each has its whole timeout, and the sums are exact."""
    permits = Permits(count)

    async def outer(row):
        inner = await parallelize(permits.call, row, timeout=5.5, max_concurrency=limit, on_error="collect")
        branch = current_account.get()
        assert (branch._waiting, branch._working) == (0, 0)
        return inner

    outcomes = run(parallelize(outer, rows, timeout=sum(map(sum, rows)) + 0.5, on_error="collect"))
    calls = list(itertools.chain.from_iterable(outcome.value for outcome in outcomes))
    assert [outcome.elapsed for outcome in calls] == list(itertools.chain.from_iterable(rows))
    assert permits.lowest >= 0
    assert permits.left == count


@EXAMPLES
@given(moments=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=4), timeout=st.integers(1, 6))
def test_a_timeout_is_exact_whatever_the_waits_before_it(moments, timeout):
    """The end is started + queued + timeout, to the last digit."""

    async def main():
        async def work_and_wait(_):
            for works, waits in moments:
                await asyncio.sleep(works)
                with waiting_for_permit():
                    await asyncio.sleep(waits)
            await asyncio.sleep(1000)

        (outcome,) = await parallelize(work_and_wait, [0], timeout=timeout + 0.5, on_error="collect")
        return outcome, asyncio.get_running_loop().time()

    outcome, ended = run(main())
    assert outcome.kind == "timeout"
    assert outcome.elapsed == timeout + 0.5
    assert ended == outcome.queued + timeout + 0.5


def test_the_errors_of_time_are_timeouts():
    """So that `except TimeoutError` catches both."""
    assert issubclass(BranchTimeout, TimeoutError)
    assert issubclass(DeadlineExceeded, TimeoutError)
