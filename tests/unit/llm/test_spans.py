"""The span of every attempt."""

import asyncio
import json
from decimal import Decimal

import pytest
from openinference.instrumentation import TraceConfig, using_attributes
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import BaseModel
from scripted import KEY, ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns import tracing
from llm_composition_patterns.errors import InvalidOutput, ModelError
from llm_composition_patterns.llm import ask
from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._spans import traced_provider
from llm_composition_patterns.tracing import names, span

OURS = "llm_composition."


class Hat(BaseModel):
    """A hat."""

    size: int


async def test_an_attempt_is_an_llm_span(exported):
    """OpenInference's attributes and ours, at the values of the call."""
    details = {"completion_tokens_details": {"reasoning_tokens": 2}}
    reply = completion("hola", tokens=(1_000_000, 1_000_000), usage=details)
    async with model_over(ScriptedEndpoint(reply)) as model:
        with span("branch"):
            await model.complete("hello", temperature=0.5)
    attempt, branch = exported.get_finished_spans()
    assert attempt.parent.span_id == branch.context.span_id
    assert attempt.name == "chat openai/gpt-oss-20b"
    found = dict(attempt.attributes)
    assert json.loads(found.pop("llm.invocation_parameters")) == {"temperature": 0.5, "reasoning_effort": "low"}
    assert found == {
        "openinference.span.kind": "LLM",
        "llm.provider": "groq",
        "llm.model_name": "openai/gpt-oss-20b",
        "input.value": "hello",
        "input.mime_type": "text/plain",
        "output.value": "hola",
        "output.mime_type": "text/plain",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hello",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "hola",
        "llm.token_count.prompt": 1_000_000,
        "llm.token_count.completion": 1_000_000,
        "llm.token_count.total": 2_000_000,
        "llm.token_count.prompt_details.cache_read": 0,
        "llm.token_count.completion_details.reasoning": 2,
        "llm.cost.prompt": 0.075,
        "llm.cost.completion": 0.3,
        "llm.cost.total": 0.375,
        names.ATTEMPT: 1,
        names.PERMIT_WAIT_SECONDS: 0.0,
        names.HTTP_STATUS: 200,
        names.FINISH_REASON: "stop",
        names.COST_SOURCE: "genai-prices",
    }


async def test_every_attempt_has_its_span(exported):
    """The failed ones are ERROR, with status, wish and exception."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "3"}), completion())
    async with model_over(endpoint) as model:
        await model.complete("hello")
    refused, _, answered = exported.get_finished_spans()
    assert [one.attributes[names.ATTEMPT] for one in (refused, answered)] == [1, 2]
    assert (refused.status.is_ok, answered.status.is_ok) == (False, True)
    assert refused.attributes[names.HTTP_STATUS] == 429
    assert refused.attributes[names.RETRY_AFTER_SECONDS] == 3
    (failure,) = [event for event in refused.events if event.name == "exception"]
    assert failure.attributes["exception.type"] == "RateLimited"


async def test_another_attempt_says_why_and_what_held_it(exported):
    """The kind of the failure before, and the reason and the time that it waited for its permit."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "3"}), completion())
    async with model_over(endpoint) as model:
        await model.complete("hello")
    first, waited, second = exported.get_finished_spans()
    assert (waited.name, waited.attributes[names.WAIT_REASON]) == ("wait for permit", "retry_after")
    assert {names.RETRY, names.WAIT_REASON, names.HEDGE}.isdisjoint(first.attributes)
    assert (second.attributes[names.RETRY], second.attributes[names.WAIT_REASON]) == ("rate_limit", "retry_after")
    assert second.attributes[names.PERMIT_WAIT_SECONDS] == endpoint.times[1] >= 3


