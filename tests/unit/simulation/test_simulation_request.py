"""Wire requests, checked."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.simulation._request import BadRequest, count_tokens, read_request

GOOD = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_a_whole_request_is_read():
    """Every setting lands in its attribute."""
    request = read_request(
        GOOD
        | {
            "max_completion_tokens": 5,
            "max_tokens": 9,
            "stop": ["a", ""],
            "stream": True,
            "stream_options": {"include_usage": True},
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
            "temperature": 0.5,
            "unknown": object(),
        }
    )
    assert (request.max_tokens, request.stop, request.stream, request.include_usage) == (5, ("a",), True, True)
    assert (request.format, request.schema, request.text) == ("json_schema", {}, "hi")


def test_parts_of_a_message_are_joined():
    """Content may be a list of parts; those without text count for nothing."""
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "b"}]
    assert read_request(GOOD | {"messages": [{"role": "user", "content": parts}]}).text == "a\n\nb"


def test_an_assistant_may_have_said_nothing():
    """A turn that only called tools has no content."""
    assert read_request(GOOD | {"messages": [{"role": "assistant", "content": None}]}).text == ""


def test_tokens_are_four_letters():
    """Tokens are estimated, rounded up."""
    assert [count_tokens("x" * letters) for letters in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert read_request(GOOD).prompt_tokens == 1


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [{"role": "king", "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages.0.content"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"seed": "x"}, "seed"),
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stop": 5}, "stop"),
        ({"stop": [5]}, "stop"),
        ({"response_format": "json"}, "response_format.type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "response_format.json_schema"),
    ],
)
def test_what_is_wrong_is_named(change, parameter):
    """A bad request names the parameter that is wrong."""
    with pytest.raises(BadRequest) as caught:
        read_request(GOOD | change)
    assert caught.value.parameter == parameter


def test_a_prompt_beyond_the_context_window():
    """A prompt too long for any model is refused by its own code."""
    with pytest.raises(BadRequest, match="context window") as caught:
        read_request(GOOD | {"messages": [{"role": "user", "content": "x" * 600_000}]})
    assert caught.value.code == "context_length_exceeded"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["model", "messages", "stop", "stream", "response_format", "max_tokens", "stream_options", "temperature", "n"]
)


@given(st.dictionaries(KEYS, ANYTHING), ANYTHING)
def test_anything_else_is_a_bad_request(wire, other):
    """Whatever comes in ends as a request or as a BadRequest."""
    for value in (wire, GOOD | wire, other):
        with contextlib.suppress(BadRequest):
            assert read_request(value).turns
