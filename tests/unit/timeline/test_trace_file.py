"""Spans read back from files, and one trace chosen among them."""

import asyncio
import json
from dataclasses import replace

import pytest

from llm_composition_patterns import ConfigurationError, parallelize, setup_tracing
from llm_composition_patterns.timeline import FinishedSpan, one_trace, read_trace_file, span_bars
from llm_composition_patterns.tracing import names

LINE = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "AB",
                            "spanId": "CD",
                            "parentSpanId": "",
                            "name": "one",
                            "startTimeUnixNano": "1000",
                            "endTimeUnixNano": 2000,
                            "status": {"code": "STATUS_CODE_ERROR", "message": "ValueError: no"},
                            "links": [{"traceId": "ef", "spanId": "EF"}],
                            "attributes": [
                                {"key": names.INDEX, "value": {"intValue": "7"}},
                                {"key": names.HEDGE, "value": {"boolValue": True}},
                                {"key": "input.value", "value": {"stringValue": "x" * 1000}},
                            ],
                        }
                    ]
                }
            ]
        }
    ]
}


async def step(word):
    if word == "b":
        raise ValueError(word)
    return word


async def letters():
    await parallelize(step, ["a", "b"], name="letters", branch_name=str, on_error="collect")


def test_what_tracing_writes_is_read_back(tmp_path):
    """The rows are the branches, and a failed one says why."""
    path = tmp_path / "spans.jsonl"
    with setup_tracing(f"file:{path}"):
        asyncio.run(letters())
    spans, damaged = read_trace_file(path)
    name, bars = span_bars(spans)
    assert (name, damaged) == ("letters", 0)
    assert [(bar.name, bar.state) for bar in bars] == [("a", "ok"), ("b", "error")]


def test_a_span_is_read_whichever_way_numbers_are_written(tmp_path):
    """Whole numbers as text, codes as names; of the attributes only what a timeline asks for is kept."""
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(LINE))
    assert read_trace_file(path) == (
        [
            FinishedSpan(
                name="one",
                trace_id="ab",
                span_id="cd",
                start=1000,
                end=2000,
                error="ValueError: no",
                attributes={names.INDEX: 7, names.HEDGE: True},
                links=("ef",),
            )
        ],
        0,
    )


def test_a_damaged_line_is_left_out(tmp_path):
    """The last line of a process that was killed, and what is something else altogether."""
    path = tmp_path / "spans.jsonl"
    good = json.dumps(LINE)
    endless = good.replace("2000", "1e999")
    assert endless != good
    path.write_text("\n".join([good, "", "[1]", '{"a": 1}', endless, good, good[: len(good) // 2]]))
    spans, damaged = read_trace_file(path)
    assert (len(spans), damaged) == (2, 4)


def span(trace_id, span_id, start, links=()):
    return FinishedSpan(name=span_id, trace_id=trace_id, span_id=span_id, start=start, end=start + 1, links=links)


def test_the_trace_that_started_last_is_chosen():
    """Wherever in the file it stands."""
    assert [one.name for one in one_trace([span("new", "n", 5), span("old", "o", 1)])] == ["n"]


def test_linked_traces_come_with_the_trace_that_they_belong_to():
    """Also where they belong to one that belongs to another; by themselves they are never the latest."""
    spans = [span("fan", "f", 1), span("item", "i", 5, ("f",)), span("inner", "x", 7, ("i",)), span("old", "o", 0)]
    assert [one.name for one in one_trace(spans)] == ["f", "i", "x"]
    assert [one.name for one in one_trace(spans, "ITEM")] == ["i", "x"]


def test_a_link_inside_a_trace_gives_it_to_nobody():
    """Only a root says that its trace belongs to another."""
    inside = replace(span("late", "i", 6, ("o",)), parent_id="l")
    spans = [span("old", "o", 1), span("late", "l", 5), inside]
    assert [one.name for one in one_trace(spans)] == ["l", "i"]


def test_links_in_a_circle_end():
    """Foreign spans may be linked to each other."""
    spans = [span("a", "a", 1, ("b",)), span("b", "b", 2, ("a",)), span("c", "c", 0)]
    assert [one.name for one in one_trace(spans)] == ["c"]


def test_a_trace_that_is_not_there_is_told():
    """With the number of those that are."""
    with pytest.raises(ConfigurationError, match="there is no trace abc among the 1 there"):
        one_trace([span("a", "a", 1)], "abc")
    with pytest.raises(ConfigurationError, match="there are no spans"):
        one_trace([])