async def test_what_an_attempt_changes_in_its_limiter_is_shown_on_its_span(exported):
    """The pause that its refusal brought."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "3"}), completion())
    async with model_over(endpoint) as model:
        await model.complete("hello")
    refused = exported.get_finished_spans()[0]
    assert [event.name for event in refused.events] == ["calls paused", "exception"]


async def test_the_span_of_an_invalid_answer_is_an_error(exported):
    """Reading and checking is a part of the attempt; the answer is shown all the same."""
    async with model_over(ScriptedEndpoint(completion('{"size": "big"}'))) as model:
        with pytest.raises(InvalidOutput):
            await ask(model, "measure", output=Hat)
    found = exported.get_finished_spans()
    assert [one.status.is_ok for one in found] == [False] * 3
    assert found[0].attributes["output.value"] == '{"size": "big"}'
    assert found[0].attributes["llm.token_count.prompt"] == 10
    assert found[0].events[0].attributes["exception.type"] == "InvalidOutput"


async def test_a_timeout_is_an_error(exported):
    """The span of an attempt that ran out of time ends with it."""
    async with model_over(ScriptedEndpoint((99, completion())), timeout=5, attempts=1) as model:
        with pytest.raises(ModelError):
            await model.complete("hello")
    (attempt,) = exported.get_finished_spans()
    assert attempt.status.description.startswith("ModelTimeout")


async def test_a_cancelled_attempt_is_an_error(exported):
    """CancelledError is no Exception; the span is marked by hand."""
    async with model_over(ScriptedEndpoint((99, completion()))) as model:
        task = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (attempt,) = exported.get_finished_spans()
    assert attempt.status.description.startswith("CancelledError")
    assert attempt.attributes["input.value"] == "hello"


async def test_waiting_for_a_permit_is_a_span_only_where_it_happened(exported):
    """Its own span beside the attempt, with the reason."""
    async with model_over(ScriptedEndpoint((1, completion())), concurrency=1) as model:
        await asyncio.gather(model.complete("a"), model.complete("b"))
    waits = [one for one in exported.get_finished_spans() if one.name == names.WAIT_FOR_PERMIT]
    assert [one.attributes[names.WAIT_REASON] for one in waits] == ["concurrency"]
    waited = [one.attributes.get(names.PERMIT_WAIT_SECONDS) for one in exported.get_finished_spans()]
    assert waited == [0, None, 1]


async def test_a_stream_shows_its_time_to_first_token(exported):
    """Where the endpoint measured it."""
    reply = completion()
    reply.time_to_first_token = 0.25
    async with model_over(ScriptedEndpoint(lambda *_: reply)) as model:
        await model.complete("hello", on_text=print)
    (attempt,) = exported.get_finished_spans()
    assert attempt.attributes[names.TIME_TO_FIRST_TOKEN_SECONDS] == 0.25


async def test_simulated_answers_say_so(exported):
    """Also where they come through another provider's name."""
    async with model_over(ScriptedEndpoint(completion(model="simulated/m"))) as model:
        await model.complete("hello")
    (attempt,) = exported.get_finished_spans()
    assert attempt.name == "chat simulated/m"
    assert attempt.attributes["llm.model_name"] == "simulated/m"
    assert attempt.attributes[names.SIMULATED] is True
    assert attempt.attributes[names.COST_SOURCE] == "simulated"


async def test_the_call_itself_is_silent_for_other_instrumentations(exported):
    """The SDK's own spans would be doubles of ours."""
    silent = []

    def look(body):
        silent.append(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY))
        return completion()

    async with model_over(ScriptedEndpoint(look)) as model:
        await model.complete("hello")
    assert silent == [True]


async def test_a_callback_is_not_silenced(exported):
    """Spans of the caller's own `on_text` are written."""

    def stream(body, on_text):
        on_text("hel")
        return completion()

    def show(piece):
        with span("shown"):
            pass

    async with model_over(ScriptedEndpoint(stream)) as model:
        await model.complete("hello", on_text=show)
    assert "shown" in [one.name for one in exported.get_finished_spans()]


async def test_sessions_and_metadata_of_the_caller_are_kept(exported):
    """What OpenInference's context says is on the span."""
    async with model_over(ScriptedEndpoint()) as model:
        with using_attributes(session_id="s1", user_id="u1"):
            await model.complete("hello")
    (attempt,) = exported.get_finished_spans()
    assert (attempt.attributes["session.id"], attempt.attributes["user.id"]) == ("s1", "u1")


