"""Who writes spans, and what they show."""

import asyncio

import pytest
from openinference.instrumentation import (
    OITracer,
    TraceConfig,
    suppress_tracing,
    using_attributes,
)
from openinference.instrumentation import TracerProvider as OpenInferenceProvider
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, StatusCode

from llm_composition_patterns import tracing
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import _keys, _spans


def provider_of_application(kind=TracerProvider, **settings) -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = kind(resource=Resource.get_empty(), shutdown_on_exit=False, **settings)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_nobody_listens_without_a_provider():
    """With no provider there are no spans, and everything that writes them is harmless."""
    assert tracing.listening() is None
    with tracing.span("unseen", input="x") as handle:
        handle.set({"a": 1})
        handle.output("y")
        handle.fail(ValueError("z"))
        assert not handle.recording
        assert handle.trace_id is None


def test_a_no_op_provider_does_not_listen():
    """An application that switched tracing off costs nothing."""
    trace.set_tracer_provider(NoOpTracerProvider())
    assert tracing.listening() is None


def test_a_disabled_sdk_does_not_listen(monkeypatch):
    """A provider of a disabled SDK gives tracers that keep nothing: nothing is built for them."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    trace.set_tracer_provider(TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False))
    assert tracing.listening() is None


def test_the_provider_of_the_application_is_used_once_it_is_set():
    """It need not be set before this package is imported or first used."""
    assert tracing.listening() is None
    provider, exporter = provider_of_application()
    trace.set_tracer_provider(provider)
    with tracing.span("seen", "TOOL"):
        pass
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.attributes["openinference.span.kind"]) == ("seen", "TOOL")
    assert tracing.listening() is tracing.listening()


def test_an_ignored_provider_gets_nothing():
    """A provider that was shut down is not written to."""
    provider, exporter = provider_of_application()
    trace.set_tracer_provider(provider)
    _spans.ignore(provider)
    with tracing.span("unseen"):
        pass
    assert exporter.get_finished_spans() == ()


def test_a_muted_package_writes_nothing_until_something_is_installed():
    """Muting holds against the application's provider, and ends with the next installation."""
    trace.set_tracer_provider(provider_of_application()[0])
    _spans.mute()
    assert tracing.listening() is None
    tracing.install(None)
    assert tracing.listening() is not None


def test_the_masking_of_an_openinference_provider_holds():
    """Where the application's provider masks, so do the spans written here."""
    provider, exporter = provider_of_application(OpenInferenceProvider, config=TraceConfig(hide_inputs=True))
    trace.set_tracer_provider(provider)
    with tracing.span("masked", input="secret"):
        pass
    assert "secret" not in exporter.get_finished_spans()[0].to_json()


