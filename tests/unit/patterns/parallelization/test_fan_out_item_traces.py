"""Branches of giant fan-outs are traces of their own, linked to the fan-out's span, and may be sampled."""

import asyncio
import random

import pytest
from fan_out_steps import double, slowly, wait_or_fail
from openinference.instrumentation import TraceConfig, using_session
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult
from span_recorder import is_error

from llm_composition_patterns import in_threads, tracing
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes, together
from llm_composition_patterns.tracing import names
from llm_composition_patterns.tracing._item_traces import ItemSampling


class Items:
    """Spans are written, with item traces above 3 branches, and those that are kept are kept here."""

    def __init__(self, share=1.0, above=3, sampler=ALWAYS_ON, **masking):
        self._exporter = InMemorySpanExporter()
        kept = SimpleSpanProcessor(self._exporter)
        sampling = ItemSampling(kept, share) if share < 1 else None
        provider = TracerProvider(shutdown_on_exit=False, sampler=ParentBased(sampler), id_generator=_Seeded())
        provider.add_span_processor(sampling or kept)
        self.tracer = provider.get_tracer("test")
        spans = tracing.Spans(self.tracer, TraceConfig(**masking), item_traces_above=above, item_sampling=sampling)
        tracing.install(spans)

    def __getitem__(self, name):
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def one(self, name):
        (span,) = self[name]
        return span


class FanOutsAlone(Sampler):
    def should_sample(self, parent_context, trace_id, name, *_, **__):  # noqa: ARG002 - the SDK's own
        keeps = name.startswith("parallelize")
        return SamplingResult(Decision.RECORD_AND_SAMPLE if keeps else Decision.DROP)

    def get_description(self):
        return "fan-outs alone"


class _Seeded(RandomIdGenerator):
    def __init__(self):
        self._random = random.Random(7)

    def generate_trace_id(self):
        return self._random.getrandbits(128)


async def halves(number):
    """A step with a span of its own."""
    with tracing.span("inside"):
        return number / 2


async def fail_at_seven(number):
    with tracing.span("inside"):
        if number == 7:
            raise ValueError(number)


async def recover_at_seven(number):
    try:
        await fail_at_seven(number)
    except ValueError:
        return


def of(fan_out):
    """What the span of a fan-out says of its branches' spans."""
    shown = fan_out.attributes
    return shown.get(names.BRANCHES_RECORDED), shown.get(names.BRANCHES_SAMPLED_OUT)


async def test_above_the_threshold_branches_are_roots_that_are_linked():
    """Each has a trace of its own, a link to the fan-out's span, and that span's id for viewers without links."""
    items = Items()
    await parallelize(halves, [1, 2, 3, 4])
    fan_out, roots = items.one("parallelize halves"), items["halves"]
    assert len({span.context.trace_id for span in [fan_out, *roots]}) == 5
    assert all(span.parent is None for span in [fan_out, *roots])
    assert [[link.context for link in span.links] for span in roots] == [[fan_out.context]] * 4
    assert {span.attributes[names.FAN_OUT_SPAN_ID] for span in roots} == {f"{fan_out.context.span_id:016x}"}
    assert of(fan_out) == (4, 0)


async def test_what_runs_in_an_item_is_in_its_trace():
    """Spans opened inside hang under the item's root."""
    items = Items()
    await parallelize(halves, [1, 2, 3, 4])
    roots = {span.context.span_id: span.context.trace_id for span in items["halves"]}
    assert {span.parent.span_id: span.context.trace_id for span in items["inside"]} == roots


async def test_up_to_the_threshold_they_are_children():
    """As ever, without links and further attributes."""
    items = Items()
    await parallelize(halves, [1, 2, 3])
    fan_out = items.one("parallelize halves")
    assert [span.parent.span_id for span in items["halves"]] == [fan_out.context.span_id] * 3
    assert [span.links for span in items["halves"]] == [()] * 3
    assert of(fan_out) == (None, None)


@pytest.mark.parametrize("source", [iter, slowly])
async def test_an_unsized_source_shows_its_size_late(source):
    """The first branches are children, those beyond the threshold have traces of their own."""
    items = Items()
    await parallelize(double, source(range(5)), max_concurrency=1)
    fan_out = items.one("parallelize double")
    parents = [span.parent and span.parent.span_id for span in items["double"]]
    assert parents == [fan_out.context.span_id] * 3 + [None] * 2
    assert of(fan_out) == (5, 0)


async def test_an_unsized_source_that_stays_small_has_no_items():
    """Its span says nothing of samples."""
    items = Items()
    await parallelize(double, iter(range(3)))
    assert of(items.one("parallelize double")) == (None, None)


async def test_it_can_be_switched_off():
    """With None, all branches are in the fan-out's trace."""
    items = Items(above=None)
    await parallelize(double, range(10))
    assert all(span.parent is not None for span in items["double"])


async def test_the_default_is_two_thousand(recorder):
    """Spans that nobody has set up know no other number."""
    await parallelize(double, range(2_000), name="many")
    await parallelize(double, range(2_001), name="too many")
    parents = [span.parent is None for span in recorder.spans("double")]
    assert (parents.count(False), parents.count(True)) == (2_000, 2_001)


async def test_what_the_application_has_set_is_on_every_item():
    """The session around the fan-out is that of its items."""
    items = Items()
    with using_session("s"):
        await parallelize(halves, range(4))
    assert {span.attributes["session.id"] for span in items["halves"]} == {"s"}


