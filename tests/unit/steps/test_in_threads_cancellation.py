"""Plain functions in threads whose callers wait for them no more."""

import asyncio
import contextlib
import logging
import threading

import pytest

from llm_composition_patterns.steps import in_threads


class Stuck:
    """A function that is stuck at its first input until it is released."""

    def __init__(self):
        self.release, self.entered, self.left = threading.Event(), threading.Event(), threading.Event()
        self.calls: list[int] = []

    def __call__(self, number: int) -> int:
        self.calls.append(number)
        if number == 0:
            self.entered.set()
            self.release.wait(10)
            self.left.set()
        return number

    async def abandon(self, step):
        """Give up a call that is stuck."""
        await self.give_up(await self.call(step))

    async def call(self, step):
        """Make a call that is stuck."""
        call = asyncio.create_task(step(0))
        await asyncio.to_thread(self.entered.wait, 10)
        return call

    async def give_up(self, call):
        """Wait for it no more."""
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_cancelled_call_is_abandoned_and_reported(caplog: pytest.LogCaptureFixture):
    """Cancelling frees the caller at once; closing does not wait for the thread, and the log says what is lost."""
    release, entered = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        entered.set()
        release.wait(10)

    async with in_threads(hang, workers=1) as step:
        call = asyncio.create_task(step(0))
        await asyncio.sleep(0)
        await asyncio.to_thread(entered.wait, 10)
        call.cancel()
        with caplog.at_level(logging.WARNING, "llm_composition_patterns"), pytest.raises(asyncio.CancelledError):
            await call
    assert "cannot be stopped" in caplog.text
    release.set()


@pytest.mark.parametrize("workers", [1, 4])
async def test_an_abandoned_call_does_not_hold_up_the_others(workers):
    """Its thread is replaced, however few there may be."""
    stuck = Stuck()
    async with in_threads(stuck, workers=workers) as step:
        await stuck.abandon(step)
        assert await asyncio.gather(*map(step, range(1, 9))) == list(range(1, 9))
    stuck.release.set()


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_call_that_waits_for_a_thread_gets_the_place_of_an_abandoned_one(workers):
    """It waited already when the thread was given up: nothing more has to be called for it to run."""
    stuck = Stuck()
    async with in_threads(stuck, workers=workers) as step:
        call = await stuck.call(step)
        queued = [asyncio.create_task(step(number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        await stuck.give_up(call)
        assert await asyncio.gather(*queued) == [1, 2, 3]
    stuck.release.set()


async def test_a_call_that_waits_for_a_thread_is_served_though_its_step_is_closed():
    """Also where the thread is given up only while the step is being closed; it ends when its call does."""
    stuck = Stuck()
    step = await in_threads(stuck, workers=1).__aenter__()
    call = await stuck.call(step)
    queued = asyncio.create_task(step(1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(step.__aexit__(None, None, None))
    await asyncio.sleep(0)
    await stuck.give_up(call)
    assert await queued == 1
    await closing
    stuck.release.set()
    await asyncio.to_thread(stuck.left.wait, 10)
    assert stuck.calls == [0, 1]


@pytest.fixture
def no_more_threads(monkeypatch: pytest.MonkeyPatch):
    """Inside it, the system has no thread left."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    @contextlib.contextmanager
    def refusing():
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            yield

    return refusing


async def test_a_thread_that_cannot_be_replaced_does_not_hide_the_cancellation(
    no_more_threads, caplog: pytest.LogCaptureFixture
):
    """The log says that calls wait; the next call tries again."""
    stuck = Stuck()
    async with in_threads(stuck, workers=1) as step:
        call = await stuck.call(step)
        queued = asyncio.create_task(step(1))
        await asyncio.sleep(0)
        with no_more_threads():
            await stuck.give_up(call)
        assert "no thread could be started" in caplog.text
        assert await step(2) == 2
        assert await queued == 1
    stuck.release.set()


async def test_a_call_that_no_thread_could_be_started_for_fails_when_its_step_is_closed(no_more_threads):
    """It does not wait for ever."""
    stuck = Stuck()
    async with in_threads(stuck, workers=1) as step:
        call = await stuck.call(step)
        queued = asyncio.create_task(step(1))
        await asyncio.sleep(0)
        with no_more_threads():
            await stuck.give_up(call)
    with pytest.raises(RuntimeError, match="closed before one could be started"):
        await queued
    stuck.release.set()


async def test_a_thread_that_comes_back_is_used_again():
    """With its resource, while there is room for it: none is built in its place."""
    stuck, built = Stuck(), []

    async with in_threads(lambda _, n: stuck(n), workers=1, resource=lambda: built.append("one")) as step:
        await stuck.abandon(step)
        stuck.release.set()
        await asyncio.to_thread(stuck.left.wait, 10)
        while not step._pool._threads:  # the thread takes itself back at once
            await asyncio.to_thread(threading.Event().wait, 0.001)
        assert await step(1) == 1
    assert built == ["one"]


async def test_a_thread_that_comes_back_too_late_ends():
    """Its place is taken: there are never more threads than workers for the calls that somebody waits for."""
    stuck, closed = Stuck(), threading.Event()

    class Resource:
        def close(self):
            closed.set()

    async with in_threads(lambda _, n: stuck(n), workers=1, resource=Resource) as step:
        await stuck.abandon(step)
        assert await step(1) == 1
        stuck.release.set()
        assert await asyncio.to_thread(closed.wait, 10)
        assert await step(2) == 2


async def test_a_queued_call_that_is_cancelled_never_runs_and_says_nothing(caplog: pytest.LogCaptureFixture):
    """No thread has begun it."""
    stuck = Stuck()
    async with in_threads(stuck, workers=1) as step:
        first = asyncio.create_task(step(0))
        await asyncio.to_thread(stuck.entered.wait, 10)
        queued = asyncio.create_task(step(1))
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        stuck.release.set()
        assert await first == 0
        assert await step(2) == 2
    assert stuck.calls == [0, 2]
    assert caplog.text == ""


async def test_a_call_cancelled_while_its_resource_is_built_never_runs(caplog: pytest.LogCaptureFixture):
    """Others get a thread of their own meanwhile."""
    building, release, calls = threading.Event(), threading.Event(), []

    def build():
        if not building.is_set():
            building.set()
            release.wait(10)

    async with in_threads(lambda _, number: calls.append(number), workers=1, resource=build) as step:
        call = asyncio.create_task(step(0))
        await asyncio.to_thread(building.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await step(1)
        release.set()
    assert calls == [1]
    assert caplog.text == ""


async def test_closing_does_not_wait_for_a_call_that_is_given_up_meanwhile():
    """Nobody waits for it any more."""
    stuck = Stuck()
    step = await in_threads(stuck, workers=1).__aenter__()
    call = asyncio.create_task(step(0))
    await asyncio.to_thread(stuck.entered.wait, 10)
    closing = asyncio.create_task(step.__aexit__(None, None, None))
    await asyncio.sleep(0)
    call.cancel()
    await closing
    assert not stuck.left.is_set()
    stuck.release.set()
