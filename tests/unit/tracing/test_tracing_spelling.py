"""Texts that UTF-8 cannot spell, on their way to an exporter."""

import asyncio
import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode

from llm_composition_patterns import parallelize, tracing
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import setup_tracing
from llm_composition_patterns.tracing._spelling import spelled_span

HALF = "a\ud800é"
WHOLE = "a?é"


def a_span(text: str):
    """A span with `text` wherever a span has texts."""
    with record_spans() as recorder:
        tracer = tracing.listening().tracer
        with tracer.start_as_current_span("around") as around:
            link = Link(around.get_span_context(), {"text": text})
            span = tracer.start_span(text, attributes={text: text, "texts": [text, "b"], "count": 3}, links=[link])
            span.add_event(text, {"text": text})
            span.set_status(Status(StatusCode.ERROR, text))
            span.end()
    return next(span for span in recorder.spans if span.name == text)


def test_every_text_of_a_span_can_be_spelled():
    """Its name, attributes, events, links and status; the rest of it stays as it is."""
    before = a_span(HALF)
    after = spelled_span(before)
    assert after.name == after.status.description == after.events[0].name == WHOLE
    assert after.attributes == {WHOLE: WHOLE, "texts": (WHOLE, "b"), "count": 3}
    assert after.events[0].attributes == after.links[0].attributes == {"text": WHOLE}
    assert after.status.status_code is StatusCode.ERROR
    assert (after.context, after.parent, after.kind) == (before.context, before.parent, before.kind)
    assert after.instrumentation_scope == before.instrumentation_scope
    assert (after.start_time, after.end_time) == (before.start_time, before.end_time)


@given(text=st.text(st.characters(codec="utf-8")))
def test_what_can_be_spelled_is_handed_over_as_it_is(text: str):
    """No span is copied for nothing."""
    with record_spans() as recorder, tracing.span(text, input=text):
        pass
    (span,) = recorder.spans
    assert spelled_span(span) is span


def test_texts_are_found_in_mappings_too():
    """Later SDKs take them as values."""
    with record_spans() as recorder, tracing.span("s"):
        pass
    (span,) = recorder.spans
    span._attributes = MappingProxyType({"nested": {HALF: [HALF]}})  # no setter takes it yet
    assert spelled_span(span).attributes == {"nested": {WHOLE: (WHOLE,)}}


def test_half_a_character_costs_no_span(tmp_path, caplog, monkeypatch):
    """In the name of a branch, its input, its output, and what the environment says of the program."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "a\udcff")

    async def same(text: str) -> str:
        trace.get_current_span().set_attribute("application", text)
        return text

    with setup_tracing(f"file:{tmp_path / 'spans.jsonl'}") as made:
        asyncio.run(parallelize(same, ["b", HALF, "c"], branch_name=lambda text: text, name="words"))
    assert (made.statistics().exported, made.statistics().lost) == (4, 0)
    (request,) = map(json.loads, (tmp_path / "spans.jsonl").read_text().splitlines())
    spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [span["name"] for span in spans] == ["b", WHOLE, "c", "words"]
    assert {"key": "application", "value": {"stringValue": WHOLE}} in spans[1]["attributes"]
    assert caplog.records == []


@pytest.fixture
def of_application(monkeypatch) -> InMemorySpanExporter:
    """What the application's own provider is given."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


async def test_the_application_s_own_exporter_can_write_our_spans(of_application, caplog):
    """It would lose the spans around a bad one, or complain of its values."""

    async def same(text: str) -> str:
        if text == "fail":
            raise ValueError(HALF)
        return text

    await parallelize(same, {HALF: HALF, "b": "fail"}, branch_name=lambda text: text, on_error="collect", name=HALF)
    encode_spans(of_application.get_finished_spans())
    assert caplog.records == []
