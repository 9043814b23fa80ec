"""Spans over real HTTP: what arrives, what is lost, and what is never done on the event loop."""

import asyncio
import logging
import socket
import threading
import time

import pytest
from opentelemetry.exporter.otlp.proto.http import trace_exporter

from llm_composition_patterns import tracing
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import TracingStatistics, setup_tracing
from llm_composition_patterns.tracing._batches import Delivered
from llm_composition_patterns.tracing._otlp import OtlpExporter

KEY = "hunter2hunter2"


def write(count: int) -> None:
    for index in range(count):
        with tracing.span(str(index)):
            pass


def test_spans_arrive_with_names_parents_and_headers(receiver, monkeypatch):
    """The request is OTLP, has the credentials for Phoenix and the headers of OpenTelemetry, and names the project."""
    monkeypatch.setenv("PHOENIX_API_KEY", KEY)
    monkeypatch.setenv("PHOENIX_CLIENT_HEADERS", "x-one=1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-two=a b")
    with setup_tracing("phoenix", endpoint=receiver.url, project="mine"), tracing.span("outer"), tracing.span("inner"):
        pass
    ((headers, request),) = receiver.requests
    assert (headers["path"], headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    assert (headers["authorization"], headers["x-one"], headers["x-two"]) == (f"Bearer {KEY}", "1", "a b")
    inner, outer = receiver.spans
    assert inner.parent_span_id == outer.span_id
    attributes = {item.key: item.value.string_value for item in request.resource_spans[0].resource.attributes}
    assert attributes["openinference.project.name"] == "mine"


def test_fifty_thousand_spans_arrive(receiver):
    """Created as fast as possible against a collector that answers at once, none is lost."""
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(50_000)
    assert made.statistics() == TracingStatistics(created=50_000, exported=50_000, lost=0, queued=0)
    assert len(receiver.spans) == 50_000
    assert max(len(request.resource_spans[0].scope_spans[0].spans) for _, request in receiver.requests) == 512


def test_what_a_slow_collector_does_not_take_in_time_is_counted(receiver, capsys):
    """With 100 ms a request and little time to end, what arrived and what was lost add up to what was created."""
    receiver.delay = 0.1
    made = setup_tracing("phoenix", endpoint=receiver.url)
    write(20_000)
    made.shutdown(1.5)
    counts = made.statistics()
    assert counts.created == counts.exported + counts.lost == 20_000
    assert counts.lost > 0
    assert 0 < counts.exported <= len(receiver.spans)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("tracing: spans go to")
    assert said[1].startswith("tracing: sending ")
    assert said[2].startswith(f"tracing: {counts.lost:,} of 20,000 spans were lost on their way to {receiver.url}")
    assert len(said) == 3


def test_a_slow_collector_gets_everything_in_the_time_it_needs(receiver):
    """Being slow loses nothing while there is time."""
    receiver.delay = 0.1
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(5_000)
    assert made.statistics().exported == len(receiver.spans) == 5_000


def test_a_busy_collector_is_asked_again(receiver):
    """A 503, as Phoenix gives when its queue is full, costs time and no span."""
    receiver.answer = lambda number: (503 if number <= 3 else 200, {"retry-after": "0"}, b"")
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(10)
        assert made.flush(20)
    assert made.statistics() == TracingStatistics(created=10, exported=10, lost=0, queued=0)
    assert len(receiver.requests) == 4


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "check PHOENIX_API_KEY or OTEL_EXPORTER_OTLP_HEADERS"), (404, "status 404"), (307, "status 307")],
)
def test_a_refusal_is_told_once_without_bodies_or_keys(receiver, monkeypatch, capsys, caplog, status, told):
    """A refused batch is lost at once, also by a redirection; the one line has neither what was sent nor the answer."""
    monkeypatch.setenv("PHOENIX_API_KEY", KEY)
    receiver.answer = lambda _: (status, {"location": "http://elsewhere"}, f"you sent {KEY}".encode())
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(3)
    assert made.statistics() == TracingStatistics(created=3, exported=0, lost=3, queued=0)
    (line,) = capsys.readouterr().err.splitlines()
    lost = f"tracing: 3 of 3 spans were lost on their way to {receiver.url}/v1/traces: "
    assert line.startswith(f"{lost}the answer was status {status}")
    assert told in line
    assert KEY not in line
    assert caplog.records == []
    assert len(receiver.requests) == 1


def test_spans_that_the_collector_rejects_are_counted(receiver, partial_success):
    """A partial success names how many were not taken."""
    receiver.answer = lambda _: (200, {}, partial_success)
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(10)
    assert made.statistics() == TracingStatistics(created=10, exported=7, lost=3, queued=0)


@pytest.mark.parametrize("body", [b"<!doctype html><p>hi", b"\xff\xffOK", b"{broken"])
def test_a_server_that_is_no_collector_is_told_by_its_answer(receiver, capsys, body):
    """A site that answers everything with a page has not taken the spans."""
    receiver.answer = lambda _: (200, {}, body)
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(2)
    assert made.statistics() == TracingStatistics(created=2, exported=0, lost=2, queued=0)
    assert capsys.readouterr().err == (
        f"tracing: 2 of 2 spans were lost on their way to {receiver.url}/v1/traces: "
        "what answers there is no collector of spans (status 200)\n"
    )