def listen(config, **provider):
    exporter, made = InMemorySpanExporter(), TracerProvider(**provider)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.install(tracing.Spans(made.get_tracer("test"), config))
    return exporter


async def test_what_is_hidden_is_nowhere():
    """Inputs, outputs, messages, errors and metadata are masked."""
    exporter = listen(TraceConfig(hide_inputs=True, hide_outputs=True))
    endpoint = ScriptedEndpoint(completion("PLANTED out"), refusal(400, "PLANTED error"))
    async with model_over(endpoint) as model:
        with using_attributes(metadata={"note": "PLANTED"}):
            await model.complete("PLANTED in")
            with pytest.raises(ModelError):
                await model.complete("PLANTED in")
    assert len(exporter.get_finished_spans()) == 2
    assert not any("PLANTED" in one.to_json() for one in exporter.get_finished_spans())


async def test_a_single_hidden_thing_is_hidden():
    """Any flag of the configuration holds, not only the two big ones."""
    exporter = listen(TraceConfig(hide_input_text=True, hide_llm_invocation_parameters=True))
    async with model_over(ScriptedEndpoint()) as model:
        await model.complete("hello", seed=5)
    (attempt,) = exporter.get_finished_spans()
    assert attempt.attributes["llm.input_messages.0.message.content"] == "__REDACTED__"
    assert "llm.invocation_parameters" not in attempt.attributes


async def test_the_key_is_in_no_span(exported):
    """Not in attributes, events or status, also where the provider repeats it."""
    endpoint = ScriptedEndpoint(refusal(401, f"bad key {KEY}"))
    async with model_over(endpoint) as model:
        with pytest.raises(ModelError):
            await model.complete("hello")
    (attempt,) = exported.get_finished_spans()
    assert KEY not in attempt.to_json()


async def test_a_span_that_is_not_recorded_costs_no_attributes():
    """Sampled out: the call works, nothing is built."""
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF  # noqa: PLC0415

    exporter = listen(TraceConfig(), sampler=ALWAYS_OFF)
    async with model_over(ScriptedEndpoint()) as model:
        assert (await model.complete("hello")).text == "hello"
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("name", "base_url", "provider"),
    [
        ("groq:", None, "groq"),
        ("ollama:x", None, "ollama"),
        ("openai:x", None, "openai"),
        ("openai:x", "https://api.deepseek.com/v1", "deepseek"),
        ("openai:x", "http://127.0.0.1:9/v1", "openai-compatible"),
    ],
)
def test_the_provider_is_what_a_viewer_prices_by(name, base_url, provider):
    """Somebody else's server is not called OpenAI."""
    assert traced_provider(resolve(name, base_url=base_url, api_key="k", environ={})) == provider


async def test_a_request_that_cannot_be_shown_leaves_no_span_open(exported):
    """A setting that JSON cannot spell is the caller's mistake; its span ends with it."""
    async with model_over(ScriptedEndpoint()) as model:
        with pytest.raises(TypeError, match="Decimal"):
            await model.complete("hello", temperature=Decimal("0.5"))
    (attempt,) = exported.get_finished_spans()
    assert attempt.status.status_code is StatusCode.ERROR


async def test_masking_or_not_an_attempt_shows_the_same():
    """The way through OpenInference's tracer, taken where anything is masked, adds nothing and leaves nothing out."""

    async def attempt_shown(config):
        exporter = listen(config)
        async with model_over(ScriptedEndpoint(refusal(500), completion("ten"))) as model:
            with using_attributes(session_id="s1", tags=["a", "b"]):
                await model.complete("How many?", seed=5)
        return [
            (each.name, timeless(each.attributes), each.status.description) for each in exporter.get_finished_spans()
        ]

    def timeless(attributes):
        return {key: value for key, value in attributes.items() if not key.endswith("seconds")}

    plain, through_masking = (
        await attempt_shown(TraceConfig()),
        await attempt_shown(TraceConfig(hide_embedding_vectors=True)),
    )
    assert plain == through_masking
    assert [attributes["openinference.span.kind"] for _, attributes, _ in plain] == ["LLM", "LLM"]
