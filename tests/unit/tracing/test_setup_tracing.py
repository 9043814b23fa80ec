"""`setup_tracing`: where spans go, from when, until when, and what is said about it."""

import atexit
import json
import os
import random
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_composition_patterns import tracing
from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.tracing import Tracing, TracingStatistics, setup_tracing
from llm_composition_patterns.tracing._setup import say

NOBODY = "http://127.0.0.1:9"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(path: Path) -> list[str]:
    return [
        span["name"]
        for request in lines(path)
        for scope in request["resourceSpans"][0]["scopeSpans"]
        for span in scope["spans"]
    ]


def resource(path: Path) -> dict[str, str]:
    attributes = lines(path)[0]["resourceSpans"][0]["resource"]["attributes"]
    return {attribute["key"]: attribute["value"]["stringValue"] for attribute in attributes}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file for spans."""
    return tmp_path / "spans.jsonl"


def write_one(path: Path, **settings: object) -> Tracing:
    with setup_tracing(f"file:{path}", **settings) as made, tracing.span("s", input="in"):
        pass
    return made


def test_spans_go_where_they_are_sent_until_the_end(path, capsys):
    """From setup to shutdown, and nowhere afterwards; one line says where."""
    made = write_one(path)
    with tracing.span("too late") as late:
        assert not late.recording
    assert names(path) == ["s"]
    assert made.statistics() == TracingStatistics(created=1, exported=1, lost=0, queued=0)
    assert (made.to, made.endpoint) == (f"file:{path}", None)
    assert capsys.readouterr().err == f"tracing: spans go to {path}\n"


def test_the_default_changes_nothing_where_nothing_is_named(capsys):
    """`auto` without an endpoint in the environment is off, silently, and leaves the application's spans alone."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with setup_tracing() as made, tracing.span("seen by the application"):
        assert made.to == "off"
    assert len(exporter.get_finished_spans()) == 1
    assert made.statistics() == TracingStatistics()
    assert made.flush()
    assert made.trace_url("0" * 32) is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("disabled", ["false", "true"])
def test_off_is_off_even_where_the_application_listens(monkeypatch, disabled):
    """An explicit `off`, or a disabled SDK, mutes this package until shutdown."""
    trace.set_tracer_provider(TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False))
    monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    with setup_tracing("console" if disabled == "true" else "off") as made:
        assert made.to == "off"
        assert tracing.listening() is None
    assert tracing.listening() is not None


def test_it_becomes_the_global_provider_where_there_is_none(path):
    """The application's own spans go along, with the project's name."""
    with setup_tracing(f"file:{path}", project="mine"):
        trace.get_tracer("application").start_span("of the application").end()
    assert names(path) == ["of the application"]
    assert resource(path)["openinference.project.name"] == "mine"
    assert tracing.listening() is None


def test_it_stays_private_where_the_application_has_a_provider(path):
    """The application's spans stay the application's."""
    own = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    with setup_tracing(f"file:{path}"):
        trace.get_tracer("application").start_span("of the application").end()
        with tracing.span("ours"):
            pass
    assert names(path) == ["ours"]
    assert trace.get_tracer_provider() is own


def test_a_second_call_replaces_the_first(tmp_path):
    """What the first had is handed over; the rest, the application's included, goes where the second says."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    earlier = setup_tracing(f"file:{first}")
    with tracing.span("one"):
        pass
    later = setup_tracing(f"file:{second}")
    assert names(first) == ["one"]
    with tracing.span("two"):
        pass
    trace.get_tracer("application").start_span("of the application").end()
    earlier.shutdown()
    with tracing.span("three"):
        pass
    later.shutdown()
    assert names(first) == ["one"]
    assert sorted(names(second)) == ["of the application", "three", "two"]
    assert earlier.statistics().lost == 1  # the first one's own queue has ended: the span went to the second


def test_a_call_that_fails_leaves_the_earlier_in_place(path):
    """A mistake in the second call costs nothing."""
    with setup_tracing(f"file:{path}"):
        with pytest.raises(ConfigurationError):
            setup_tracing("file:/no/such/directory/spans.jsonl")
        with tracing.span("still seen"):
            pass
    assert names(path) == ["still seen"]


def test_shutdown_can_be_repeated(path):
    """The second time does nothing."""
    made = write_one(path)
    made.shutdown()
    made.shutdown(1.0)
    assert made.flush()
    assert names(path) == ["s"]


def test_the_process_ends_tracing_by_itself(path, monkeypatch):
    """One hook is registered, and taken back at shutdown; the SDK has none."""
    hooks = []
    monkeypatch.setattr(atexit, "register", hooks.append)
    monkeypatch.setattr(atexit, "unregister", hooks.remove)
    made = setup_tracing(f"file:{path}")
    assert hooks == [made.shutdown]
    hooks[0]()
    assert hooks == []


def test_a_loss_is_told_in_one_line_at_the_end(capsys):
    """Where nothing answers, the only line says how much was lost, where, and what to do."""
    with setup_tracing("phoenix", endpoint=NOBODY) as made:
        for _ in range(3):
            with tracing.span("s"):
                pass
        assert not made.flush(20.0)
    assert capsys.readouterr().err == (
        f"tracing: 3 of 3 spans were lost on their way to {NOBODY}/v1/traces: nothing answers there "
        "(`llm-patterns phoenix` starts a Phoenix)\n"
    )
    assert made.statistics() == TracingStatistics(created=3, exported=0, lost=3, queued=0)
    assert made.trace_url("abc") is None


@pytest.mark.parametrize(
    ("settings", "environ", "project"),
    [
        ({}, {}, "llm-composition-patterns"),
        ({}, {"PHOENIX_PROJECT_NAME": "alias"}, "alias"),
        ({}, {"PHOENIX_PROJECT_NAME": "alias", "PHOENIX_PROJECT": "canonical"}, "canonical"),
        ({}, {"OTEL_RESOURCE_ATTRIBUTES": "openinference.project.name=resource"}, "resource"),
        ({"project": "argument"}, {"PHOENIX_PROJECT": "canonical"}, "argument"),
    ],
)
def test_the_project_is_the_argument_or_the_environments(path, monkeypatch, settings, environ, project):
    """An explicit project wins; else the environment's; else the package's own."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    write_one(path, **settings)
    assert resource(path)["openinference.project.name"] == project


