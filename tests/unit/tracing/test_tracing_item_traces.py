"""Sampling of item traces, span by span."""

import asyncio

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from llm_composition_patterns import parallelize, tracing
from llm_composition_patterns.tracing import TracingStatistics, _item_traces, setup_tracing
from llm_composition_patterns.tracing._item_traces import HELD_BACK, ItemSampling


class Onward(SpanProcessor):
    """Keeps the names of what comes, and how often it was flushed and shut down."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.calls: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.names.append(span.name)

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.calls.append(f"flush {timeout_millis}")
        return True


class Sampled:
    """An item trace that is sampled out, if nothing happens in it."""

    def __init__(self, share: float = 0.0) -> None:
        self.onward = Onward()
        self.sampling = ItemSampling(self.onward, share)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self.sampling)
        self.tracer = provider.get_tracer("test")
        self.root = self.tracer.start_span("root")
        self.item = self.sampling.begin(self.root)

    def child(self, name: str, *, fails: bool = False) -> None:
        child = self.tracer.start_span(name, set_span_in_context(self.root))
        if fails:
            child.set_status(Status(StatusCode.ERROR))
        child.end()


def test_an_item_without_failure_is_left_out_when_its_root_ends():
    """With all that was held back, and what ends afterwards."""
    sampled = Sampled()
    sampled.child("one")
    assert not sampled.item.sampled_out
    sampled.root.end()
    sampled.child("late")
    assert sampled.item.sampled_out
    assert sampled.onward.names == []


def test_a_failure_lets_everything_go_on_in_order():
    """What was held back first, then each span as it ends."""
    sampled = Sampled()
    sampled.child("one")
    sampled.child("two", fails=True)
    assert sampled.onward.names == ["one", "two"]
    sampled.child("three")
    sampled.root.end()
    assert sampled.onward.names == ["one", "two", "three", "root"]
    assert not sampled.item.sampled_out


def test_an_item_with_more_spans_than_are_held_back_is_kept():
    """A thousand are held back, and none of them is lost."""
    sampled = Sampled()
    for number in range(HELD_BACK):
        sampled.child(str(number))
    assert sampled.onward.names == []
    sampled.child("one more")
    sampled.root.end()
    assert sampled.onward.names == [*map(str, range(1_000)), "one more", "root"]


def test_other_traces_pass():
    """Only an item is held back."""
    sampled = Sampled()
    sampled.tracer.start_span("elsewhere").end()
    sampled.sampling.on_end(ReadableSpan("by hand"))
    assert sampled.onward.names == ["elsewhere", "by hand"]


def test_an_item_in_the_sample_is_not_held_back():
    """Its spans go on at once."""
    sampled = Sampled(share=1.0)
    assert sampled.item is None
    sampled.child("one")
    assert sampled.onward.names == ["one"]


def test_what_has_not_ended_by_the_end_is_kept():
    """Whether it would have failed nobody knows."""
    sampled = Sampled()
    sampled.child("one")
    sampled.sampling.shutdown()
    sampled.root.end()
    assert sampled.onward.names == ["one", "root"]
    assert sampled.onward.calls == ["shutdown"]


def test_flushing_flushes_what_is_behind():
    """With its time."""
    sampled = Sampled()
    assert sampled.sampling.force_flush(7)
    assert sampled.onward.calls == ["flush 7"]


def test_a_forked_child_exports_nothing_of_the_parents():
    """What was held back before stays with the parent."""
    sampled = Sampled()
    sampled.child("the parent's")
    sampled.sampling._after_fork()
    sampled.sampling.release()
    sampled.child("the child's")
    assert sampled.onward.names == ["the child's"]


def test_only_the_latest_are_remembered(monkeypatch):
    """Memory stays flat over a million items."""
    monkeypatch.setattr(_item_traces, "REMEMBERED", 2)
    sampled = Sampled()
    for _ in range(5):
        root = sampled.tracer.start_span("root")
        sampled.sampling.begin(root)
        root.end()
    assert len(sampled.sampling._sampled_out) == 2
    assert len(sampled.sampling._undecided) == 1


async def step(number: int) -> int:
    if number % 100 == 7:
        raise ValueError(number)
    return number


async def test_what_is_sampled_out_is_not_created(tmp_path):
    """`created = exported + lost + queued` is about what was to be exported."""
    with setup_tracing(f"file:{tmp_path / 'spans'}", item_traces_above=100, sample_items=0) as made:
        await parallelize(step, range(1_000), on_error="collect")
        await asyncio.to_thread(made.shutdown)
    assert made.statistics() == TracingStatistics(created=11, exported=11)


async def test_a_share_of_items_is_kept(tmp_path):
    """Near to what was asked for, and every failure."""
    with setup_tracing(f"file:{tmp_path / 'spans'}", item_traces_above=100, sample_items=0.5) as made:
        await parallelize(step, range(2_000), on_error="collect")
        await asyncio.to_thread(made.shutdown)
    assert 850 < made.statistics().exported < 1_150


async def test_what_is_open_at_the_end_is_exported(tmp_path):
    """Tracing that ends amid an item hands over what it holds back."""
    with setup_tracing(f"file:{tmp_path / 'spans'}", item_traces_above=0, sample_items=0) as made:

        async def end_amid(number: int) -> None:
            with tracing.span("inside"):
                pass
            await asyncio.to_thread(made.shutdown)

        await parallelize(end_amid, [1])
    assert made.statistics().exported == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"item_traces_above": -1}, "item_traces_above must be a whole number"),
        ({"item_traces_above": 1.5}, "item_traces_above must be a whole number"),
        ({"sample_items": 1.01}, "sample_items must be a share from 0"),
        ({"sample_items": float("nan")}, "sample_items must be a share from 0"),
        ({"sample_items": "all"}, "sample_items must be a share from 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, told):
    """With what is possible, before anything is set up, wherever spans go."""
    with pytest.raises(ValueError, match=told):
        setup_tracing("off", **settings)


def test_spans_need_no_sampling():
    """An application's own provider is written to without."""
    spans = tracing.Spans(TracerProvider(shutdown_on_exit=False).get_tracer("test"), TraceConfig())
    assert (spans.item_traces_above, spans.item_sampling) == (2_000, None)
