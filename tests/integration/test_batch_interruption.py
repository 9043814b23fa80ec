"""What Ctrl-C and SIGTERM do while a batch listens to them."""

import asyncio
import signal

import pytest

from llm_composition_patterns import run_batch
from llm_composition_patterns.batch._interruption import handling_signals


async def work(item: int) -> int:
    """Sends its own process a signal."""
    if item == 3:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.05)  # it arrives by a socket
    return item


async def test_signals_are_told_by_name_and_handled_as_before_afterwards():
    """Each one, as often as it comes."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    told = []
    with handling_signals(told.append):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            signal.raise_signal(number)
            await asyncio.sleep(0.01)
    assert told == ["SIGTERM", "SIGINT", "SIGINT"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_batch_that_does_not_listen_leaves_signals_alone(tmp_path):
    """They do what they do in the rest of the program."""
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append("the program's own"))
    try:
        report = await run_batch(work, range(9), store=tmp_path / "batch.db", key=str)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (told, report.interrupted, report.counts["succeeded"]) == (["the program's own"], None, 9)


async def test_a_batch_that_listens_drains(tmp_path):
    """And the same call goes on with it."""
    settings = {"store": tmp_path / "batch.db", "key": str, "max_concurrency": 1, "handle_signals": True}
    first = await run_batch(work, range(9), **settings)
    assert (first.interrupted, first.counts["succeeded"], first.finished) == ("SIGTERM", 4, False)
    again = await run_batch(work, range(9), **settings)
    assert (again.interrupted, again.executed, again.possibly_repeated) == (None, 5, ())


async def test_signals_arrive_in_the_main_thread_only(tmp_path):
    """Elsewhere nobody can listen, which is said."""

    def run():
        asyncio.run(run_batch(work, [1], store=tmp_path / "batch.db", key=str, handle_signals=True))

    with pytest.raises(ValueError, match="handle_signals=True works in the main thread only"):
        await asyncio.to_thread(run)
