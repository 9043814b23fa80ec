"""The queue between the program and the exporter."""

import os
import threading
from collections.abc import Callable, Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from llm_composition_patterns.tracing import TracingStatistics, _batches
from llm_composition_patterns.tracing._batches import Batches, Delivered, Delivery, Refused, Unavailable

BUSY = Unavailable("busy")
NOBODY = Unavailable("nobody there", unreachable=True)
LONG = 30.0


class FakeExporter:
    """Answers with what the test says, and remembers the batches."""

    def __init__(self, answer: Callable[[int], Delivery] = lambda _: Delivered()) -> None:
        self.answer = answer
        self.batches: list[list[str]] = []
        self.closed = threading.Event()
        self.forked = False

    def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
        """Answer as the test says."""
        self.batches.append([span.name for span in spans])
        return self.answer(len(self.batches))

    def after_fork(self) -> None:
        """Note that this is a child."""
        self.forked = True

    def close(self) -> None:
        """Note the end."""
        self.closed.set()


def end_spans(batches: Batches, count: int) -> None:
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(batches)
    tracer = provider.get_tracer("test")
    for index in range(count):
        tracer.start_span(str(index)).end()


def counts(batches: Batches) -> tuple[int, int, int, int]:
    found = batches.statistics()
    return found.created, found.exported, found.lost, found.queued


def test_spans_go_in_full_batches_in_order():
    """Full batches go at once, the rest when it is asked for."""
    exporter = FakeExporter()
    batches = Batches(exporter, batch_size=4, delay=LONG)
    end_spans(batches, 10)
    assert batches.flush(LONG)
    assert [name for batch in exporter.batches for name in batch] == [str(index) for index in range(10)]
    assert max(map(len, exporter.batches)) == 4
    assert batches.statistics() == TracingStatistics(created=10, exported=10, lost=0, queued=0)
    batches.shutdown(LONG)


def test_a_few_spans_go_after_a_short_delay():
    """Nobody has to fill a batch."""
    delivered = threading.Event()
    batches = Batches(FakeExporter(), delay=0.001, on_first_delivery=delivered.set)
    end_spans(batches, 1)
    assert delivered.wait(LONG)
    batches.shutdown(LONG)


def test_shutdown_hands_over_what_is_left_and_closes_the_exporter():
    """What is queued is exported before the end, once."""
    exporter = FakeExporter()
    batches = Batches(exporter, batch_size=4, delay=LONG)
    end_spans(batches, 9)
    batches.shutdown(LONG)
    batches.shutdown(LONG)
    assert counts(batches) == (9, 9, 0, 0)
    assert exporter.closed.wait(LONG)


def test_an_exporter_that_was_never_used_is_closed():
    """Without any span there is no thread, and the exporter is closed all the same."""
    exporter = FakeExporter()
    Batches(exporter).shutdown(LONG)
    assert exporter.closed.is_set()
    assert exporter.batches == []


def test_what_the_queue_does_not_hold_is_counted_as_lost():
    """A full queue loses the newest spans, and says how many and why."""
    held = threading.Event()
    exporter = FakeExporter(lambda _: Delivered() if held.wait(LONG) else BUSY)
    batches = Batches(exporter, capacity=5, batch_size=1, delay=LONG)
    end_spans(batches, 20)
    created, exported, lost, queued = counts(batches)
    assert (created, exported) == (20, 0)
    assert lost in {14, 15}  # one span may be with the exporter already
    assert lost + queued == 20
    held.set()
    batches.shutdown(LONG)
    assert counts(batches) == (20, 20 - lost, lost, 0)
    assert batches.reasons == {"the collector is too slow: the queue was full": lost}