def test_the_environment_masks_spans_for_the_application(monkeypatch):
    """OPENINFERENCE_HIDE_INPUTS is honored without `setup_tracing`, too."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", "true")
    provider, exporter = provider_of_application()
    trace.set_tracer_provider(provider)
    with pytest.raises(ValueError, match="secret"), tracing.span("masked", input="secret"):
        raise ValueError("secret")
    assert "secret" not in exporter.get_finished_spans()[0].to_json()


def test_suppressed_tracing_writes_nothing():
    """Inside `suppress_tracing` nobody listens."""
    with record_spans() as recorder:
        with suppress_tracing():
            assert tracing.listening() is None
            with tracing.span("unseen"):
                pass
        with tracing.span("seen"):
            pass
    assert recorder.names == ["seen"]


def test_spans_nest_and_show_what_went_in_and_out():
    """A span is current inside its block, and shows what is plain as it is and the rest as JSON."""
    with record_spans() as recorder, tracing.span("outer", input={"product": 5}) as outer:
        with tracing.span("inner", input="text") as inner:
            inner.output([1, None])
            inner.set({"kept": 1, "left out": None})
            assert inner.trace_id == outer.trace_id == f"{1:032x}"
        outer.output(3.5)
    assert recorder.tree() == [("outer", [("inner", [])])]
    kind = {"openinference.span.kind": "CHAIN"}
    json = "application/json"
    assert recorder.one("outer").attributes == kind | {
        "input.value": '{"product":5}',
        "input.mime_type": json,
        "output.value": "3.5",
    }
    assert recorder.one("inner").attributes == kind | {
        "input.value": "text",
        "output.value": "[1,null]",
        "output.mime_type": json,
        "kept": 1,
    }


class Odd:
    """What JSON does not know."""

    def __repr__(self):
        return "<odd>"


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "True"), (7, "7"), ({"a": Odd()}, '{"a":"<odd>"}'), (Odd(), '"<odd>"'), (b"\xff", None)],
)
def test_any_value_can_be_shown(value, shown):
    """What JSON does not know is shown as Python does; nothing raises."""
    with record_spans() as recorder, tracing.span("s") as span:
        span.output(value)
    text = recorder.one("s").attributes["output.value"]
    assert shown is None or text == shown


def test_a_value_nested_too_deeply_is_shown_too():
    """Nothing that a step takes or gives can break its span."""
    with record_spans() as recorder, tracing.span("s", input=nested(2000)):
        pass
    assert "[[" in recorder.one("s").attributes["input.value"]


@pytest.mark.parametrize("error", [ValueError("bad"), asyncio.CancelledError("stop"), KeyboardInterrupt("bad")])
def test_whatever_ends_a_span_by_raising_makes_it_an_error(error):
    """Also what is no Exception, such as a cancellation."""
    with record_spans() as recorder, pytest.raises(type(error)), tracing.span("s"):
        raise error
    span = recorder.one("s")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == f"{type(error).__name__}: {error}"
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == type(error).__name__
    assert "raise error" in event.attributes["exception.stacktrace"]


def test_a_span_that_ended_is_not_failed_again():
    """A failure that comes too late changes nothing and logs nothing."""
    with record_spans() as recorder:
        with tracing.span("s") as handle:
            pass
        handle.fail(ValueError("late"))
    assert recorder.one("s").status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("key", ["sk-proj-abcdefghijklmnop1234", "gsk_abcdefghijklmnopqrst", "Bearer abcdefgh1234"])
def test_an_error_that_quotes_a_key_does_not_show_it(key):
    """Providers quote refused keys; spans do not."""
    with record_spans() as recorder, pytest.raises(ValueError, match="Incorrect"), tracing.span("s"):
        raise ValueError(f"Incorrect API key provided: {key}.")
    shown = recorder.one("s").to_json()
    assert key.split()[-1] not in shown
    assert "Incorrect API key provided" in shown


def test_the_context_of_the_application_is_on_every_span():
    """Session, user, metadata and tags that the application set are written, also for attempts at models."""
    with record_spans() as recorder, using_attributes(session_id="s1", user_id="u1", metadata={"a": 1}, tags=["t"]):
        with tracing.span("branch"):
            pass
        tracing.listening().masking.start_span("chat m").end()
    for name in ("branch", "chat m"):
        attributes = recorder.one(name).attributes
        assert (attributes["session.id"], attributes["user.id"]) == ("s1", "u1")
        assert attributes["metadata"] == '{"a": 1}'
        assert attributes["tag.tags"] == ("t",)


def test_a_parent_can_be_given():
    """A branch hangs under its fan-out wherever it is started."""
    with record_spans() as recorder, tracing.span("fan-out"):
        around = trace.set_span_in_context(trace.get_current_span())
        spans = tracing.listening()
        with tracing.span("elsewhere"):
            spans.start("branch", "CHAIN", parent=around).end()
    assert recorder.tree() == [("fan-out", [("elsewhere", []), ("branch", [])])]


def test_the_tracer_that_masks_is_openinferences_own():
    """It is made once."""
    with record_spans():
        spans = tracing.listening()
        assert isinstance(spans.masking, OITracer)
        assert spans.masking is spans.masking


@pytest.fixture
def known_key(monkeypatch):
    """A key that a model was connected with."""
    monkeypatch.setattr(_keys, "_in_use", ())
    tracing.know_key("a-key-in-use-1")
    return "a-key-in-use-1"


def test_a_key_in_use_is_written_nowhere(known_key):
    """A step may be given settings with the key in them, and a name may quote it."""
    named = f"of {known_key}"
    with record_spans() as recorder, tracing.span(named, input={"api_key": known_key}) as span:
        span.output(f"key {known_key}")
        span.show("said", known_key)
        span.fail(ValueError(known_key))
    (written,) = recorder.spans
    assert known_key not in written.to_json()
    assert written.attributes["input.value"] == '{"api_key":"__REDACTED__"}'


@pytest.mark.parametrize("placeholder", ["", "none", "EMPTY", "1234567"])
def test_a_placeholder_is_no_key(monkeypatch, placeholder):
    """What stands for a key where none is needed may be an ordinary word."""
    monkeypatch.setattr(_keys, "_in_use", ())
    tracing.know_key(placeholder)
    assert tracing.without_known_keys(f"say {placeholder}") == f"say {placeholder}"
