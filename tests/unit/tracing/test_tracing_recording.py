"""Keeping spans as they end, beside wherever else they go."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import TracerProvider as AnyProvider

from llm_composition_patterns import ConfigurationError, Timeline, parallelize, setup_tracing, tracing


async def step(word):
    return word


def names(spans):
    return [span.name for span in spans]


async def test_spans_are_kept_where_nobody_listens():
    """Nothing need be set up, and nothing is left behind."""
    with Timeline.recording() as spans:
        await parallelize(step, ["a", "b"], name="words", branch_name=str)
    await parallelize(step, ["c"], name="later")
    assert names(spans) == ["a", "b", "words"]
    assert [bar.name for bar in Timeline.of_spans(spans).bars] == ["a", "b"]
    assert tracing.listening() is None


def test_they_still_go_where_they_went(tmp_path):
    """What is recorded is exported, too; a second recording keeps only its own."""
    with setup_tracing(f"file:{tmp_path / 'spans.jsonl'}") as made:
        with tracing.recording() as first, tracing.span("one"):
            pass
        with tracing.recording() as second, tracing.span("two"):
            pass
        with tracing.span("three"):
            pass
    assert (names(first), names(second)) == (["one"], ["two"])
    assert made.statistics().exported == 3


def test_the_spans_of_an_application_are_recorded():
    """Its own provider goes on as before, with one processor more however often spans are recorded."""
    provider = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    for _ in range(3):
        with tracing.recording() as spans, tracing.span("one"):
            pass
        assert names(spans) == ["one"]
    assert len(provider._active_span_processor._span_processors) == 1


def test_recordings_lie_in_each_other():
    """Each keeps what ends inside it."""
    with tracing.recording() as outer:
        with tracing.recording() as inner, tracing.span("one"):
            pass
        with tracing.span("two"):
            pass
    assert (names(outer), names(inner)) == (["one", "two"], ["one"])


def test_what_was_off_is_off_again():
    """Recording does not switch tracing on for good."""
    setup_tracing("off")
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    with tracing.recording() as spans, tracing.span("one"):
        pass
    assert names(spans) == ["one"]
    assert tracing.listening() is None


def test_tracing_that_is_set_up_meanwhile_stays(tmp_path):
    """It is not taken away when the recording ends."""
    with tracing.recording():
        made = setup_tracing(f"file:{tmp_path / 'spans.jsonl'}")
    assert tracing.listening() is not None
    made.shutdown()


def test_a_foreign_provider_cannot_be_heard(monkeypatch):
    """It is refused rather than cut off."""

    class Provider(AnyProvider):
        def get_tracer(self, *_, **__):
            return object()

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Provider())
    with pytest.raises(ConfigurationError, match="none of OpenTelemetry's SDK"), tracing.recording():
        pass
