"""The loop whose clock jumps."""

import asyncio
import time

import pytest

from llm_composition_patterns.virtual_time import EPOCH, VirtualTimeLoop, date, run


async def test_a_day_passes_at_once():
    """Sleeping takes virtual time only, and exactly as much as was asked for."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    await asyncio.sleep(86400)
    assert loop.time() == 86400
    assert time.perf_counter() - began < 5


async def test_timers_end_in_order_at_their_exact_time():
    """Each timer is due at its own value, however the values round."""
    loop = asyncio.get_running_loop()
    seen = []
    for index in (7, 3, 9, 1):
        loop.call_at(index * 0.1, lambda index=index: seen.append((index, loop.time())))
    await asyncio.sleep(2)
    assert seen == [(index, index * 0.1) for index in (1, 3, 7, 9)]


async def test_the_clock_waits_for_threads():
    """A thread at work holds the clock: the timer behind it does not fire first."""
    loop = asyncio.get_running_loop()
    timer = loop.call_later(0.001, lambda: None)
    assert await asyncio.to_thread(lambda: "done") == "done"
    assert loop.time() <= timer.when()


def test_waiting_for_ever_is_an_error():
    """A program in which nothing can happen any more is told so instead of hanging."""

    async def wait_for_nothing() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="waits for ever"):
        run(wait_for_nothing())


async def test_timeouts_use_the_virtual_clock():
    """`asyncio.timeout` fires at its virtual time."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() == 3600


def test_run_uses_a_fresh_clock():
    """Each run starts at 0."""

    async def read() -> float:
        assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
        return asyncio.get_running_loop().time()

    assert run(read()) == run(read()) == 0.0


async def test_dates_are_virtual_too():
    """A date is as exact as the clock, whatever the system's clock does."""
    assert date() == EPOCH
    await asyncio.sleep(0.25)
    assert date() == EPOCH + 0.25


def test_dates_are_the_systems_elsewhere():
    """In real time, and where no loop runs."""

    async def told():
        return date()

    before = time.time()
    assert before <= date() <= asyncio.run(told()) <= time.time()
