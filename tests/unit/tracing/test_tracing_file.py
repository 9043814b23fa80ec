"""Spans in a file: OTLP as JSON, a request a line."""

import base64
import json
import os

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_composition_patterns import tracing
from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing._batches import Delivered, Unavailable
from llm_composition_patterns.tracing._file import FileExporter


def some_spans() -> list:
    with record_spans() as recorder, tracing.span("outer", input="Grüße") as outer:
        outer.set({"index": 2**40, "share": 0.5, "ok": True, "tags": ["a", "b"]})
        with pytest.raises(ValueError, match="x"), tracing.span("inner"):
            raise ValueError("x")
        tracer = tracing.listening().tracer
        tracer.start_span("linked", links=[trace.Link(trace.get_current_span().get_span_context())]).end()
    return recorder.spans


def decoded(line: str) -> ExportTraceServiceRequest:
    """A line as the request it stands for, by the JSON rules of OTLP."""
    request = json.loads(line)
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for record in (span, *span.get("links", ())):
            for key in {"traceId", "spanId", "parentSpanId"} & record.keys():
                record[key] = base64.b64encode(bytes.fromhex(record[key])).decode()
    return ParseDict(request, ExportTraceServiceRequest())


def test_a_line_is_the_request_that_would_be_posted(tmp_path):
    """Every line decodes to exactly what a collector would have been sent."""
    path = tmp_path / "spans.jsonl"
    spans = some_spans()
    exporter = FileExporter(str(path))
    assert exporter.export(spans) == Delivered()
    assert exporter.export(spans[:1]) == Delivered()
    exporter.close()
    first, second = path.read_text().splitlines()
    assert decoded(first) == encode_spans(spans)
    assert decoded(second) == encode_spans(spans[:1])


def test_names_ids_and_numbers_are_written_as_the_file_format_says(tmp_path):
    """Camel case, ids in hexadecimal, 64-bit integers as texts, enums as numbers."""
    path = tmp_path / "spans.jsonl"
    exporter = FileExporter(str(path))
    exporter.export(some_spans())
    exporter.close()
    inner, linked, outer = json.loads(path.read_text())["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert outer["traceId"] == f"{1:032x}"
    assert inner["parentSpanId"] == outer["spanId"] == linked["links"][0]["spanId"] == f"{1:016x}"
    assert inner["status"]["code"] == 2
    assert isinstance(outer["startTimeUnixNano"], str)
    assert {"key": "index", "value": {"intValue": str(2**40)}} in outer["attributes"]


def test_a_file_is_appended_to_and_a_broken_last_line_is_closed(tmp_path):
    """What a killed process left half written spoils no other line."""
    path = tmp_path / "spans.jsonl"
    path.write_text('{"whole": 1}\n{"half": ')
    exporter = FileExporter(str(path))
    exporter.export(some_spans())
    exporter.close()
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"whole": 1}', '{"half": ']
    assert len(decoded(lines[2]).resource_spans) == 1


def test_a_new_file_is_for_its_owner_only(tmp_path):
    """Spans hold prompts, which are nobody else's business."""
    path = tmp_path / "spans.jsonl"
    FileExporter(str(path)).close()
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path):
    """Before anything runs, in one line that names the file."""
    path = tmp_path / "missing" / "spans.jsonl"
    with pytest.raises(ConfigurationError, match=rf"{path}.*No such file"):
        FileExporter(str(path))


class FullDisk:
    """`os.write` on a disk that has room for `room` more bytes; `meanwhile` happens when it is full."""

    def __init__(self, room, meanwhile=lambda: None):
        self._write = os.write
        self._room = room
        self._meanwhile = meanwhile

    def __call__(self, file: int, data: bytes) -> int:
        if not self._room:
            self._meanwhile()
            raise OSError(28, "No space left on device")
        size, self._room = self._room, 0
        return self._write(file, data[:size])


@pytest.fixture
def spans():
    return some_spans()


@pytest.fixture
def exporter(tmp_path, spans):
    """Writes to `spans.jsonl`, which has one line already."""
    exporter = FileExporter(str(tmp_path / "spans.jsonl"))
    exporter.export(spans)
    yield exporter
    exporter.close()


def test_a_full_disk_spoils_no_other_line(exporter, spans, tmp_path, monkeypatch):
    """The half line that it leaves is closed, and the batch may be offered again."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", FullDisk(10))
        delivery = exporter.export(spans)
    assert isinstance(delivery, Unavailable)
    assert "No space left on device" in delivery.reason
    assert exporter.export(spans) == exporter.export(spans) == Delivered()
    whole, half, *again = (tmp_path / "spans.jsonl").read_text().splitlines()
    assert half == whole[:10]
    assert again == [whole, whole]


def test_a_full_disk_with_no_room_at_all_leaves_nothing(exporter, spans, tmp_path, monkeypatch):
    """Not even an empty line."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", FullDisk(0))
        assert isinstance(exporter.export(spans), Unavailable)
    assert exporter.export(spans) == Delivered()
    whole, again = (tmp_path / "spans.jsonl").read_text().splitlines()
    assert again == whole


def test_a_full_disk_takes_nothing_from_another_process(exporter, spans, tmp_path, monkeypatch):
    """A line that was delivered stays, also one that somebody else appended meanwhile."""
    path = tmp_path / "spans.jsonl"

    def append():
        with path.open("a") as file:
            file.write("another process's\n")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", FullDisk(0, append))
        exporter.export(spans)
    exporter.after_fork()
    assert path.read_text().splitlines()[1:] == ["another process's"]
