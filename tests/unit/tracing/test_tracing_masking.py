"""Masking: a secret is nowhere in what is exported."""

import json

import pytest
from openinference.instrumentation import TraceConfig, using_attributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.trace import Status, StatusCode

from llm_composition_patterns import tracing
from llm_composition_patterns.testing import record_spans

PLANTED = "hunter2"


def write_everything() -> None:
    """Write the secret wherever a span can hold one."""
    context = using_attributes(
        metadata={"note": PLANTED}, prompt_template=f"say {PLANTED}", prompt_template_variables={"word": PLANTED}
    )
    error = ValueError(f"cannot read {PLANTED}")
    error.__cause__ = KeyError(PLANTED)
    with context, tracing.span("outer", input={"password": PLANTED}) as outer:
        outer.output([PLANTED])
        outer.set({"input.value": PLANTED, "metadata": PLANTED})
        outer.fail(error)
        spans = tracing.listening()
        attributes = {
            "openinference.span.kind": "LLM",
            "input.value": PLANTED,
            "output.value": PLANTED,
            "llm.input_messages.0.message.content": PLANTED,
            "llm.output_messages.0.message.content": PLANTED,
            "llm.model_name": "m",
        }
        attempt = spans.masking.start_span("chat m", attributes=attributes)
        attempt.record_exception(error)
        attempt.add_event("retry", {"exception.message": PLANTED, "attempt": 1})
        attempt.set_status(Status(StatusCode.ERROR, PLANTED))
        spans.fail(attempt, error)
        attempt.end()
        with (
            pytest.raises(ValueError, match=PLANTED),
            spans.masking.start_as_current_span("chat n", attributes=attributes),
        ):
            raise error


@pytest.mark.parametrize("hidden", [{"hide_inputs": True, "hide_outputs": True}])
def test_a_secret_is_nowhere_in_the_exported_bytes(hidden):
    """Not in inputs, outputs, errors, stacks, status or metadata, in any span written here."""
    with record_spans(TraceConfig(**hidden)) as recorder:
        write_everything()
    assert len(recorder.spans) == 3
    assert PLANTED.encode() not in encode_spans(recorder.spans).SerializeToString()


@pytest.mark.parametrize("hidden", ["hide_inputs", "hide_outputs", "hide_input_text", "hide_output_messages"])
def test_errors_and_metadata_are_hidden_with_either_side(hidden):
    """Nobody knows which side an error quotes, so hiding one hides errors and metadata."""
    with record_spans(TraceConfig(**{hidden: True})) as recorder, using_attributes(metadata={"note": PLANTED}):
        with pytest.raises(ValueError, match=PLANTED), tracing.span("s"):
            raise ValueError(PLANTED)
        tracing.listening().masking.start_span("chat m").end()
    assert PLANTED not in "".join(span.to_json() for span in recorder.spans)


def test_only_the_side_that_is_hidden_is_hidden():
    """Hidden inputs leave outputs readable, and the other way round."""
    with record_spans(TraceConfig(hide_inputs=True)) as recorder, tracing.span("s", input="in") as span:
        span.output("out")
    with record_spans(TraceConfig(hide_outputs=True)) as other, tracing.span("s", input="in") as span:
        span.output("out")
    assert recorder.one("s").attributes["input.value"] == "__REDACTED__"
    assert recorder.one("s").attributes["output.value"] == "out"
    assert other.one("s").attributes["input.value"] == "in"
    assert other.one("s").attributes["output.value"] == "__REDACTED__"


def test_a_masked_failure_still_says_its_type():
    """Status and event keep the kind of error, which quotes nothing."""
    with (
        record_spans(TraceConfig(hide_inputs=True)) as recorder,
        pytest.raises(ValueError, match="x"),
        tracing.span("s"),
    ):
        raise ValueError("x")
    span = recorder.one("s")
    assert span.status.description == "ValueError: __REDACTED__"
    assert span.events[0].attributes["exception.type"] == "ValueError"


def test_a_status_that_is_no_error_is_kept():
    """Only descriptions of errors can quote something."""
    with record_spans(TraceConfig(hide_inputs=True)) as recorder:
        attempt = tracing.listening().masking.start_span("chat m")
        attempt.set_status(StatusCode.OK)
        attempt.end()
    assert recorder.one("chat m").status.status_code is StatusCode.OK


def test_other_settings_of_openinference_hold_for_every_span():
    """A setting that hides no text is honored as OpenInference does, and errors stay readable."""
    config = TraceConfig(hide_llm_invocation_parameters=True)
    with record_spans(config) as recorder, tracing.span("s") as span:
        span.set({"llm.invocation_parameters": json.dumps({"t": 0})})
        span.fail(ValueError("told"))
    written = recorder.one("s")
    assert "llm.invocation_parameters" not in written.attributes
    assert written.status.description == "ValueError: told"
