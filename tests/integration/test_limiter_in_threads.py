"""One limiter, several threads, each with an event loop of its own."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from llm_composition_patterns.limits import Limiter


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
