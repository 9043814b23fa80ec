"""Plain functions in threads."""

import asyncio
import contextvars
import functools
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


def test_threads_end_with_the_loop():
    """Without `async with`, the threads of a step are gone when its loop is."""

    async def use() -> int:
        return await in_threads(double, workers=1)(3)

    assert run(use()) == 6
    left = [thread for thread in threading.enumerate() if thread.name.startswith("double")]
    for thread in left:  # it has told that it ends, and does within a few instructions
        thread.join(5)
    assert not any(thread.is_alive() for thread in left)


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