@pytest.mark.parametrize(("body", "lost"), [(b"", 0), (b"{}", 0), (b'{"partialSuccess": {"rejectedSpans": "1"}}', 1)])
def test_collectors_may_answer_nothing_or_json(receiver, body, lost):
    """Both are acceptance, as far as they say so."""
    receiver.answer = lambda _: (200, {}, body)
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(2)
    assert (made.statistics().exported, made.statistics().lost) == (2 - lost, lost)


def test_what_answers_without_http_is_no_collector(capsys):
    """Something is there: to start a Phoenix would not help."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with setup_tracing("phoenix", endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}"):
            write(1)
        thread.join()
    line = capsys.readouterr().err
    assert line.endswith("what answers there is no collector of spans\n")


def test_a_date_to_retry_after_is_not_an_error(receiver):
    """What cannot be read of a Retry-After is left to the usual pauses."""
    receiver.answer = lambda number: (
        503 if number == 1 else 200,
        {"retry-after": "Fri, 20 Nov 2026 08:00:00 GMT"},
        b"",
    )
    with setup_tracing("phoenix", endpoint=receiver.url) as made:
        write(1)
        assert made.flush(20)
    assert made.statistics().exported == 1


def test_a_collector_without_tls_is_told_apart(receiver, capsys):
    """A wrong scheme is no reason to try for ever."""
    with setup_tracing("phoenix", endpoint=receiver.url.replace("http:", "https:")) as made:
        write(1)
    assert made.statistics().lost == 1
    assert "no secure connection" in capsys.readouterr().err


def test_an_address_that_cannot_be_reached_is_told_without_its_text(capsys):
    """What the HTTP library refuses to try is lost at once."""
    with setup_tracing("phoenix", endpoint="http://*") as made:
        write(1)
    assert made.statistics().lost == 1
    assert "on their way to http://*/v1/traces: nothing can be sent there (InvalidURL)" in capsys.readouterr().err


def test_a_forked_child_has_a_connection_of_its_own(receiver):
    """The child makes a new one and leaves the parent's alone."""
    exporter = OtlpExporter(f"{receiver.url}/v1/traces", {})
    parents = exporter._session
    exporter.after_fork()
    assert exporter._session is not parents
    with record_spans() as recorder:
        write(1)
    assert exporter.export(recorder.spans) == Delivered()
    exporter.close()


@pytest.mark.alone
def test_a_black_hole_is_given_up_on(black_hole, monkeypatch, capsys):
    """A server that takes connections and never answers costs its timeout, again and again, and no more at the end."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    made = setup_tracing("phoenix", endpoint=black_hole)
    write(1)
    assert not made.flush(1.0)
    began = time.perf_counter()
    made.shutdown()
    assert time.perf_counter() - began < 1.0
    assert capsys.readouterr().err == (
        f"tracing: 1 of 1 spans were lost on their way to {black_hole}/v1/traces: nobody answers in time\n"
    )


def test_the_application_still_hears_its_own_exporter(caplog):
    """Only what the SDK's exporter logs on our thread is kept quiet."""
    with setup_tracing("phoenix", endpoint="http://127.0.0.1:9"):
        logging.getLogger(trace_exporter.__name__).warning("of the application")
    assert [record.message for record in caplog.records] == ["of the application"]


async def test_nothing_is_sent_on_the_event_loop(receiver):
    """While spans are written and sent, the loop is never kept waiting by them."""
    made = setup_tracing("phoenix", endpoint=receiver.url)
    on_thread = set()
    export = made._pipeline._exporter.export
    made._pipeline._exporter.export = lambda spans: on_thread.add(threading.get_ident()) or export(spans)
    for _ in range(20):
        write(100)
        await asyncio.sleep(0.001)
    assert await asyncio.to_thread(made.flush, 20.0)
    await asyncio.to_thread(made.shutdown)
    assert made.statistics().exported == 2_000
    assert threading.get_ident() not in on_thread
    assert len(on_thread) == 1


def test_a_masked_secret_is_nowhere_in_the_bytes_that_leave(receiver):
    """Inputs, outputs, errors and metadata of every span, over the wire."""
    with setup_tracing("phoenix", endpoint=receiver.url, hide_inputs=True, hide_outputs=True):
        with tracing.span("s", input=KEY) as span:
            span.output(KEY)
            span.set({"metadata": KEY})
            span.fail(ValueError(KEY))
        attempt = tracing.listening().masking.start_span("chat m", attributes={"output.value": KEY})
        attempt.record_exception(ValueError(KEY))
        attempt.end()
    assert len(receiver.spans) == 2
    assert KEY.encode() not in b"".join(request.SerializeToString() for _, request in receiver.requests)