def test_the_service_is_named_by_the_environment(path, monkeypatch):
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are honored."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    write_one(path)
    found = resource(path)
    assert (found["service.name"], found["deployment.environment"]) == ("shop", "test")


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_inputs_can_be_hidden(path, monkeypatch, how):
    """By the argument or by OpenInference's variable."""
    if how == "environment":
        monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", "true")
    write_one(path, **({"hide_inputs": True} if how == "argument" else {}))
    assert '"__REDACTED__"' in path.read_text()


def test_an_argument_can_show_what_the_environment_hides(path, monkeypatch):
    """`hide_inputs=False` is not the same as saying nothing."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", "true")
    write_one(path, hide_inputs=False)
    assert '"__REDACTED__"' not in path.read_text()


def test_a_seed_of_the_application_does_not_repeat_ids(path):
    """Two runs with the same seed must not write into the same trace."""
    seen = set()
    with setup_tracing(f"file:{path}"):
        for _ in range(2):
            random.seed(1)
            with tracing.span("s") as span:
                seen.add(span.trace_id)
    assert len(seen) == 2


@pytest.mark.parametrize(("limit", "kept"), [(None, 1001), ("10", 10)])
def test_long_conversations_keep_their_attributes(path, monkeypatch, limit, kept):
    """There is room for a conversation's many attributes, unless the environment says less."""
    if limit is not None:
        monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", limit)
    with setup_tracing(f"file:{path}"), tracing.span("s") as span:
        span.set({f"llm.input_messages.{index}": "x" for index in range(1000)})
    (written,) = lines(path)[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert len(written["attributes"]) == kept


@pytest.mark.parametrize(
    ("to", "endpoint", "environ", "url"),
    [
        ("phoenix", None, {}, "http://localhost:6006/redirects/traces/abc"),
        ("phoenix", "https://app/s/me/", {}, "https://app/s/me/redirects/traces/abc"),
        ("auto", None, {"PHOENIX_COLLECTOR_ENDPOINT": "http://p:1"}, "http://p:1/redirects/traces/abc"),
        ("auto", None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, None),
        ("console", None, {}, None),
    ],
)
def test_a_trace_is_found_in_phoenix(monkeypatch, to, endpoint, environ, url):
    """The address is known for a Phoenix only."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with setup_tracing(to, endpoint=endpoint) as made:
        assert made.trace_url("abc") == url


def test_the_console_is_a_target(capsys):
    """Spans are printed on stderr, a line each."""
    with setup_tracing("console"), tracing.span("printed"):
        pass
    where, span = sorted(capsys.readouterr().err.splitlines(), reverse=True)
    assert where == "tracing: spans go to console"
    assert span.endswith("printed")


def test_a_closed_stderr_breaks_nothing(monkeypatch, capsys):
    """Whoever closed stderr is not told, on stdout neither."""
    monkeypatch.setattr(sys, "stderr", None)
    say("unheard")
    assert capsys.readouterr() == ("", "")


async def test_it_can_be_set_up_on_an_event_loop(path):
    """Setting up and writing spans block nothing there."""
    made = setup_tracing(f"file:{path}")
    with tracing.span("s"):
        pass
    assert made.statistics().created == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_writes_its_own_spans(path):
    """After a fork, tracing goes on in both processes, each with its own spans and its own ids."""
    with setup_tracing(f"file:{path}") as made:
        with tracing.span("before"):
            pass
        child = os.fork()
        if child == 0:
            with tracing.span("in the child"):
                pass
            made.shutdown()
            os._exit(0 if made.statistics() == TracingStatistics(created=1, exported=1, lost=0, queued=0) else 1)
        with tracing.span("in the parent"):
            pass
        assert os.waitpid(child, 0)[1] == 0
    assert sorted(names(path)) == ["before", "in the child", "in the parent"]
