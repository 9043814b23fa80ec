"""The span recorder that users' own tests use."""

import asyncio

import pytest
from openinference.instrumentation import TraceConfig

from llm_composition_patterns import testing, tracing
from llm_composition_patterns.testing import record_spans


def test_the_names_for_tests_are_pinned():
    """What `testing` offers is a promise."""
    assert testing.__all__ == [
        "ScriptedModel",
        "SpanRecorder",
        "VirtualTimeLoop",
        "record_spans",
        "run_in_virtual_time",
    ]


async def test_the_tree_is_in_the_order_of_starts():
    """Children are in the order in which they started, whatever order they end in; so a test can compare the tree."""

    async def child(name: str, delay: float) -> None:
        with tracing.span(name):
            await asyncio.sleep(delay)

    with record_spans() as recorder:
        with tracing.span("parent"):
            await asyncio.gather(child("slow", 2), child("fast", 1))
        with tracing.span("next"):
            pass
    assert recorder.names == ["fast", "slow", "parent", "next"]
    assert recorder.tree() == [("parent", [("slow", []), ("fast", [])]), ("next", [])]


def test_a_span_is_found_by_its_name():
    """`one` is for the only span of a name, `named` for all of them."""
    with record_spans() as recorder:
        for _ in range(2):
            with tracing.span("twice"):
                pass
        with tracing.span("once"):
            assert recorder.unfinished == 1
    assert recorder.one("once").name == "once"
    assert len(recorder.named("twice")) == 2
    assert recorder.unfinished == 0
    with pytest.raises(LookupError, match="2 spans are named 'twice'"):
        recorder.one("twice")
    with pytest.raises(LookupError, match="0 spans are named 'never'"):
        recorder.one("never")


def test_ids_are_the_same_in_every_run():
    """Traces and spans are counted from 1."""
    with record_spans() as recorder, tracing.span("a"), tracing.span("b"):
        pass
    assert [span.context.span_id for span in recorder.spans] == [2, 1]
    assert {span.context.trace_id for span in recorder.spans} == {1}


def test_recordings_nest_and_give_back_what_was_there():
    """The outer recorder goes on where the inner one ends."""
    with record_spans() as outer:
        with record_spans(TraceConfig(hide_inputs=True)) as inner, tracing.span("in", input="x"):
            pass
        with tracing.span("out"):
            pass
    assert (inner.names, outer.names) == (["in"], ["out"])
    assert inner.one("in").attributes["input.value"] == "__REDACTED__"
    assert tracing.listening() is None


def test_a_recorder_can_forget():
    """A test may look at one part of what it does."""
    with record_spans() as recorder:
        with tracing.span("first"):
            pass
        recorder.clear()
        with tracing.span("second"):
            pass
    assert recorder.tree() == [("second", [])]
