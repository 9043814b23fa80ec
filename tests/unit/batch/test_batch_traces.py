"""Each item of a batch is a trace of its own, linked to the run's."""

from batch_runs import run

from llm_composition_patterns import tracing
from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names


async def work(item: int) -> int:
    with tracing.span("inside"):
        return item


async def traced(items):
    """The spans of a run: the run's two, the roots of its items, and those inside them."""
    with record_spans() as recorded:
        await run(work, items, MemoryStore())
    by_name = {name: [span for span in recorded.spans if span.name == name] for name in ("work", "inside")}
    of_run = [span for span in recorded.spans if span.name == "run_batch work"]
    return of_run, by_name["work"], by_name["inside"]


async def test_few_items_are_traces_of_their_own_too():
    """Unlike the branches of a small fan-out: each root is linked to the span of the run's fan-out."""
    (fan_out, tracked), roots, _ = await traced([7, 8, 9])
    assert fan_out.parent.span_id == tracked.context.span_id
    assert [span.parent for span in roots] == [None] * 3
    assert len({span.context.trace_id for span in [fan_out, *roots]}) == 4
    assert [[link.context for link in span.links] for span in roots] == [[fan_out.context]] * 3
    assert [span.attributes[names.KEY] for span in roots] == ["7", "8", "9"]


async def test_what_an_item_does_is_in_its_trace():
    """Nothing of an item is in the trace of the run, or of another item."""
    _, roots, inside = await traced([7, 8, 9])
    assert [span.parent.span_id for span in inside] == [span.context.span_id for span in roots]
    assert [span.context.trace_id for span in inside] == [span.context.trace_id for span in roots]


async def test_the_run_says_how_many_items_were_recorded():
    """As the span of every fan-out with item traces does."""
    (fan_out, _), _, _ = await traced([7, 8, 9])
    assert fan_out.attributes[names.BRANCHES_RECORDED] == 3
    assert fan_out.attributes[names.BRANCHES_SAMPLED_OUT] == 0


async def test_the_user_may_keep_them_in_one_trace():
    """`item_traces_above=None` means never."""
    with record_spans() as recorded:
        tracing.listening().item_traces_above = None
        await run(work, [7, 8], MemoryStore())
    assert len({span.context.trace_id for span in recorded.spans}) == 1
