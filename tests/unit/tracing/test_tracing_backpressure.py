"""New branches wait while the queue of spans is nearly full, and never for ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from llm_composition_patterns import parallelize, stream_outcomes, tracing
from llm_composition_patterns.outcome import Failure
from llm_composition_patterns.tracing import Backpressure, Spans, _backpressure, _batches, setup_tracing
from llm_composition_patterns.tracing._batches import Batches, Delivered, Delivery, Unavailable

BUSY = Unavailable("busy")
NOBODY = Unavailable("nobody there", unreachable=True)
LONG = 30.0
CAPACITY = 256


class Answering:
    """An exporter that answers as the test says."""

    def __init__(self, answer: Callable[[], Delivery]) -> None:
        self.export = lambda _spans: answer()
        self.after_fork = self.close = lambda: None


class Pipeline:
    """Spans of this package go to a small queue, behind a gate if the test wants one."""

    def __init__(self, answer: Callable[[], Delivery], gate: Backpressure | None) -> None:
        self.gate = gate
        self.batches = Batches(Answering(answer), backpressure=gate, capacity=CAPACITY, batch_size=8, delay=0.0)
        provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
        provider.add_span_processor(self.batches)
        tracing.install(Spans(provider.get_tracer("test"), TraceConfig(), backpressure=gate))

    def counts(self) -> tuple[int, int, int]:
        found = self.batches.statistics()
        return found.created, found.exported, found.lost


@pytest.fixture
def pipeline() -> Iterator[Callable[..., Pipeline]]:
    """Makes pipelines, and closes them."""
    made: list[Pipeline] = []

    def make(answer: Callable[[], Delivery], gate: Backpressure | None = None) -> Pipeline:
        made.append(Pipeline(answer, gate))
        return made[-1]

    yield make
    for one in made:
        one.batches.shutdown(0.0)


async def step(number: int) -> int:
    await asyncio.sleep(1)
    return number


async def at_once(number: int) -> int:
    return number


async def inner(number: int) -> int:
    return sum(await parallelize(step, range(number), max_concurrency=2))


def slow(until: threading.Event) -> Callable[[], Delivery]:
    """A collector that takes nothing before something has happened."""

    def answer() -> Delivery:
        assert until.wait(LONG)
        return Delivered()

    return answer


class Watched(Backpressure):
    """A gate that says when a branch came to it while it was shut."""

    def __init__(self) -> None:
        super().__init__()
        self.held_back = threading.Event()

    async def opened(self) -> None:
        self.held_back.set()
        await super().opened()


async def test_a_collector_that_is_slower_than_the_program_slows_it_down(pipeline):
    """Branches wait for room, and every span arrives."""
    gate = Watched()
    made = pipeline(slow(gate.held_back), gate)
    assert await parallelize(step, range(500), max_concurrency=4) == list(range(500))
    assert await asyncio.to_thread(made.batches.flush, LONG)
    assert made.counts() == (501, 501, 0)
    assert not gate.shut


async def test_without_it_the_queue_overflows(pipeline):
    """The same run without a gate loses what the queue does not hold."""
    over = threading.Event()
    made = pipeline(slow(over))
    await parallelize(step, range(500), max_concurrency=4)
    over.set()
    await asyncio.to_thread(made.batches.flush, LONG)
    created, exported, lost = made.counts()
    assert (created, exported + lost) == (501, 501)
    assert lost > 200


async def test_nested_fan_outs_wait_for_nothing_that_waits_for_them(pipeline):
    """Inner branches wait at the gate while the outer ones are open, and all of them come to their end."""
    gate = Watched()
    made = pipeline(slow(gate.held_back), gate)
    assert await parallelize(inner, [30] * 20, max_concurrency=10) == [sum(range(30))] * 20
    assert await asyncio.to_thread(made.batches.flush, LONG)
    assert made.counts() == (1 + 20 + 20 + 600, 641, 0)


async def test_a_stream_waits_too(pipeline):
    """Its own room and the gate's are waited for, whichever is missing."""
    gate = Watched()
    made = pipeline(slow(gate.held_back), gate)
    async with stream_outcomes(step, iter(range(500)), max_concurrency=4, ordered=True) as outcomes:
        assert [outcome.index async for outcome in outcomes] == list(range(500))
    assert await asyncio.to_thread(made.batches.flush, LONG)
    assert made.counts() == (501, 501, 0)


