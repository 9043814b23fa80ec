"""Messages and settings to the body of a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.llm._providers import PROVIDERS
from llm_composition_patterns.llm._wire import (
    ASKED_FOR,
    ENFORCED_JSON,
    ENFORCED_SCHEMA,
    conversation,
    first_rung,
    request_body,
    schema_in_words,
)

HI = [{"role": "user", "content": "hi"}]
SCHEMA = {"name": "Answer", "schema": {"type": "object"}, "strict": True}


def body(provider="openrouter", model="m", messages=HI, rung=0, without=frozenset(), **settings):
    return request_body(PROVIDERS[provider], model, messages, settings, rung=rung, without=without)


def test_a_prompt_is_one_message_of_the_user():
    """A str is the short form of a conversation; the system's word comes first."""
    assert conversation("hi") == HI
    assert conversation("hi", "be kind") == [{"role": "system", "content": "be kind"}, *HI]


def test_what_is_left_out_is_not_sent():
    """The provider's defaults are the provider's."""
    assert body() == {"model": "m", "messages": HI}


def test_settings_go_as_they_are():
    """Nothing is renamed that the wire calls the same."""
    sent = body(temperature=0.0, seed=7, stop=["x"], reasoning_effort="high")
    assert {name: sent[name] for name in ("temperature", "seed", "stop", "reasoning_effort")} == {
        "temperature": 0.0,
        "seed": 7,
        "stop": ["x"],
        "reasoning_effort": "high",
    }


@pytest.mark.parametrize(
    ("provider", "word"),
    [("groq", "max_completion_tokens"), ("openai", "max_completion_tokens"), ("vllm", "max_tokens")],
)
def test_the_token_limit_has_the_providers_word(provider, word):
    """Some want `max_completion_tokens`."""
    assert body(provider, max_tokens=9)[word] == 9


@pytest.mark.parametrize("model", ["openai/gpt-oss-20b", "gpt-oss:20b"])
def test_reasoning_models_think_little_unless_told_otherwise(model):
    """gpt-oss gets a low effort by default, and the caller's where there is one."""
    assert body(model=model)["reasoning_effort"] == "low"
    assert body(model=model, reasoning_effort="high")["reasoning_effort"] == "high"
    assert "reasoning_effort" not in body(model=model, without=frozenset({"reasoning_effort"}))


def test_a_schema_is_enforced_where_it_can_be():
    """The best way: the provider holds the model to the schema."""
    sent = body(rung=ENFORCED_SCHEMA, response_schema=SCHEMA)
    assert sent["response_format"] == {"type": "json_schema", "json_schema": SCHEMA}
    assert sent["messages"] == HI


def test_else_json_is_enforced_and_the_prompt_holds_the_schema():
    """The second way."""
    sent = body(rung=ENFORCED_JSON, response_schema=SCHEMA)
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"] == [{"role": "system", "content": schema_in_words(SCHEMA)}, *HI]


def test_else_the_prompt_asks_for_it():
    """The last way, joined to the system's word."""
    sent = body(rung=ASKED_FOR, response_schema=SCHEMA, messages=[{"role": "system", "content": "be kind"}, *HI])
    assert "response_format" not in sent
    assert sent["messages"][0]["content"] == f"be kind\n\n{schema_in_words(SCHEMA)}"
    assert sent["messages"][1:] == HI


@pytest.mark.parametrize(
    ("provider", "model", "rung"),
    [
        ("groq", "openai/gpt-oss-20b", ENFORCED_SCHEMA),
        ("groq", "qwen/qwen3-32b", ENFORCED_JSON),
        ("ollama", "gpt-oss:120b-cloud", ENFORCED_JSON),
        ("ollama", "qwen3:8b", ENFORCED_SCHEMA),
        ("openai", "gpt-6-luna", ENFORCED_SCHEMA),
    ],
)
def test_the_first_way_is_what_the_provider_is_known_to_keep(provider, model, rung):
    """A provider that would ignore a schema is not asked to enforce it."""
    assert first_rung(PROVIDERS[provider], model) == rung


@given(
    st.sampled_from(sorted(PROVIDERS)),
    st.sampled_from([0, 1, 2]),
    st.dictionaries(st.sampled_from(["temperature", "max_tokens", "seed", "stop"]), st.integers(1, 9)),
    st.frozensets(st.sampled_from(["temperature", "seed", "stop", "max_tokens", "max_completion_tokens"])),
)
def test_no_body_changes_what_it_was_made_of(provider, rung, settings, without):
    """Messages and settings of the caller stay as they were."""
    messages, schema = [dict(HI[0])], {"name": "A", "schema": {"type": "object"}}
    before = dict(settings)
    sent = body(provider, messages=messages, rung=rung, without=without, response_schema=schema, **settings)
    assert (messages, settings, schema) == (HI, before, {"name": "A", "schema": {"type": "object"}})
    assert not {"temperature", "seed", "stop"} & without & sent.keys()


def test_half_characters_are_replaced_before_they_are_sent():
    """What UTF-8 cannot spell would fail in the SDKs only, and after a rehearsal that went well."""
    assert conversation("caf\ud800é", system="\udc00") == [
        {"role": "system", "content": "?"},
        {"role": "user", "content": "caf?é"},
    ]
    told = [{"role": "user", "content": "\ud83d"}]
    assert conversation(told) == [{"role": "user", "content": "?"}]
    assert told == [{"role": "user", "content": "\ud83d"}]
