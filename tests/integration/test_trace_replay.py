"""`llm-patterns trace replay`: a file of spans comes into a collector as if it had been sent there live."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import json_format
from openinference.instrumentation import using_session
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from llm_composition_patterns import parallelize, tracing
from llm_composition_patterns.cli import main
from llm_composition_patterns.tracing import Replay, TracingStatistics, _replay, resolve, setup_tracing
from llm_composition_patterns.tracing._written_spans import DamagedLineError, read_spans

WELL_FORMED = {
    "resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "1f" * 16, "spanId": "2e" * 8, "name": "s"}]}]}]
}


async def step(number: int) -> int:
    with tracing.span("inside", input={"n": number}) as inside:
        inside.set({"text": "é", "tags": ["a", "b"], "numbers": (1, 2**40), "share": 0.5, "yes": True})
        tracing.add_event("half way", {"percent": 50})
        if number == 3:
            raise ValueError(number)
        return number


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of spans: a fan-out, and two spans for each of its branches."""

    def write(branches: int = 8, **settings: object) -> Path:
        path = tmp_path / "spans.jsonl"
        with using_session("s"), setup_tracing(f"file:{path}", project="written for", **settings):
            asyncio.run(parallelize(step, range(branches), on_error="collect"))
        return path

    return write


def ids(spans: list[Span]) -> list[bytes]:
    return sorted(span.span_id for span in spans)


def messages(path: Path) -> list[Span]:
    """The spans of a file as they would have been sent."""
    found = []
    for line in path.read_text().splitlines():
        for scope in json.loads(line)["resourceSpans"][0]["scopeSpans"]:
            for span in scope["spans"]:
                plain = {key: value for key, value in span.items() if not key.endswith("Id") and key != "links"}
                message = json_format.ParseDict(plain, Span())
                message.trace_id, message.span_id = bytes.fromhex(span["traceId"]), bytes.fromhex(span["spanId"])
                message.parent_span_id = bytes.fromhex(span.get("parentSpanId", ""))
                for link in span.get("links", ()):
                    ids = {"trace_id": bytes.fromhex(link["traceId"]), "span_id": bytes.fromhex(link["spanId"])}
                    message.links.add(flags=link.get("flags", 0), **ids)
                found.append(message)
    return found


@pytest.mark.parametrize("settings", [{}, {"item_traces_above": 2}])
def test_what_comes_is_what_was_written(receiver, written, capsys, settings):
    """Every span with its ids, times, attributes, events, links and status, in its project."""
    path = written(**settings)
    capsys.readouterr()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url]) == 0
    assert receiver.spans == messages(path)
    assert len(receiver.spans) == 17
    assert project_of(receiver) == "written for"
    assert capsys.readouterr().err == f"1 line (17 spans) of {path} went to {receiver.url}/v1/traces\n"


def project_of(receiver) -> str:
    (_, request) = receiver.requests[0]
    attributes = {item.key: item.value.string_value for item in request.resource_spans[0].resource.attributes}
    return attributes["openinference.project.name"]


def test_the_key_of_a_phoenix_goes_to_the_one_that_the_environment_names(receiver, written, monkeypatch):
    """And to no collector that is named by its address."""
    monkeypatch.setenv("PHOENIX_API_KEY", "hunter2hunter2")
    assert main(["trace", "replay", str(written()), "--endpoint", receiver.url]) == 0
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", receiver.url)
    assert main(["trace", "replay", str(written())]) == 0
    sent = [headers.get("authorization") for headers, _ in receiver.requests]
    assert (sent[0], sent[-1]) == (None, "Bearer hunter2hunter2")


def test_the_project_can_be_another(receiver, written):
    """Nothing else changes."""
    path = written()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url, "--project", "mine"]) == 0
    assert project_of(receiver) == "mine"
    assert receiver.spans == messages(path)


