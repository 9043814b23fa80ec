"""Workers that die, and calls that are cancelled."""

import asyncio
import functools
import os
import signal

import computed
import dies_in_workers
import pytest

from llm_composition_patterns import Failure, Success, WorkerLost, in_processes, parallelize
from llm_composition_patterns.steps.processes import _worker


async def test_a_worker_that_is_killed_fails_its_own_call_alone():
    """In the middle of 200 calls: the other 199 are right."""
    async with in_processes(computed.die_in_the_middle, workers=2) as step:
        outcomes = await parallelize(step, range(200), on_error="collect")
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    values = {outcome.index: outcome.value for outcome in outcomes if isinstance(outcome, Success)}
    assert [(failure.index, failure.kind, type(failure.error)) for failure in failures] == [
        (100, "provider", WorkerLost)
    ]
    assert values == {number: 2 * number for number in range(200) if number != 100}


@pytest.mark.parametrize(
    ("how", "exit_code", "said"),
    [
        (signal.SIGKILL, -9, "killed by SIGKILL; that is what the system does when memory runs out"),
        (signal.SIGABRT, -6, "killed by SIGABRT; native code that crashes does that"),
        (40, -40, "killed by signal 40"),
        ("exit", 3, "ended with exit code 3"),
    ],
)
async def test_the_loss_of_a_worker_says_how_it_ended(how, exit_code, said):
    """One line names the worker, the step and the reason; the next call has a new worker."""
    async with in_processes(computed.die, workers=1) as step:
        worker = await step(None)
        with pytest.raises(
            WorkerLost, match=f"worker process {worker} of die was lost while it computed the call: it .*{said}"
        ) as lost:
            await step(how)
        assert "\n" not in str(lost.value)
        assert (lost.value.step, lost.value.exit_code) == ("die", exit_code)
        assert await step(None) != worker


async def test_a_worker_that_never_starts_fails_the_calls():
    """Each death fails one call, so that nothing is started for ever."""
    async with in_processes(dies_in_workers.never, workers=2) as step:
        outcomes = await parallelize(step, range(4), on_error="collect")
    assert {str(outcome.error).partition(" of ")[2][:61] for outcome in outcomes if isinstance(outcome, Failure)} == {
        "never was lost while it started: it ended with exit code 3, a"
    }
    assert len(outcomes) == 4


async def test_an_idle_worker_that_dies_is_replaced_at_the_next_call():
    """It held no call, so none fails."""
    async with in_processes(computed.pid, workers=1) as step:
        worker = await step(0)
        os.kill(worker, signal.SIGKILL)
        await asyncio.to_thread(computed.gone, worker)
        while step._pool._free:  # noqa: ASYNC110 - a thread has to notice it first
            await asyncio.sleep(0)
        assert await step(0) != worker


async def test_cancelling_a_call_kills_the_worker_and_what_it_started(tmp_path):
    """The caller is free, both processes are dead, and the next call has a new worker."""
    note = tmp_path / "note"
    async with in_processes(computed.announce_and_hang, workers=1) as step:
        call = asyncio.create_task(step(str(note)))
        worker, started = map(int, (await asyncio.to_thread(computed.written, note)).split())
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(computed.gone, worker)
        await asyncio.to_thread(computed.gone, started)
        assert await step(None) != worker


async def test_what_a_worker_started_ends_when_it_dies_by_itself(tmp_path):
    """Nobody killed it, and yet nothing is left over."""
    note = tmp_path / "note"
    async with in_processes(computed.start_and_die, workers=1) as step:
        with pytest.raises(WorkerLost, match="exit code 3"):
            await step(str(note))
    await asyncio.to_thread(computed.gone, int(note.read_text()))


async def test_a_call_that_is_cancelled_before_it_begins_is_withdrawn(tmp_path):
    """Also if it was sent to a worker already: it never runs, and the worker lives on with its resource."""
    log, began, release = tmp_path / "log", tmp_path / "began", tmp_path / "release"
    resource = functools.partial(computed.Resource, str(log))
    async with in_processes(computed.hold_or_append, workers=1, resource=resource) as step:
        held = asyncio.create_task(step(str(began), str(release)))
        await asyncio.to_thread(computed.written, began)
        cancelled = [asyncio.create_task(step(str(tmp_path / f"never {number}"))) for number in range(3)]
        after = asyncio.create_task(step(str(tmp_path / "after")))
        await asyncio.sleep(0)
        for call in cancelled:
            call.cancel()
        await asyncio.wait(cancelled)
        release.touch()
        assert await held == await after
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["built", "closed"]
    assert not list(tmp_path.glob("never*"))