async def test_a_dead_collector_is_given_up(pipeline, monkeypatch):
    """When it has taken nothing for long enough, spans are lost and counted as before, and nobody waits again."""
    monkeypatch.setattr(_backpressure, "PATIENCE", 0.0)
    monkeypatch.setattr(_batches, "PAUSES", (0.001,))
    made = pipeline(lambda: BUSY, Backpressure())
    await parallelize(step, range(500), max_concurrency=4)
    made.batches.shutdown(0.0)
    assert made.counts() == (501, 0, 501)


async def test_where_nobody_ever_answered_nobody_waits(pipeline):
    """There is no collector: the patience is for one that was there."""
    made = pipeline(lambda: NOBODY, Backpressure())
    await parallelize(step, range(500), max_concurrency=4)
    made.batches.shutdown(0.0)
    assert made.counts() == (501, 0, 501)


def test_a_sender_that_hangs_is_given_up(pipeline, monkeypatch):
    """The branches themselves look at the time: the thread that sends may be stuck in a request."""
    monkeypatch.setattr(_backpressure, "PATIENCE", 0.05)
    over = threading.Event()
    pipeline(slow(over), Backpressure())

    assert len(asyncio.run(parallelize(at_once, range(500), max_concurrency=4))) == 500
    over.set()


def test_a_collector_that_is_back_is_waited_for_again():
    """Giving up holds until the collector takes spans again."""
    gate = Backpressure()
    gate.give_up()
    gate.nearly_full()
    assert not gate.shut
    gate.progress()
    gate.nearly_full()
    assert gate.shut


def test_branches_of_several_threads_and_loops_wait_at_one_gate(pipeline):
    """Each is woken in its own loop."""
    gate = Watched()
    made = pipeline(slow(gate.held_back), gate)
    results = []

    def run() -> None:
        results.append(asyncio.run(parallelize(at_once, range(300), max_concurrency=4)))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert results == [list(range(300))] * 3
    assert made.batches.flush(LONG)
    assert made.counts() == (903, 903, 0)


async def test_a_branch_that_waits_can_be_cancelled(pipeline):
    """It leaves nothing behind at the gate."""
    gate, over = Watched(), threading.Event()
    pipeline(slow(over), gate)
    running = asyncio.ensure_future(parallelize(at_once, range(500), max_concurrency=4))
    assert await asyncio.to_thread(gate.held_back.wait, LONG)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gate._waiting == {}
    over.set()


def test_a_branch_that_is_cancelled_while_others_are_woken_keeps_none_of_them_waiting():
    """It leaves the gate on its own thread, whenever that is."""
    gate, woken = Backpressure(), []

    class Loop:
        """Another branch leaves the gate while it wakes one."""

        def call_soon_threadsafe(self, _wake: Callable[..., None], waiter: object) -> None:
            woken.append(waiter)
            waiting.pop("second", None)

    waiting = gate._waiting
    waiting.update(dict.fromkeys(("first", "second", "third"), Loop()))
    gate.nearly_full()
    gate.has_room()
    assert woken == ["first", "second", "third"]


def test_the_deadline_of_a_fan_out_counts_the_wait(pipeline):
    """Inputs that waited at the gate until then never started."""
    gate, over = Backpressure(), threading.Event()
    pipeline(slow(over), gate)
    gate.nearly_full()
    outcomes = asyncio.run(parallelize(step, range(3), deadline=0.05, on_error="collect"))
    assert [outcome.kind for outcome in outcomes if isinstance(outcome, Failure)] == ["deadline"] * 3
    over.set()


async def test_the_end_of_tracing_opens_the_gate_for_good(pipeline):
    """Who waited goes on, and nobody waits for a queue that is closed."""
    gate = Watched()
    made = pipeline(lambda: BUSY, gate)
    running = asyncio.ensure_future(parallelize(at_once, range(500), max_concurrency=4))
    assert await asyncio.to_thread(gate.held_back.wait, LONG)
    made.batches.shutdown(0.0)
    assert len(await running) == 500
    assert not gate.shut


def test_a_forked_child_finds_the_gate_open():
    """Its queue is empty, and who waits does so in the parent."""
    gate = Backpressure()
    batches = Batches(Answering(Delivered), backpressure=gate, capacity=CAPACITY)
    gate.nearly_full()
    batches._after_fork()
    assert not gate.shut
    batches.shutdown(0.0)


@pytest.mark.parametrize("backpressure", [True, False])
def test_it_is_a_setting(tmp_path, backpressure):
    """Off unless it is asked for."""
    with setup_tracing(f"file:{tmp_path / 'spans'}", backpressure=backpressure):
        listening = tracing.listening()
        assert listening is not None
        assert (listening.backpressure is not None) == backpressure
    with setup_tracing(f"file:{tmp_path / 'spans'}"):
        listening = tracing.listening()
        assert listening is not None
        assert listening.backpressure is None