def test_damaged_lines_are_named_and_skipped(receiver, written, capsys):
    """The others go, and the exit code tells."""
    path = written()
    line = path.read_text()
    path.write_text("{half a\n" + line + "\n" + '{"resourceMetrics": []}\n' + line)
    capsys.readouterr()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url]) == 1
    assert len(receiver.spans) == 34
    assert capsys.readouterr().err.splitlines() == [
        f"{path}, line 1 is skipped: it is no JSON; it may have been cut off",
        f'{path}, line 4 is skipped: it is no request of spans: there is no "resourceSpans"',
        f"2 lines (34 spans) of {path} went to {receiver.url}/v1/traces; skipped 2",
    ]


def damaged(**changes: object) -> dict:
    span = {**WELL_FORMED["resourceSpans"][0]["scopeSpans"][0]["spans"][0], **changes}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ([], 'it is no request of spans: there is no "resourceSpans"'),
        ({"resourceSpans": 7}, "it is no request of spans as OTLP has it"),
        ({"resourceSpans": ["a"]}, "it is no request of spans as OTLP has it"),
        (damaged(traceId="no hex"), "it is no request of spans as OTLP has it"),
        (damaged(traceId=7), "it is no request of spans as OTLP has it"),
        (damaged(name=7), "it is no request of spans as OTLP has it"),
        (damaged(spanId="00" * 8), "a span has no valid ids"),
        (damaged(spanId="1f" * 7), "a span has no valid ids"),
        (damaged(kind=77), "a span is of a kind or status that OTLP does not have"),
        (damaged(links=[{"traceId": "1f"}]), "a span has no valid ids"),
    ],
)
def test_what_is_no_span_is_told(request_, why):
    """With a reason, whatever it is."""
    assert len(read_spans(json.dumps(WELL_FORMED).encode(), None)) == 1
    with pytest.raises(DamagedLineError) as raised:
        read_spans(json.dumps(request_).encode(), None)
    assert str(raised.value) == why


def test_a_line_nested_too_deeply_to_be_read_is_damaged():
    """It ends nothing, whoever wrote it."""
    with pytest.raises(DamagedLineError):
        read_spans(b'{"resourceSpans":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None)


def test_values_of_every_kind_are_read():
    """Those of other writers too: nested, binary, empty."""
    values = {
        "list": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}},
        "map": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 0.5}}]}},
        "bytes": {"bytesValue": "AAE="},
        "nothing": {},
    }
    attributes = [{"key": key, "value": value} for key, value in values.items()]
    (span,) = read_spans(json.dumps(damaged(attributes=attributes)).encode(), None)
    assert dict(span.attributes) == {"list": (1, "a"), "map": {"k": 0.5}, "bytes": b"\x00\x01", "nothing": None}


def test_a_busy_collector_gets_everything(receiver, written):
    """A replay waits and asks again, as live tracing does."""
    receiver.answer = lambda number: (503 if number <= 3 else 200, {}, b"")
    path = written()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url]) == 0
    assert ids(receiver.spans[-17:]) == ids(messages(path))


@pytest.mark.alone
def test_without_a_collector_it_ends_at_once(nobody, written, capsys):
    """In two lines: what went, and what to do."""
    path = written()
    capsys.readouterr()
    began = time.monotonic()
    assert main(["trace", "replay", str(path), "--endpoint", nobody]) == 1
    assert time.monotonic() - began < 3
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"0 lines (0 spans) of {path} went to {nobody}/v1/traces"
    assert second.startswith("given up, the rest was not sent: nothing answers there (`llm-patterns phoenix`")


def test_a_collector_that_refuses_is_told(receiver, written, capsys):
    """Spans that will never be taken are counted."""
    receiver.answer = lambda _: (401, {}, b"")
    path = written()
    capsys.readouterr()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url]) == 1
    assert "lost 17 spans: the answer was status 401; check PHOENIX_API_KEY" in capsys.readouterr().err


def test_a_collector_that_takes_nothing_any_more_is_given_up(receiver, written, monkeypatch, capsys):
    """After a minute without a single span."""
    monkeypatch.setattr(_replay, "PATIENCE", 0.3)
    receiver.answer = lambda _: (503, {}, b"")
    path = written()
    capsys.readouterr()
    assert main(["trace", "replay", str(path), "--endpoint", receiver.url]) == 1
    assert "given up, the rest was not sent: the answer was status 503" in capsys.readouterr().err


