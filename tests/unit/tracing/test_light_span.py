"""Spans of less weight: the same spans as the SDK's, and the SDK's own wherever something is out of the ordinary."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import Span, SpanLimits, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, TraceState

from llm_composition_patterns.tracing import _light_span
from llm_composition_patterns.tracing._light_span import LightSpan, takes_light_spans

STARTED_WITH = {"openinference.span.kind": "CHAIN", "index": 3, "offset": 0.5, "last": False}
ELSEWHERE = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(3), trace_state=TraceState([("a", "b")]))


class OneAfterAnother(IdGenerator):
    def __init__(self):
        self._last = 0

    def generate_span_id(self):
        self._last += 1
        return self._last

    def generate_trace_id(self):
        return self.generate_span_id()

    def is_trace_id_random(self):
        return True


def made(**settings):
    """A tracer of the SDK, and where its finished spans are."""
    provider = TracerProvider(id_generator=OneAfterAnother(), shutdown_on_exit=False, **settings)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test"), exporter


def light(tracer, name, context=None, attributes=None, links=()):
    assert takes_light_spans(tracer)
    return _light_span.start(tracer, name, context, attributes, links)


def the_sdks(tracer, name, context=None, attributes=None, links=()):
    return tracer.start_span(name, context, attributes=attributes, links=links)


OPERATIONS = {
    "attribute": lambda span: span.set_attribute("output.value", "three"),
    "again": lambda span: span.set_attribute("index", 4),
    "list": lambda span: span.set_attribute("tags", ["a", "b"]),
    "nonsense": lambda span: span.set_attribute("", object()),
    "attributes": lambda span: span.set_attributes({"a": 1, "b": None}),
    "event": lambda span: span.add_event("said", {"text": "x"}, 5),
    "link": lambda span: span.add_link(ELSEWHERE, {"why": "because"}),
    "name": lambda span: span.update_name("another"),
    "error": lambda span: span.set_status(Status(StatusCode.ERROR, "late")),
    "ok": lambda span: span.set_status(StatusCode.OK),
    "end": lambda span: span.end(20),
}


def shown(start, operations, context, links, settings):
    """What an exporter sees of one span, as JSON and as it goes over the wire, without its times."""
    tracer, exporter = made(**settings)
    span = start(tracer, "step", context, dict(STARTED_WITH), links)
    for operation in operations:
        OPERATIONS[operation](span)
    span.end(20)
    (ended,) = exporter.get_finished_spans()
    ended._start_time = 10
    counts = ended.dropped_attributes, ended.dropped_events, ended.dropped_links
    wire = encode_spans([ended]).SerializeToString()
    return json.loads(ended.to_json()), wire, counts, ended.kind, list(ended.attributes.items())


contexts = st.sampled_from([None, trace.set_span_in_context(NonRecordingSpan(ELSEWHERE))])
limits = st.sampled_from([{}, {"span_limits": SpanLimits(max_span_attributes=5, max_events=1, max_links=1)}])


@given(operations=st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=6), context=contexts, linked=st.booleans(),
       settings=limits)  # fmt: skip
def test_whatever_is_done_to_it_is_exported_as_of_the_sdks_span(operations, context, linked, settings):
    """Attributes and their order, events, links, status, ids, flags and what was dropped; nothing after the end."""
    links = (Link(ELSEWHERE, {}),) if linked else ()
    assert shown(light, operations, context, links, settings) == shown(the_sdks, operations, context, links, settings)


@pytest.mark.parametrize(("sampler", "taken"), [(ALWAYS_ON, True), (ALWAYS_OFF, False), (TraceIdRatioBased(1), False),
                                                (ParentBased(ALWAYS_ON), False), (None, True)])  # fmt: skip
def test_another_sampler_is_asked(sampler, taken):
    """The two that say yes to every span but those in a trace that is not sampled need not be."""
    assert takes_light_spans(made(sampler=sampler)[0]) is taken


def test_a_limit_on_the_length_of_values_holds():
    """The SDK cuts them."""
    assert not takes_light_spans(made(span_limits=SpanLimits(max_span_attribute_length=3))[0])


def test_a_tracer_of_another_kind_makes_its_own_spans():
    """A subclass, which may do more, and what is no tracer at all."""

    class Another(Tracer):
        pass

    tracer, _ = made()
    tracer.__class__ = Another
    assert not takes_light_spans(tracer)
    assert not takes_light_spans(object())


@pytest.mark.parametrize("field", ["_lock", "_something_new"])
def test_an_sdk_that_looks_different_inside_makes_its_own_spans(field, monkeypatch):
    """A field more or less than is known, and nothing is guessed."""

    class Changed(sdk._Span):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            vars(self).pop(field, None) or setattr(self, field, 1)

    monkeypatch.setattr(_light_span.sdk, "_Span", Changed)
    assert not takes_light_spans(made()[0])


def test_what_the_sdk_would_clean_or_drop_is_left_to_it():
    """Attributes that are no plain values, and more of them or of links than are allowed."""
    tracer, exporter = made(span_limits=SpanLimits(max_span_attributes=2, max_links=0))
    light(tracer, "linked", attributes={}, links=(Link(ELSEWHERE, {}),)).end()
    assert exporter.get_finished_spans()[0].links == ()
    exporter.clear()
    light(tracer, "list", attributes={"a": ["x"]}).end()
    light(tracer, "three", attributes={"a": 1, "b": 2, "c": 3}).end()
    assert [span.attributes for span in exporter.get_finished_spans()] == [{"a": ("x",)}, {"b": 2, "c": 3}]


def test_a_trace_that_is_not_sampled_stays_so():
    """Its parent may be in another process."""
    tracer, exporter = made()
    parent = NonRecordingSpan(SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(0)))
    span = light(tracer, "step", trace.set_span_in_context(parent), {})
    assert not span.is_recording()
    assert span.get_span_context().trace_id == 7
    span.end()
    assert exporter.get_finished_spans() == ()


def test_a_disabled_tracer_makes_no_spans(monkeypatch):
    """It may be disabled at any time."""
    tracer, _ = made()
    assert takes_light_spans(tracer)
    monkeypatch.setattr(tracer, "_is_enabled", lambda: False)
    assert not _light_span.start(tracer, "step", None, {}).is_recording()


def test_processors_see_a_span_of_the_sdk():
    """At its start, with its parent's context, and at its end."""
    tracer, _ = made()
    seen = []

    class Watching(sdk.SpanProcessor):
        def on_start(self, span, parent_context=None):
            seen.append((type(span), span.attributes["a"], parent_context, span.end_time))
            span.set_attribute("b", 2)

        def on_end(self, span):
            seen.append((span.attributes["b"], span.end_time))

    tracer.span_processor.add_span_processor(Watching())
    context = trace.set_span_in_context(NonRecordingSpan(ELSEWHERE))
    light(tracer, "step", context, {"a": 1}).end(20)
    assert seen == [(LightSpan, 1, context, None), (2, 20)]
    assert issubclass(LightSpan, Span)


def test_an_exception_that_leaves_it_is_recorded():
    """As a context manager, which ends it."""
    tracer, exporter = made()
    with pytest.raises(ValueError, match="no"), trace.use_span(light(tracer, "step", None, {}), end_on_exit=True):
        raise ValueError("no")
    (ended,) = exporter.get_finished_spans()
    assert [event.name for event in ended.events] == ["exception"]
    assert ended.status.status_code is StatusCode.ERROR
