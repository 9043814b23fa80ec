"""The variables for the limits of a span are checked before the SDK raises over them."""

import os

import pytest
from opentelemetry.sdk import environment_variables
from opentelemetry.sdk.trace import SpanLimits

from llm_composition_patterns.errors import ConfigurationError
from llm_composition_patterns.tracing import setup_tracing
from llm_composition_patterns.tracing._span_limits import _VARIABLES, check_span_limits


@pytest.mark.parametrize("value", ["abc", "-1", "1.5"])
def test_a_limit_that_is_no_number_is_refused_in_a_line(monkeypatch, tmp_path, value):
    """It names the variable and says what to do."""
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", value)
    with pytest.raises(ConfigurationError) as caught:
        setup_tracing(f"file:{tmp_path / 'spans.jsonl'}")
    assert caught.value.args == (
        f"OTEL_SPAN_EVENT_COUNT_LIMIT is {value!r}: set it to a whole number, 0 or more, or unset it",
    )


def test_nothing_is_refused_where_there_is_no_tracing(monkeypatch):
    """Variables that nobody reads harm nobody."""
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "abc")
    tracing = setup_tracing("off")
    assert tracing.statistics().created == 0
    tracing.shutdown()


@pytest.mark.parametrize("variable", _VARIABLES)
@pytest.mark.parametrize("value", ["", " ", "0", " 12 ", "abc", "-1", "1.5"])
def test_what_is_refused_is_what_the_sdk_refuses(monkeypatch, variable, value):
    """No more and no less."""
    monkeypatch.setenv(variable, value)
    assert _raises(ValueError, SpanLimits) == _raises(ConfigurationError, lambda: check_span_limits(os.environ))


def test_every_limit_of_the_sdk_is_checked():
    """Those of log records are none of a span's."""
    limits = {name for name in vars(environment_variables) if name.endswith("_LIMIT") and "LOGRECORD" not in name}
    assert limits == set(_VARIABLES)


def _raises(kind, function):
    try:
        function()
    except kind:
        return True
    return False