async def test_items_are_masked_as_all_spans():
    """Through OpenInference's tracer too they are linked roots."""
    items = Items(hide_inputs=True)
    await parallelize(halves, range(4))
    root = items["halves"][0]
    assert (root.parent, len(root.links), root.attributes["input.value"]) == (None, 1, "__REDACTED__")


async def test_fan_outs_inside_items_have_items_of_their_own():
    """Linked to the inner fan-out's span, which is in the outer item's trace."""
    items = Items()

    async def outer(number):
        return await parallelize(double, range(5), name="inner")

    await parallelize(outer, range(4))
    inner = {span.context.span_id: span for span in items["inner"]}
    outers = {span.context.trace_id for span in items["outer"]}
    assert {span.context.trace_id for span in inner.values()} == outers
    linked = [span.links[0].context.span_id for span in items["double"]]
    assert sorted(linked) == sorted(list(inner) * 5)


async def test_sections_are_never_items_by_accident():
    """Below the threshold `together` and the like are what they were."""
    items = Items()
    await together(double(1), double(2))
    assert all(span.parent is not None for span in items["double"])


async def test_who_samples_the_fan_out_out_means_its_items_too():
    """An application's sampler that has left the fan-out out gets no roots instead."""
    items = Items(sampler=ALWAYS_OFF)
    await parallelize(double, range(10))
    assert items["double"] == []


async def test_what_an_applications_sampler_leaves_out_is_counted():
    """Recorded and sampled out add up, whoever decides."""
    items = Items(sampler=FanOutsAlone())
    await parallelize(double, range(10))
    assert items["double"] == []
    assert of(items.one("parallelize double")) == (0, 10)


# --- sampling


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
async def test_recorded_and_sampled_out_are_what_was_started(share):
    """The share is kept by chance, whole traces at a time, and the fan-out counts both parts."""
    items = Items(share)
    await parallelize(halves, range(200))
    recorded, sampled_out = of(items.one("parallelize halves"))
    assert recorded == len(items["halves"]) == len(items["inside"])
    assert recorded + sampled_out == 200
    assert recorded == {0.0: 0, 0.3: 68, 1.0: 200}[share]


async def test_a_branch_that_failed_is_always_kept():
    """With everything that ran inside it."""
    items = Items(0.0)
    await parallelize(fail_at_seven, range(20), on_error="collect")
    assert is_error(items.one("fail_at_seven"))
    assert items.one("inside").parent.span_id == items.one("fail_at_seven").context.span_id
    assert of(items.one("parallelize fail_at_seven")) == (1, 19)


async def test_a_failure_inside_keeps_a_branch_that_succeeded():
    """An attempt that failed is a failure, though the next one did well."""
    items = Items(0.0)
    await parallelize(recover_at_seven, range(20))
    assert not is_error(items.one("recover_at_seven"))
    assert is_error(items.one("inside"))
    assert of(items.one("parallelize recover_at_seven")) == (1, 19)


async def test_branches_that_were_cut_off_are_kept():
    """A deadline is a failure of those that ran; what never started has no span."""
    items = Items(0.0)
    await parallelize(wait_or_fail, [1, 2, 30, 40, 50, 60], max_concurrency=4, deadline=10, on_error="collect")
    assert len(items["wait_or_fail"]) == 4
    assert of(items.one("parallelize wait_or_fail")) == (4, 2)


async def test_children_before_the_threshold_are_not_sampled():
    """Of an unsized source, only what has a trace of its own may be left out."""
    items = Items(0.0)
    async with stream_outcomes(double, iter(range(10)), max_concurrency=1) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 10
    (fan_out,) = [span for span in items._exporter.get_finished_spans() if names.BRANCHES in span.attributes]
    assert len(items["double"]) == 3
    assert of(fan_out) == (3, 7)


async def test_the_sums_of_a_fan_out_are_those_of_all_branches():
    """What is not seen is counted."""
    items = Items(0.0)
    await parallelize(wait_or_fail, [1, 2, 3, 4])
    shown = items.one("parallelize wait_or_fail").attributes
    assert (shown[names.BRANCHES_OK], shown[names.BRANCH_SECONDS_SUM]) == (4, 10)


async def test_spans_of_threads_share_the_fate_of_their_item():
    """They go by the trace, whoever ends them."""
    items = Items(0.0)

    def in_thread(number):
        with tracing.span("in a thread"):
            if number == 7:
                raise ValueError(number)

    async with in_threads(in_thread, workers=2) as step:
        await parallelize(step, range(10), on_error="collect", branch_name="item")
    assert items.one("in a thread").context.trace_id == items.one("item").context.trace_id


async def test_what_ends_after_a_sampled_out_item_is_sampled_out():
    """A task that the branch left running makes no trace without a root."""
    items = Items(0.0)
    left = []

    async def later():
        with tracing.span("late"):
            await asyncio.sleep(1)

    async def leave_running(number):
        left.append(asyncio.ensure_future(later()))

    await parallelize(leave_running, range(4))
    await asyncio.gather(*left)
    assert items["late"] == []


async def fan_out_inside(number):
    """A giant fan-out in an item of another; in one of them a branch fails, which is collected."""
    step = double if number else fail_at_seven
    await parallelize(step, range(5, 9), name=f"inner {number}", on_error="collect")


async def test_what_a_failure_is_linked_to_is_kept_with_it():
    """The item that it lies in did not fail, but without its spans nobody could tell where the failure belongs."""
    items = Items(share=0.0)
    await parallelize(fan_out_inside, range(4), name="outer", branch_name="item")
    (failed,) = items["fail_at_seven"]
    assert [link.context for link in failed.links] == [items.one("inner 0").context]
    assert of(items.one("inner 0")) == (1, 3)
