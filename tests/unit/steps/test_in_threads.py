"""Plain functions in threads."""

import asyncio
import contextvars
import functools
import logging
import threading

import pytest

from llm_composition_patterns.patterns.parallelization import parallelize
from llm_composition_patterns.steps import in_threads
from llm_composition_patterns.virtual_time import run


class Connection:
    """A resource that knows which threads it was opened, used and closed in."""

    def __init__(self) -> None:
        self.opened_in = threading.get_ident()
        self.closed_in: int | None = None

    def close(self) -> None:
        self.closed_in = threading.get_ident()


def double(number: int) -> int:
    return 2 * number


async def test_the_result_comes_back():
    """A call gives what the function returned."""
    async with in_threads(double) as step:
        assert await step(4) == 8


async def test_it_composes_with_parallelize():
    """Calls of a fan-out come back in the order of the inputs."""
    async with in_threads(double, workers=3) as step:
        assert await parallelize(step, range(20)) == [2 * number for number in range(20)]


async def test_an_error_is_the_callers():
    """What the function raises is raised where it was called."""

    def divide(number: int) -> float:
        return 1 / number

    async with in_threads(divide) as step:
        with pytest.raises(ZeroDivisionError):
            await step(0)
        assert await step(2) == 0.5


async def test_stop_iteration_is_told_apart_from_a_return():
    """A StopIteration cannot end a coroutine by accident."""

    def stop(_: int) -> int:
        raise StopIteration

    async with in_threads(stop) as step:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await step(0)


async def test_the_context_goes_along():
    """Context variables of the caller are seen in the thread; what is set there stays there."""
    variable = contextvars.ContextVar("variable", default="none")

    def read_and_set(_: int) -> str:
        seen = variable.get()
        variable.set("thread")
        return seen

    variable.set("caller")
    async with in_threads(read_and_set) as step:
        assert await step(0) == "caller"
    assert variable.get() == "caller"


async def test_a_resource_is_built_once_per_thread_and_closed_in_it():
    """One worker builds one resource for all its calls, and closes it where it was built."""
    built: list[Connection] = []

    def connect() -> Connection:
        built.append(Connection())
        return built[-1]

    def used_in(connection: Connection, _: int) -> tuple[int, int]:
        return connection.opened_in, threading.get_ident()

    async with in_threads(used_in, workers=1, resource=connect) as step:
        for number in range(5):
            opened, used = await step(number)
            assert opened == used
        assert len(built) == 1
        assert built[0].closed_in is None
    assert built[0].closed_in == built[0].opened_in


async def test_no_more_threads_than_workers():
    """However many calls wait, at most `workers` run at once."""
    lock = threading.Lock()
    running = peak = 0
    gate = threading.Barrier(2)

    def work(_: int) -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        gate.wait(10)
        with lock:
            running -= 1

    async with in_threads(work, workers=2) as step:
        await parallelize(step, range(8))
    assert peak == 2


async def test_a_resource_that_cannot_be_built_fails_the_call():
    """Each call is told why it has no resource; the next one tries again."""
    tries = iter([OSError("no route"), "connection"])

    def connect() -> str:
        made = next(tries)
        if isinstance(made, OSError):
            raise made
        return made

    async with in_threads(lambda held, _: held, workers=1, resource=connect) as step:
        with pytest.raises(OSError, match="no route"):
            await step(0)
        assert await step(0) == "connection"


async def test_a_resource_with_its_own_protocol_is_entered():
    """A context manager is entered in the thread, and what it gives is the resource."""
    events: list[str] = []

    class Manager:
        def __enter__(self) -> str:
            events.append("enter")
            return "inner"

        def __exit__(self, *_: object) -> None:
            events.append("exit")

    async with in_threads(lambda held, _: held, workers=1, resource=Manager) as step:
        assert await step(0) == "inner"
    assert events == ["enter", "exit"]


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


def test_threads_end_with_the_loop():
    """Without `async with`, the threads of a step are gone when its loop is."""

    async def use() -> int:
        return await in_threads(double, workers=1)(3)

    assert run(use()) == 6
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("double")]


async def test_a_second_loop_is_refused_clearly():
    """A step that was opened on one loop says so on another."""
    step = in_threads(double)
    await step(1)

    def elsewhere() -> int:
        return asyncio.run(step(1))

    async with in_threads(elsewhere) as other:
        with pytest.raises(RuntimeError, match="another event loop"):
            await other()


def test_at_least_one_worker():
    """Zero workers would never run anything."""
    with pytest.raises(ValueError, match="at least 1"):
        in_threads(double, workers=0)


def test_a_plain_function_is_refused_with_the_repair():
    """The refusal of a step that is not async names in_threads, which mends it."""

    async def use() -> list[int]:
        with pytest.raises(TypeError, match="in_threads"):
            await parallelize(double, [1])
        async with in_threads(double) as step:
            return await parallelize(step, [1])

    assert run(use()) == [2]


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


async def test_a_thread_that_cannot_be_replaced_does_not_hide_the_cancellation(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """The log says that calls wait; the next call tries again."""
    stuck = Stuck()

    def refuse(_):
        raise RuntimeError("can't start new thread")

    async with in_threads(stuck, workers=1) as step:
        call = await stuck.call(step)
        queued = asyncio.create_task(step(1))
        await asyncio.sleep(0)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            await stuck.give_up(call)
        assert "no thread could be started" in caplog.text
        assert await step(2) == 2
        assert await queued == 1
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


async def wait_async(seconds: float) -> None:
    """A step already."""


class WaitAsync:
    async def __call__(self, seconds: float) -> None:
        """A step already."""


@pytest.mark.parametrize("fn", [wait_async, functools.partial(wait_async, 1), WaitAsync(), WaitAsync().__call__])
def test_an_async_function_is_refused_with_the_repair(fn):
    """A thread would give a coroutine."""
    with pytest.raises(TypeError, match="use it as a step as it is"):
        in_threads(fn)


async def test_a_function_that_gives_a_coroutine_is_refused_when_called():
    """Nothing is left that was never awaited."""
    async with in_threads(lambda: wait_async(1)) as step:
        with pytest.raises(TypeError, match="use it as a step as it is"):
            await step()


@pytest.mark.parametrize("fn", [None, 5, "read", [double]])
def test_what_cannot_be_called_is_refused(fn):
    """With the repair."""
    with pytest.raises(TypeError, match="in_threads takes a plain function"):
        in_threads(fn)


def test_a_coroutine_is_refused_and_closed():
    """Somebody called the function instead of passing it."""
    with pytest.raises(TypeError, match=r"write in_threads\(read\)"):
        in_threads(wait_async(1))


def test_a_resource_is_a_factory():
    """Each thread needs its own."""
    with pytest.raises(TypeError, match="builds one for each thread"):
        in_threads(double, resource=Connection())


@pytest.mark.parametrize("workers", [2.5, True, "3"])
def test_workers_is_a_whole_number(workers):
    """Nothing else counts threads."""
    with pytest.raises(TypeError, match="workers must be an int"):
        in_threads(double, workers=workers)


async def test_a_closed_step_refuses_calls():
    """What was closed builds nothing anew; entered again, it works again."""
    step = in_threads(double, workers=1)
    async with step:
        assert await step(1) == 2
    with pytest.raises(RuntimeError, match="double is closed"):
        await step(1)
    async with step:
        assert await step(1) == 2


def test_a_step_without_a_block_serves_one_loop_after_another():
    """Closed with its loop, it opens again on the next one."""
    step = in_threads(double, workers=1)

    async def use() -> int:
        return await step(3)

    assert [run(use()), run(use())] == [6, 6]