def test_a_span_that_cannot_be_written_is_lost_alone():
    """Its batch is offered in halves until it is alone, and nothing else is lost or sent twice."""

    class Writing(FakeExporter):
        def export(self, spans: Sequence[ReadableSpan], /) -> Delivery:
            if "5" in [span.name for span in spans]:
                raise ValueError("5 cannot be written")
            return super().export(spans)

    exporter = Writing()
    batches = Batches(exporter, batch_size=16, delay=LONG)
    end_spans(batches, 16)
    assert not batches.flush(LONG)
    assert counts(batches) == (16, 15, 1, 0)
    assert [int(name) for batch in exporter.batches for name in batch] == [*range(5), *range(6, 16)]
    assert batches.reasons == {"they could not be written (ValueError)": 1}


def test_flush_tells_of_what_was_lost_before_it():
    """Once: the next one is about what came after."""
    batches = Batches(FakeExporter(), capacity=0)
    end_spans(batches, 1)
    assert not batches.flush(LONG)
    assert batches.flush(LONG)


def test_a_refused_batch_is_lost_and_the_next_is_tried():
    """A refusal costs its own batch only, and flush tells of it."""
    batches = Batches(FakeExporter(lambda call: Refused("no") if call == 1 else Delivered()), batch_size=4, delay=LONG)
    end_spans(batches, 3)
    assert not batches.flush(LONG)
    end_spans(batches, 2)
    assert batches.flush(LONG)
    assert counts(batches) == (5, 2, 3, 0)
    assert batches.reasons == {"no": 3}
    batches.shutdown(LONG)


def test_rejected_spans_of_an_accepted_batch_are_lost():
    """A partial success counts both parts."""
    batches = Batches(FakeExporter(lambda _: Delivered(rejected=3)), batch_size=10, delay=LONG)
    end_spans(batches, 10)
    batches.shutdown(LONG)
    assert counts(batches) == (10, 7, 3, 0)


def test_an_exporter_that_raises_loses_its_batch_only():
    """The thread outlives a defect of the exporter."""

    def answer(call: int) -> Delivery:
        if call == 1:
            raise ZeroDivisionError
        return Delivered()

    batches = Batches(FakeExporter(answer), batch_size=1, delay=LONG)
    end_spans(batches, 2)
    batches.shutdown(LONG)
    assert counts(batches) == (2, 1, 1, 0)
    assert batches.reasons == {"they could not be written (ZeroDivisionError)": 1}


def test_a_batch_is_offered_until_it_is_taken(monkeypatch):
    """Being unavailable loses nothing while there is time."""
    monkeypatch.setattr(_batches, "PAUSES", (0.0,))
    exporter = FakeExporter(lambda call: BUSY if call < 12 else Delivered())
    batches = Batches(exporter, delay=0.0)
    end_spans(batches, 1)
    assert batches.flush(LONG)
    assert exporter.batches == [["0"]] * 12
    batches.shutdown(LONG)


def test_where_nobody_is_flush_returns_at_once_and_shutdown_tries_once_more():
    """Without anybody to take spans there is no waiting, and every span is counted as lost."""
    tried = threading.Event()

    def answer(_: int) -> Delivery:
        tried.set()
        return NOBODY

    exporter = FakeExporter(answer)
    batches = Batches(exporter, delay=0.0)
    end_spans(batches, 3)
    assert not batches.flush(LONG)
    assert counts(batches) == (3, 0, 0, 3)
    before = len(exporter.batches)
    batches.shutdown(LONG)
    assert len(exporter.batches) <= before + 1
    assert counts(batches) == (3, 0, 3, 0)
    assert batches.reasons == {"nobody there": 3}


def test_what_was_never_accepted_is_not_waited_for(monkeypatch):
    """An exporter that never comes back costs the grace and no more."""
    monkeypatch.setattr(_batches, "GRACE", 0.01)
    held, waited = threading.Event(), []
    batches = Batches(FakeExporter(lambda _: Delivered() if held.wait(LONG) else BUSY), delay=0.0)
    end_spans(batches, 1)
    batches.shutdown(LONG, on_long_wait=waited.append)
    assert counts(batches) == (1, 0, 1, 0)
    assert waited == []
    held.set()