async def test_a_file_is_read_as_fast_as_it_is_taken(receiver, written, monkeypatch):
    """However long it is, some thousand spans of it are in memory; here six hundred."""
    monkeypatch.setattr(_replay, "QUEUED", 600)
    path = await asyncio.to_thread(written, 1_000)
    receiver.delay = 0.02
    queued = []
    target = resolve("phoenix", receiver.url, {})
    replay = Replay(str(path), target, on_progress=lambda: queued.append(replay.statistics.queued))
    await replay.run()
    assert replay.statistics == TracingStatistics(created=2_001, exported=2_001)
    assert (replay.complete, replay.read) == (True, 1.0)
    assert replay.lines == len(await asyncio.to_thread(lambda: path.read_text().splitlines()))
    assert 0 < max(queued) <= 600


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nowhere.jsonl"], 2, "error: nowhere.jsonl: No such file or directory"),
        (["spans", "--endpoint", "localhost"], 2, "error: endpoint='localhost' is no address of a server"),
        (["spans", "--to", "file"], 2, "argument --to: invalid choice: 'file'"),
        (["spans", "--to", "console", "--endpoint", "http://x"], 2, "not allowed with argument --to"),
    ],
)
def test_mistakes_are_a_line(arguments, code, told, capsys, tmp_path, monkeypatch):
    """With exit code 2."""
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(["trace", "replay", *arguments])
    except SystemExit as exited:
        ended = exited.code
    (line,) = capsys.readouterr().err.splitlines()
    assert (ended, told in line) == (code, True), line


def test_tracing_that_is_switched_off_is_told(capsys, monkeypatch):
    """It is not taken for an order to send nothing."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert main(["trace", "replay", "spans"]) == 2
    assert "OTEL_SDK_DISABLED" in capsys.readouterr().err


def test_a_file_can_be_looked_at(written, capsys):
    """On the terminal, a line a span."""
    path = written()
    capsys.readouterr()
    assert main(["trace", "replay", str(path), "--to", "console"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 18
    assert lines[-1] == f"1 line (17 spans) of {path} went to console"


def test_ctrl_c_says_how_many_lines_went(receiver, written, clean_environ):
    """And ends with its code."""
    path = written(1_500)
    receiver.delay = 0.2
    command = [sys.executable, "-m", "llm_composition_patterns", "trace", "replay", str(path)]
    with subprocess.Popen(
        [*command, "--endpoint", receiver.url], env=clean_environ, stderr=subprocess.PIPE, text=True
    ) as process:
        while len(receiver.requests) < 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        told = process.stderr.read()
    lines, spans = (int(word.replace(",", "")) for word in (told.split()[1], told.split("(")[1].split()[0]))
    assert told.startswith("stopped: ")
    assert 0 < lines < 6
    assert 0 < spans <= len(receiver.spans)


@pytest.mark.phoenix
@pytest.mark.timeout(240)
def test_in_phoenix_a_replay_adds_what_is_missing_and_nothing_twice(phoenix, written):
    """Replayed twice, once for another project: every span is there once, where it came to first."""
    path = written(20)
    arguments = ["trace", "replay", str(path), "--endpoint", phoenix.url]
    assert main([*arguments, "--project", "replayed"]) == 0
    trace_id = messages(path)[-1].trace_id.hex()
    first = phoenix.spans(trace_id, "replayed", at_least=41)
    assert main([*arguments, "--project", "elsewhere"]) == 0
    assert main(arguments) == 0
    time.sleep(2)  # for whatever might come
    assert phoenix.spans(trace_id, "replayed", at_least=41) == first
    assert len(first) == 41
    for other in ("elsewhere", "written for".replace(" ", "%20")):
        assert phoenix.spans(trace_id, other, at_least=0) == []
