"""Spans that are opened in worker processes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import computed
import pytest
from openinference.instrumentation import TraceConfig, using_session
from opentelemetry import baggage, context

from llm_composition_patterns import Failure, in_processes, parallelize
from llm_composition_patterns.testing import SpanRecorder, record_spans
from llm_composition_patterns.tracing import setup_tracing, span


@pytest.fixture
def recorder() -> Iterator[SpanRecorder]:
    """What is written here, and what comes back from workers."""
    with record_spans() as recorder:
        yield recorder


async def test_spans_of_a_process_hang_under_the_branch(recorder: SpanRecorder):
    """Those of this package and of OpenTelemetry's own API, of a step that fails too."""
    async with in_processes(computed.open_spans, workers=1) as step:
        outcomes = await parallelize(step, ["whole", "broken"], name="fan", branch_name="branch", on_error="collect")
    assert recorder.tree() == [
        (
            "fan",
            [
                ("branch", [("whole", [("inner", [])]), ("linked", [])]),
                ("branch", [("broken", [("inner", [])])]),
            ],
        )
    ]
    assert [type(outcome) is Failure for outcome in outcomes] == [False, True]
    assert recorder.one("broken").status.description == "ValueError: it broke"
    assert recorder.unfinished == 0


async def test_spans_of_a_process_keep_what_they_have(recorder: SpanRecorder):
    """Their ids, which may have been sent on from there, times, attributes, events, links and the baggage."""
    token = context.attach(baggage.set_baggage("customer", "7"))
    with span("caller"):
        async with in_processes(computed.open_spans, workers=1) as step:
            span_id, customer = await step("whole")
    context.detach(token)
    inner, whole, linked, caller = map(recorder.one, ("inner", "whole", "linked", "caller"))
    assert customer == "7"
    assert inner.context.span_id == span_id
    assert {found.context.trace_id for found in recorder.spans} == {caller.context.trace_id}
    assert (
        caller.start_time < whole.start_time <= inner.start_time <= inner.end_time <= whole.end_time < caller.end_time
    )
    assert [(event.name, dict(event.attributes)) for event in inner.events] == [("half way", {"percent": 50})]
    assert [(link.context.span_id, dict(link.attributes)) for link in linked.links] == [(span_id, {"of": "inner"})]
    assert whole.attributes["input.value"] == "secret"


async def test_spans_of_a_process_are_masked_as_the_callers():
    """What is hidden here is hidden there."""
    with record_spans(TraceConfig(hide_inputs=True)) as recorder:
        async with in_processes(computed.open_spans, workers=1) as step:
            await step("whole")
    assert recorder.one("whole").attributes["input.value"] == "__REDACTED__"


async def test_spans_of_a_process_belong_to_the_session_of_the_caller(recorder: SpanRecorder):
    """What the application has set around the caller is on them too."""
    with using_session("session 5"):
        async with in_processes(computed.open_spans, workers=1) as step:
            await step("whole")
    assert {name: recorder.one(name).attributes["session.id"] for name in ("whole", "inner")} == {
        "whole": "session 5",
        "inner": "session 5",
    }


async def test_spans_of_a_process_without_a_caller_are_roots(recorder: SpanRecorder):
    """Each call begins traces of its own then."""
    async with in_processes(computed.open_spans, workers=1) as step:
        await step("whole")
    assert recorder.tree() == [("whole", [("inner", [])]), ("linked", [])]


async def test_a_call_that_nobody_traces_brings_nothing_back():
    """The spans of a function go nowhere, and nothing of tracing is sent."""
    async with in_processes(computed.open_spans, workers=1) as step:
        assert await step("whole") == (0, None)
    async with in_processes(computed.modules, workers=1) as step:
        assert not [name for name in await step() if name.startswith(("opentelemetry", "llm_composition_patterns"))]


async def test_spans_of_a_process_share_the_fate_of_their_item(tmp_path: Path):
    """Where branches are traces of their own and sampled, a failure in a worker keeps its whole item, and only that."""
    path = tmp_path / "spans.jsonl"
    with setup_tracing(f"file:{path}", item_traces_above=1, sample_items=0) as made:
        async with in_processes(computed.open_spans, workers=1) as step:
            await parallelize(step, ["whole", "broken"], name="fan", branch_name="branch", on_error="collect")
        await asyncio.to_thread(made.shutdown)
    written = [
        span
        for line in path.read_text().splitlines()
        for scope in json.loads(line)["resourceSpans"][0]["scopeSpans"]
        for span in scope["spans"]
    ]
    assert sorted(span["name"] for span in written) == ["branch", "broken", "fan", "inner"]
    assert len({span["traceId"] for span in written if span["name"] != "fan"}) == 1
