"""Plain functions in worker processes: calls, results, errors and resources."""

import asyncio
import functools
import threading
from collections import Counter

import computed
import missing_in_workers
import pytest

from llm_composition_patterns import Failure, Success, in_processes, parallelize
from llm_composition_patterns.virtual_time import run


async def test_the_results_of_processes_come_back_in_order():
    """Calls of a fan-out are shared by the workers, and come back in the order of the inputs."""
    async with in_processes(computed.double, workers=2) as step:
        assert await parallelize(step, range(50)) == [2 * number for number in range(50)]


async def test_a_function_in_a_process_takes_keywords():
    """The call is passed on as it is."""
    async with in_processes(computed.keywords, workers=1) as step:
        assert await step(3, factor=5) == 15


async def test_a_partial_can_run_in_a_process():
    """It is sent with what it carries, and called what its function is."""
    async with in_processes(functools.partial(computed.keywords, factor=4), workers=1) as step:
        assert await step(2) == 8
        assert step.__name__ == "keywords"


async def test_an_error_comes_back_with_its_type_and_the_traceback_of_its_process():
    """The note shows where it was raised, without the frames of this package; the worker goes on."""
    async with in_processes(computed.divide, workers=1) as step:
        with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
            await step(0)
        assert await step(2) == 0.5
    (note,) = raised.value.__notes__
    assert note.startswith("in worker process ")
    assert "return 1 / number" in note
    assert "_child.py" not in note


@pytest.mark.parametrize(
    ("function", "described"),
    [
        (computed.awkward, "Awkward: code 7"),
        (computed.local_error, r"Local: nobody knows me"),
        (computed.no_message, r"Mute: \(no message\)"),
        (computed.leave, "SystemExit: 3"),
        (computed.stop, "StopIteration"),
    ],
)
async def test_an_error_that_cannot_be_sent_is_described(function, described):
    """A RuntimeError has its type, its message and its traceback."""
    async with in_processes(function, workers=1) as step:
        with pytest.raises(RuntimeError, match=described) as raised:
            await step(0)
    assert "Traceback" in raised.value.__notes__[0]


async def test_an_argument_that_cannot_be_sent_fails_its_call_alone():
    """Nothing is sent, and the message says what to give instead."""
    async with in_processes(computed.pid, workers=1) as step:
        worker = await step(0)
        with pytest.raises(
            TypeError, match=r"the arguments of pid cannot be sent .* cannot pickle .*lock.* `resource`"
        ):
            await step(threading.Lock())
        assert await step(0) == worker


@pytest.mark.parametrize("function", [computed.unsendable, computed.unreadable])
async def test_a_result_that_cannot_be_sent_fails_its_call_alone(function):
    """The worker says so, and goes on."""
    async with in_processes(function, workers=1) as step:
        worker = await step(0)
        with pytest.raises(TypeError, match=r"result .*cannot be (sent back|read here)"):
            await step(1)
        assert await step(0) == worker


async def test_what_returns_a_coroutine_is_refused():
    """It looked like a plain function, and computes nothing."""
    async with in_processes(computed.coroutine_of, workers=1) as step:
        with pytest.raises(TypeError, match="async already"):
            await step(0)


async def test_a_module_that_cannot_be_imported_fails_each_call_clearly():
    """The worker is not lost for it, and says what is missing."""
    async with in_processes(missing_in_workers.never, workers=1) as step:
        outcomes = await parallelize(step, range(3), on_error="collect")
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failure)]
    assert [type(error) for error in errors] == [RuntimeError] * 3
    assert {str(error) for error in errors} == {
        "the worker process could not import what it needs: ImportError: not in a worker"
    }
    assert len({error.__notes__[0].split(":")[0] for error in errors}) == 1


async def test_large_values_go_both_ways():
    """What does not fit into a socket, or is pickled aside, arrives whole."""
    payload = bytes(range(256)) * (20 * 2**12)
    async with in_processes(computed.big, workers=1) as step:
        size, back = await step(payload)
        (halves,) = await asyncio.gather(step(bytearray(payload[: 2**17])))
    assert size == len(payload) == 20 * 2**20
    assert back == payload[2::-1] + payload[3:]
    assert halves[0] == 2**17


async def test_a_resource_is_built_once_in_each_process_and_closed_in_it(tmp_path):
    """As many as there are workers, whatever the number of calls."""
    log = tmp_path / "log"
    async with in_processes(
        computed.pid_with, workers=2, resource=functools.partial(computed.Resource, str(log))
    ) as step:
        workers = {await step(number) for number in range(3)}
        workers |= set(await parallelize(step, range(30)))
        assert Counter(log.read_text().splitlines()) == Counter(f"built {worker}" for worker in workers)
    assert Counter(log.read_text().splitlines()) == Counter(
        f"{what} {worker}" for worker in workers for what in ("built", "closed")
    )
    assert len(workers) <= 2