async def test_a_call_that_was_sent_in_advance_survives_the_worker(tmp_path):
    """The worker dies with the call before it; another one computes it."""
    began = tmp_path / "began"
    async with in_processes(computed.hold_or_append, workers=1, resource=tuple) as step:
        held = asyncio.create_task(step(str(began), str(tmp_path / "never")))
        worker = int(await asyncio.to_thread(computed.written, began))
        after = asyncio.create_task(step(str(tmp_path / "after")))
        await asyncio.sleep(0)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="SIGKILL"):
            await held
        assert await after != worker
    assert (tmp_path / "after").read_text().count("\n") == 1


async def test_a_call_that_was_sent_in_advance_goes_to_a_worker_that_is_free_sooner(tmp_path):
    """It does not wait behind a long one, and runs once."""
    async with in_processes(computed.hold_or_append, workers=2, resource=tuple) as step:
        held = [
            asyncio.create_task(step(str(tmp_path / f"held {n}"), str(tmp_path / f"release {n}"))) for n in range(2)
        ]
        for n in range(2):
            await asyncio.to_thread(computed.written, tmp_path / f"held {n}")
        after = [asyncio.create_task(step(str(tmp_path / f"after {n}"))) for n in range(4)]
        await asyncio.sleep(0)
        (tmp_path / "release 0").touch()
        free = await held[0]
        assert await asyncio.gather(*after) == [free] * 4
        (tmp_path / "release 1").touch()
        assert await held[1] != free
    assert [(tmp_path / f"after {n}").read_text().count("\n") for n in range(4)] == [1] * 4


async def test_a_runaway_call_ends_with_the_timeout_of_its_branch():
    """Its worker is killed; the others are right, and so is what the step is given afterwards."""
    async with in_processes(computed.run_away, workers=2) as step:
        outcomes = await parallelize(step, [0, 1, 0, 0], on_error="collect", timeout=1.0)
        assert [getattr(outcome, "kind", None) for outcome in outcomes] == [None, "timeout", None, None]
        assert len(set(await parallelize(step, [0] * 20))) <= 2


@pytest.mark.alone
async def test_the_time_limit_of_a_branch_ends_no_call_that_was_not_begun():
    """One process, 12 calls of 0.1 s: all together take longer than the limit, each of them less."""
    async with in_processes(computed.nap, workers=1) as step:
        outcomes = await parallelize(step, [0.1] * 12, on_error="collect", timeout=1.0)
    assert all(isinstance(outcome, Success) and outcome.elapsed < 1.0 for outcome in outcomes)
    assert outcomes[-1].queued > 1.0


async def test_a_step_that_is_left_by_cancellation_kills_its_workers(tmp_path):
    """Nothing is left behind by a program that is interrupted."""
    note = tmp_path / "note"

    async def use():
        async with in_processes(computed.announce_and_hang, workers=1) as step:
            await step(str(note))

    program = asyncio.create_task(use())
    worker, started = map(int, (await asyncio.to_thread(computed.written, note)).split())
    program.cancel()
    with pytest.raises(asyncio.CancelledError):
        await program
    await asyncio.to_thread(computed.gone, worker)
    await asyncio.to_thread(computed.gone, started)


async def test_a_step_whose_closing_is_cancelled_kills_its_workers(tmp_path):
    """The call that it waited for is lost."""
    note = tmp_path / "note"
    step = await in_processes(computed.announce_and_hang, workers=1).__aenter__()
    call = asyncio.create_task(step(str(note)))
    worker, _ = map(int, (await asyncio.to_thread(computed.written, note)).split())
    closing = asyncio.create_task(step.__aexit__(None, None, None))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(WorkerLost, match="SIGKILL"):
        await call
    await asyncio.to_thread(computed.gone, worker)


async def test_a_worker_ignores_the_interrupt_of_a_terminal():
    """Ctrl-C is for the program, which ends its workers itself."""
    async with in_processes(computed.interrupt, workers=1) as step:
        assert await step(0) == await step(0)


async def test_nothing_of_a_pool_is_left_open(tmp_path):
    """Neither descriptors nor processes, also of workers that were killed."""
    async with in_processes(computed.die, workers=2) as step:
        await step(None)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - of descriptors, not of files
    for _ in range(3):
        async with in_processes(computed.die, workers=2) as step:
            await parallelize(step, [None, "exit", None, signal.SIGKILL], on_error="collect")
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208 - as above


async def test_a_process_that_cannot_be_started_fails_the_call(monkeypatch: pytest.MonkeyPatch):
    """The message says why."""
    monkeypatch.setattr(_worker, "_PYTHON", ("/nowhere/python",))
    async with in_processes(computed.pid, workers=1) as step:
        with pytest.raises(WorkerLost, match=r"a worker process of pid .* started: .*No such file.*nowhere"):
            await step(0)
