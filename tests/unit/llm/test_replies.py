"""Bodies of replies, whatever servers send."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import completion

from llm_composition_patterns.errors import ModelError
from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._endpoint import Reply
from llm_composition_patterns.llm._provider_errors import error_of
from llm_composition_patterns.llm._replies import read_answer, read_complaint, read_tokens
from llm_composition_patterns.llm._streams import StreamedAnswer, parse_json

ADDRESS = resolve("groq:", base_url=None, api_key="k", environ={})

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
WORDS = [
    "choices",
    "message",
    "content",
    "finish_reason",
    "refusal",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "model",
    "error",
    "code",
    "param",
    "metadata",
    "headers",
    "x_groq",
    "completion_tokens_details",
    "reasoning_tokens",
    "text",
    "delta",
    "detail",
]
nearly = st.recursive(
    anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)


def test_an_answer_is_read():
    """Text, reason, model and tokens, reasoning and cached ones told apart."""
    details = {"completion_tokens_details": {"reasoning_tokens": 2}, "prompt_tokens_details": {"cached_tokens": 3}}
    answer = read_answer(completion("hola", finish_reason="length", tokens=(7, 5), usage=details).body)
    assert (answer.text, answer.finish_reason, answer.refusal, answer.model) == ("hola", "length", None, "m")
    tokens = answer.tokens
    assert (tokens.input, tokens.output, tokens.reasoning, tokens.cached, tokens.cost) == (7, 5, 2, 3, None)


def test_text_in_parts_is_joined():
    """Some servers answer with a list of parts."""
    parts = [{"type": "text", "text": "ho"}, {"type": "text", "text": "la"}, 5]
    assert read_answer(completion(message={"content": parts}).body).text == "hola"


def test_halves_of_characters_are_replaced():
    """JSON can spell what UTF-8 cannot write."""
    body = parse_json('{"choices": [{"message": {"content": "a\\ud800b"}}]}')
    assert read_answer(body).text == "a?b"


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"message": {"refusal": "I will not"}}, "I will not"),
        ({"finish_reason": "content_filter"}, "the provider's content filter stopped the answer"),
    ],
)
def test_a_refusal_is_seen(more, refusal):
    """In the message, or as the reason for the end."""
    assert read_answer(completion(**more).body).refusal == refusal


def test_usage_of_groqs_streams_is_found():
    """Groq puts it elsewhere in streams."""
    tokens = read_tokens({"x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}})
    assert (tokens.input, tokens.output) == (1, 2)


@pytest.mark.parametrize("wrong", [-1, True, "7", 10**12, 10**7 + 1, 1.5, None, [], float("nan")])
def test_counts_that_cannot_be_are_left_out(wrong):
    """A server's nonsense does not reach the account."""
    assert read_tokens({"usage": {"prompt_tokens": wrong, "completion_tokens": 2.0}}).input == 0


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        (0.01, Decimal("0.01")),
        ("0.02", Decimal("0.02")),
        (-1, None),
        (float("nan"), None),
        ("much", None),
        (None, None),
    ],
)
def test_a_cost_is_money_or_nothing(told, cost):
    """Only what is a sensible amount counts as told."""
    assert read_tokens({"usage": {"prompt_tokens": 1, "cost": told}}).cost == cost


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "bad", "code": "c", "param": "p"}}, "bad"),
        ({"error": "bad"}, "bad"),
        ({"detail": "bad"}, "bad"),
        ({"error": {"code": 5}}, "no reason given"),
        ({"error": ["bad"]}, "['bad']"),
        ({"choices": [{"error": {"message": "bad"}}]}, "bad"),
    ],
)
def test_a_complaint_is_read_in_every_form(body, message):
    """Objects, texts and errors inside choices."""
    assert read_complaint(body).message == message


@pytest.mark.parametrize("body", [None, {}, "", "  ", {"error": None}, {"error": {}}, completion().body])
def test_no_complaint_where_there_is_none(body):
    """Servers that send `error: null` with their answers do not complain."""
    assert read_complaint(body) is None


@given(nearly, st.integers(100, 599))
def test_nothing_but_a_model_error_comes_of_any_body(body, status):
    """Whatever a server sends is an answer, an error of the tree, or nothing readable."""
    reply = Reply(status, {}, body)
    error = error_of(reply, ADDRESS)
    assert error is None or isinstance(error, ModelError)
    read_answer(body)
    read_tokens(body)
    assert status == 200 or error is not None


def is_readable(body):
    """Whether it is an answer or an error."""
    return "error" in body or read_answer(body) is not None


def said(body):
    """The text of an answer; None for an error."""
    return None if "error" in body else body["choices"][0]["message"]["content"]


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"data: ", b"\n\n", b"[DONE]"]), max_size=20))
def test_any_bytes_can_be_streamed(parts):
    """Nothing raises, and the body is always one that can be read, with the text that was given back."""
    answer = StreamedAnswer()
    pieces = [piece for part in parts for piece in answer.feed(part)] + answer.end()
    assert is_readable(answer.body())
    assert said(answer.body()) in {None, "".join(pieces)}


@given(nearly)
def test_any_event_can_be_taken(event):
    """Events of any shape are skipped where they are not understood."""
    answer = StreamedAnswer()
    pieces = answer.feed(b"data: " + json.dumps(event, default=str).encode() + b"\n\n")
    assert is_readable(answer.body())
    assert said(answer.body()) in {None, "".join(pieces)}


def chunk(**delta):
    return f"data: {json.dumps({'model': 'm', 'choices': [{'index': 0, 'delta': delta, **_end(delta)}]})}\r\n\r\n"


def _end(delta):
    return {"finish_reason": delta.pop("end")} if "end" in delta else {}


@given(st.lists(st.text(min_size=1), max_size=6), st.integers(1, 40))
def test_a_stream_is_put_together_however_it_is_cut(pieces, size):
    """The same text, reason and usage come of any division into packets, characters cut in the middle included."""
    usage = {"model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    text = ": keep alive\n\n" + "".join(chunk(content=piece) for piece in pieces) + chunk(end="stop")
    data = (text + f"data: {json.dumps(usage)}\n\ndata: [DONE]\n\n").encode()
    answer, got = StreamedAnswer(), []
    for at in range(0, len(data), size):
        got += answer.feed(data[at : at + size])
    got += answer.end()
    read = read_answer(answer.body())
    assert got == pieces
    assert (read.text, read.finish_reason, read.tokens.output) == ("".join(pieces), "stop", 4)
    assert answer.complete


def test_a_stream_that_broke_off_is_not_complete():
    """Without a reason for its end, text alone is no answer."""
    answer = StreamedAnswer()
    answer.feed(chunk(content="half").encode())
    assert not answer.complete


def test_an_error_in_a_stream_is_the_answers_error():
    """What came before it does not hide it."""
    answer = StreamedAnswer()
    answer.feed((chunk(content="half") + 'data: {"error": {"message": "overloaded", "code": 503}}\n\n').encode())
    assert answer.complete
    assert read_complaint(answer.body()).message == "overloaded"


def test_a_refusal_is_streamed_too():
    """Its pieces are joined."""
    answer = StreamedAnswer()
    answer.feed((chunk(refusal="I ") + chunk(refusal="will not", end="stop")).encode())
    assert read_answer(answer.body()).refusal == "I will not"


def test_deeply_nested_json_is_only_text():
    """A body that would exhaust the parser is no JSON."""
    assert parse_json("[" * 200_000).startswith("[[")
    assert parse_json(b"\xff{") == "\ufffd{"