async def test_resources_built_are_workers_and_replacements(tmp_path):
    """A worker that is lost takes its resource with it, and the next one builds its own."""
    log = tmp_path / "log"
    resource = functools.partial(computed.Resource, str(log))
    async with in_processes(computed.hold_with, workers=1, resource=resource) as step:
        assert await step(None)
        with pytest.raises(Exception, match="SIGKILL"):
            await step("die")
        assert await step(None)
    notes = [line.split()[0] for line in log.read_text().splitlines()]
    assert notes == ["built", "built", "closed"]


async def test_a_resource_that_cannot_be_built_in_a_process_fails_the_call(tmp_path):
    """The call gets the exception; the worker is not lost, and the next call tries again."""
    build = functools.partial(computed.build_at_the_second_try, str(tmp_path / "tried"))
    async with in_processes(computed.first_of, workers=1, resource=build) as step:
        with pytest.raises(OSError, match="no converter yet"):
            await step(0)
        assert await step(0) == "converter"


async def test_a_resource_with_its_own_protocol_is_entered_in_the_process():
    """What it gives is the resource."""
    async with in_processes(computed.first_of, workers=1, resource=computed.Managed) as step:
        assert await step(0) == "inner"


async def test_a_resource_that_cannot_be_closed_is_reported(caplog: pytest.LogCaptureFixture):
    """Nobody is left to raise it to, so the log has it."""
    async with in_processes(computed.double_with, workers=1, resource=computed.Stubborn) as step:
        assert await step(2) == 4
    assert "a worker process of double_with could not close its resource:" in caplog.text
    assert "OSError: it sticks" in caplog.text


def test_processes_end_with_the_loop(tmp_path):
    """Without `async with`, the workers of a step are gone when its loop is, their resources closed."""
    log = tmp_path / "log"

    async def use() -> int:
        resource = functools.partial(computed.Resource, str(log))
        return await in_processes(computed.pid_with, workers=1, resource=resource)(3)

    worker = asyncio.run(use())
    assert log.read_text().splitlines() == [f"built {worker}", f"closed {worker}"]
    assert not computed.alive(worker)


def test_a_virtual_clock_stands_still_while_a_process_computes():
    """The time that a process takes is real, so the virtual clock does not jump over it."""

    async def use() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with in_processes(computed.double, workers=1) as step, asyncio.timeout(3600):
            doubled = await step(4)
        return doubled, loop.time() - began

    assert run(use()) == (8, 0.0)


async def test_a_second_loop_is_refused_by_processes():
    """A step that was opened on one loop says so on another."""
    async with in_processes(computed.double, workers=1) as step:
        assert await step(1) == 2
        with pytest.raises(RuntimeError, match="another event loop; wrap it again with in_processes"):
            await asyncio.to_thread(asyncio.run, step(1))


async def test_a_closed_step_of_processes_says_so():
    """It can be opened again."""
    step = in_processes(computed.double, workers=1)
    async with step:
        assert await step(1) == 2
    with pytest.raises(RuntimeError, match="double is closed"):
        await step(1)
    async with step:
        assert await step(2) == 4


async def test_the_calls_that_wait_are_computed_before_the_processes_end():
    """Leaving the block lets what was called before come to its end."""
    async with in_processes(computed.double, workers=1) as step:
        calls = [asyncio.create_task(step(number)) for number in range(10)]
        await asyncio.sleep(0)
    assert [await call for call in calls] == [2 * number for number in range(10)]


async def test_a_large_call_that_is_still_packed_is_computed_before_the_processes_end():
    """A thread packs it while the block is left; no process stays behind."""
    value = list(range(2**20))
    async with in_processes(computed.same, workers=1) as step:
        pool = step._pool
        call = asyncio.create_task(step(value))
        await asyncio.sleep(0)
        assert not pool._waiting
    assert pool._count == 0
    assert await call == value
    assert pool._count == 0


async def test_outcomes_of_processes_say_what_failed():
    """A failed call is a failure of its branch alone."""
    async with in_processes(computed.divide, workers=1) as step:
        outcomes = await parallelize(step, [1, 0, 4], on_error="collect")
    match outcomes:
        case [Success(value=1.0), Failure(kind="error", error=ZeroDivisionError()), Success(value=0.25)]:
            pass
        case _:
            pytest.fail(str(outcomes))
