"""Where spans go, decided from `to`, `endpoint` and the environment."""

import pytest

from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.tracing._target import Target, endpoint_variable, resolve

SERVER = "http://collector:4318"


def test_auto_is_off_where_nothing_is_named():
    """Without an endpoint in the environment, nothing is sent to a server that merely happens to run."""
    assert resolve("auto", None, {}) == Target(kind="off")


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER}, SERVER + "/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER + "/prefix/"}, SERVER + "/prefix/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": SERVER + "/own"}, SERVER + "/own"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": SERVER}, SERVER + "/v1/traces"),
        ({"PHOENIX_COLLECTOR_ENDPOINT": "https://app/s/me"}, "https://app/s/me/v1/traces"),
        ({"PHOENIX_COLLECTOR_ENDPOINT": " http://p:6006/v1/traces "}, "http://p:6006/v1/traces"),
    ],
)
@pytest.mark.parametrize("to", ["auto", "phoenix"])
def test_the_environment_names_the_server(to, environ, endpoint):
    """Each variable is read in its own form, for `auto` and for `phoenix`."""
    assert resolve(to, None, environ).endpoint == endpoint


def test_the_variable_that_decides_is_named():
    """The one that `auto` follows, checked as `auto` checks it."""
    assert endpoint_variable({}) is None
    assert endpoint_variable({"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER, "OTEL_SDK_DISABLED": "true"}) is None
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER, "PHOENIX_COLLECTOR_ENDPOINT": " "}
    assert endpoint_variable(environ) == "OTEL_EXPORTER_OTLP_ENDPOINT"
    with pytest.raises(ConfigurationError, match="PHOENIX_COLLECTOR_ENDPOINT"):
        endpoint_variable(environ | {"PHOENIX_COLLECTOR_ENDPOINT": "nowhere"})


def test_the_most_particular_variable_wins():
    """Phoenix's own variable comes before those of OpenTelemetry, and that for traces before that for everything."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/v1/traces",
        "PHOENIX_COLLECTOR_ENDPOINT": "http://c",
    }
    assert resolve("auto", None, environ).endpoint == "http://c/v1/traces"
    del environ["PHOENIX_COLLECTOR_ENDPOINT"]
    assert resolve("auto", None, environ).endpoint == "http://b/v1/traces"


@pytest.mark.parametrize("form", ["http://h:1", "http://h:1/", "http://h:1/v1/traces", "http://h:1/v1/traces/"])
def test_an_explicit_endpoint_wins_in_any_form(form):
    """The argument comes before the environment, with or without the path of traces."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER}
    assert resolve("auto", form, environ).endpoint == "http://h:1/v1/traces"


def test_phoenix_is_local_by_default():
    """Without any name, `phoenix` is the one on this machine."""
    target = resolve("phoenix", None, {})
    assert (target.endpoint, target.phoenix) == ("http://localhost:6006/v1/traces", True)


def test_only_phoenix_gets_the_key_of_phoenix():
    """A collector that OpenTelemetry's variables name does not see the credentials of Phoenix."""
    environ = {
        "PHOENIX_API_KEY": "secret",
        "PHOENIX_CLIENT_HEADERS": "X-Team=blue%20sky, x-more=1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": SERVER,
    }
    assert resolve("auto", None, environ).headers == {}
    assert resolve("phoenix", None, environ).headers == {
        "authorization": "Bearer secret",
        "x-team": "blue sky",
        "x-more": "1",
    }


def test_a_target_does_not_show_its_secrets():
    """Keys are not in what is printed of a target."""
    target = resolve("phoenix", "http://host:6006", {"PHOENIX_API_KEY": "secret"})
    assert "secret" not in repr(target)
    assert target.shown == target.endpoint == "http://host:6006/v1/traces"


@pytest.mark.parametrize(
    ("to", "target"),
    [
        ("console", Target(kind="console")),
        ("off", Target(kind="off")),
        ("file:traces/a:b.jsonl", Target(kind="file", path="traces/a:b.jsonl")),
    ],
)
def test_the_other_targets_need_no_server(to, target):
    """The environment's endpoint does not matter to them."""
    assert resolve(to, None, {"OTEL_EXPORTER_OTLP_ENDPOINT": SERVER}) == target


def test_a_disabled_sdk_turns_everything_off():
    """OTEL_SDK_DISABLED wins over what is asked for."""
    assert resolve("console", None, {"OTEL_SDK_DISABLED": "True "}) == Target(kind="off")


@pytest.mark.parametrize(
    ("to", "endpoint", "environ", "says"),
    [
        ("phönix", None, {}, '"phoenix", "console", "file:PATH", "off" or "auto"'),
        ("file:", None, {}, "file:PATH"),
        ("http://u:hunter2@h", None, {}, "PHOENIX_COLLECTOR_ENDPOINT"),
        ("console", "http://h", {}, "endpoint="),
        ("auto", "localhost:6006", {}, "http://localhost:6006"),
        ("auto", "http://", {}, "no address"),
        ("auto", "http://h:99999", {}, "no address"),
        ("auto", "ftp://u:hunter2@h", {}, "no address"),
        ("auto", "http://u:hunter2/@h", {}, "no address"),
        ("auto", "http://a b", {}, "no address"),
        ("auto", "http://h:0", {}, "no address"),
        ("auto", "http://u:hunter2@h", {}, "leave out user and password"),
        ("auto", None, {"PHOENIX_COLLECTOR_ENDPOINT": "http://u:hunter2@h"}, "PHOENIX_COLLECTOR_ENDPOINT holds more"),
        ("auto", None, {"PHOENIX_COLLECTOR_ENDPOINT": "http://[::1"}, "no address"),
        ("auto", None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "no address"),
        ("file:~nobody-of-this-name/x", None, {}, "write the whole path"),
        ("auto", None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4317"}, "4318"),
        ("auto", "http://h", {"OTEL_EXPORTER_OTLP_HEADERS": "a=b,hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS: header 2"),
        ("phoenix", None, {"PHOENIX_CLIENT_HEADERS": 'key="hunter2"'}, "PHOENIX_CLIENT_HEADERS: header 1"),
    ],
)
def test_what_cannot_work_is_one_line_that_mends_it(to, endpoint, environ, says):
    """A mistake is told with what to write instead, and without any secret."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(to, endpoint, environ)
    message = str(caught.value)
    assert says in message
    assert "hunter2" not in message
    assert "\n" not in message


@pytest.mark.parametrize(("to", "endpoint"), [(None, None), (5, None), ("phoenix", 5)])
def test_what_is_no_text_is_wrong_use(to, endpoint):
    """Said in one line, with what to say instead."""
    with pytest.raises(TypeError, match=r"^setup_tracing\((to|endpoint)=(None|5)\): "):
        resolve(to, endpoint, {})


def test_a_file_at_home_is_found(monkeypatch):
    """The shell expands no `~` behind a colon."""
    monkeypatch.setenv("HOME", "/home/me")
    assert resolve("file:~/x.jsonl", None, {}).path == "/home/me/x.jsonl"
