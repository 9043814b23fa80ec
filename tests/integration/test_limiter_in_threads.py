"""One limiter, several threads, each with an event loop of its own."""

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llm_composition_patterns.limits import Accepted, Failed, Limiter, Overdue, Refusal, Throttled
from llm_composition_patterns.limits._limiter import set_cap
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.steps import in_threads


def test_several_loops_share_one_limiter():
    """Never more than the limit in all of them together, and everybody gets a turn."""
    limiter, lock = Limiter(fixed=3), threading.Lock()
    running = most = done = 0

    async def call() -> None:
        nonlocal running, most, done
        async with limiter.permit():
            with lock:
                running += 1
                most = max(most, running)
            await asyncio.sleep(0)
            with lock:
                running -= 1
                done += 1

    async def many() -> None:
        await asyncio.gather(*(call() for _ in range(200)))

    with ThreadPoolExecutor(4) as threads:
        for finished in [threads.submit(asyncio.run, many()) for _ in range(4)]:
            finished.result()
    assert (done, running) == (800, 0)
    assert most <= 3
    assert limiter.statistics().in_flight == 0


def test_a_branch_in_a_thread_waits_for_a_shared_limiter_without_losing_its_timeout():
    """The wait stops the branch's clock, though thread and branch have loops of their own; debug mode minds."""
    limiter = Limiter(fixed=1)

    async def call() -> str:
        async with limiter.permit():
            return "called"

    async def hold() -> None:
        async with limiter.permit():
            while not limiter.statistics().waiting:  # noqa: ASYNC110 - a limiter tells nobody who waits
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.3)

    async def main() -> Success[str] | Failure:
        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        async with in_threads(lambda _: asyncio.run(call()), workers=1) as step:
            (outcome,) = await parallelize(step, [0], timeout=0.2, on_error="collect")
        await holder
        return outcome

    outcome = asyncio.run(main(), debug=True)
    assert isinstance(outcome, Success), outcome
    assert outcome.queued >= 0.29


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_whatever_several_threads_do_at_once(seed):
    """Endings of each kind, cancellation, changes of the limit: all are served, none beyond the limit."""
    limiter, lock = Limiter(max=4), threading.Lock()
    running = most = done = 0
    endings = [
        None,
        Accepted(),
        Accepted(tokens=9.0),
        Failed(),
        Overdue(),
        Throttled(Refusal(retry_after=0.002)),
        Throttled(Refusal()),
    ]

    async def call(chance: random.Random) -> None:
        nonlocal running, most, done
        async with limiter.permit(retry=chance.random() < 0.2) as permit:
            with lock:
                running += 1
                most = max(most, running)
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.001]))
                permit.end(chance.choices(endings, [2, 9, 9, 0.2, 0.2, 0.2, 1])[0])
            finally:
                with lock:
                    running -= 1
                    done += 1

    async def many(number: int) -> None:
        chance = random.Random(seed * 10 + number)
        tasks = []
        for _ in range(100):
            tasks.append(asyncio.create_task(call(chance)))
            if chance.random() < 0.2:
                asyncio.get_running_loop().call_later(chance.choice([0, 0.001, 0.01]), chance.choice(tasks).cancel)
            if chance.random() < 0.05:
                set_cap(limiter, chance.randint(1, 4))
            await asyncio.sleep(0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one for one in ended if one is not None and not isinstance(one, asyncio.CancelledError)] == []

    with ThreadPoolExecutor(4) as threads:
        for finished in [threads.submit(asyncio.run, many(number)) for number in range(4)]:
            finished.result()
    shown = limiter.statistics()
    assert (running, shown.in_flight, shown.waiting) == (0, 0, 0)
    assert most <= 4
    assert done > 300