def test_a_slow_exporter_is_waited_for_with_a_word(monkeypatch):
    """Where something was accepted before, shutdown waits and says for how many."""
    monkeypatch.setattr(_batches, "GRACE", 0.01)
    held, waited = threading.Event(), []

    def long_wait(queued: int) -> None:
        waited.append(queued)
        held.set()

    def answer(call: int) -> Delivery:
        if call > 1:
            held.wait(LONG)
        return Delivered()

    batches = Batches(FakeExporter(answer), delay=0.0)
    end_spans(batches, 1)
    assert batches.flush(LONG)
    end_spans(batches, 2)
    batches.shutdown(LONG, on_long_wait=long_wait)
    assert counts(batches) == (3, 3, 0, 0)
    assert waited == [2]


def test_a_collector_that_went_away_is_tried_twice(monkeypatch):
    """A stale connection deserves a second try, a dead server no third."""
    monkeypatch.setattr(_batches, "PAUSES", (0.0,))
    exporter = FakeExporter(lambda call: Delivered() if call == 1 else NOBODY)
    batches = Batches(exporter, delay=LONG)
    end_spans(batches, 1)
    assert batches.flush(LONG)
    end_spans(batches, 1)
    batches.shutdown(LONG)
    assert len(exporter.batches) == 3
    assert counts(batches) == (2, 1, 1, 0)


def test_a_busy_collector_is_given_the_time_there_is(monkeypatch):
    """What is still refused for now when the time is over is lost, with the reason."""
    monkeypatch.setattr(_batches, "PAUSES", (0.001,))
    monkeypatch.setattr(_batches, "GRACE", 0.01)
    exporter = FakeExporter(lambda call: Delivered() if call == 1 else BUSY)
    batches = Batches(exporter, delay=LONG)
    end_spans(batches, 1)
    assert batches.flush(LONG)
    end_spans(batches, 4)
    batches.shutdown(0.05)
    assert counts(batches) == (5, 1, 4, 0)
    assert batches.reasons == {"busy": 4}


def test_spans_after_the_end_are_counted_as_lost():
    """A span that ends too late raises nothing and is counted."""
    batches = Batches(FakeExporter())
    batches.shutdown(LONG)
    end_spans(batches, 2)
    assert counts(batches) == (2, 0, 2, 0)
    assert batches.reasons == {"they ended after the end of tracing": 2}


def test_spans_that_were_sampled_out_are_not_counted():
    """What is not to be exported cannot be lost."""
    batches = Batches(FakeExporter())
    provider = TracerProvider(sampler=ALWAYS_OFF, resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(batches)
    provider.get_tracer("test").start_span("dropped").end()
    batches.on_end(ReadableSpan("by hand", resource=Resource.get_empty()))
    assert counts(batches) == (0, 0, 0, 0)
    batches.shutdown(LONG)


def test_the_sdk_flushes_in_milliseconds():
    """`force_flush` is `flush` as the SDK calls it."""
    batches = Batches(FakeExporter(), delay=LONG)
    end_spans(batches, 1)
    assert batches.force_flush(30_000)
    batches.shutdown(LONG)


def test_without_threads_spans_are_counted(monkeypatch):
    """An interpreter that is ending starts no threads; what is queued then is lost, not forgotten."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    batches = Batches(FakeExporter())
    end_spans(batches, 2)
    batches.shutdown(0.0)
    assert counts(batches) == (2, 0, 2, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_exports_its_own_spans_only():
    """The queue of the parent is the parent's; the child counts from 0 and has a thread of its own."""
    exporter = FakeExporter()
    batches = Batches(exporter, delay=LONG)
    end_spans(batches, 3)
    child = os.fork()
    if child == 0:
        end_spans(batches, 2)
        batches.shutdown(LONG)
        ok = counts(batches) == (2, 2, 0, 0) and exporter.forked
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    batches.shutdown(LONG)
    assert counts(batches) == (3, 3, 0, 0)
    assert not exporter.forked
