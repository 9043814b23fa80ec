"""Replies and exceptions to the errors of the tree."""

import pytest
from scripted import refusal

from llm_composition_patterns import errors
from llm_composition_patterns.llm._addresses import resolve
from llm_composition_patterns.llm._endpoint import Reply
from llm_composition_patterns.llm._provider_errors import SettingRefused, error_of, unreachable

GROQ = resolve("groq:openai/gpt-oss-20b", base_url=None, api_key=None, environ={"GROQ_API_KEY": "planted"})


def failure(reply, address=GROQ):
    return error_of(reply, address)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(401), errors.AuthenticationFailed),
        (refusal(403), errors.AuthenticationFailed),
        (refusal(403, "flagged by moderation"), errors.Refused),
        (refusal(402), errors.InsufficientCredit),
        (refusal(429, code="insufficient_quota"), errors.InsufficientCredit),
        (refusal(404), errors.UnknownModel),
        (refusal(400, code="model_decommissioned"), errors.UnknownModel),
        (refusal(400, "x/y is not a valid model ID"), errors.UnknownModel),
        (refusal(408), errors.ModelTimeout),
        (refusal(504), errors.ModelTimeout),
        (refusal(429), errors.RateLimited),
        (refusal(500), errors.ModelUnavailable),
        (refusal(503), errors.ModelUnavailable),
        (refusal(503, "server busy, please try again.  maximum pending requests exceeded"), errors.RateLimited),
        (refusal(503, "Loading model"), errors.ModelUnavailable),
        (refusal(500, "the queue is full"), errors.ModelUnavailable),
        (refusal(529), errors.ModelUnavailable),
        (refusal(498), errors.ModelUnavailable),
        (refusal(400, code="content_filter"), errors.Refused),
        (refusal(400), errors.ModelError),
        (refusal(422), errors.ModelError),
        (refusal(302), errors.ModelError),
        (refusal(200, code=429), errors.RateLimited),
        (refusal(200, code="rate_limit_exceeded"), errors.RateLimited),
        (refusal(200, code="who knows"), errors.ModelUnavailable),
        (Reply(502, {}, "<html>Bad Gateway</html>"), errors.ModelUnavailable),
        (Reply(500, {}, None), errors.ModelUnavailable),
    ],
)
def test_each_failure_has_its_class(reply, kind):
    """By status, by code, and by the words of the error, inside a reply with status 200 too."""
    error = failure(reply)
    assert type(error) is kind
    assert error.model == GROQ.name
    assert reply.status in (200, error.status)


def test_an_answer_is_no_failure():
    """A reply without a complaint passes."""
    assert failure(Reply(200, {}, {"choices": []})) is None


def test_a_refused_key_names_its_variable():
    """The one who reads it knows what to mend."""
    assert str(failure(refusal(401, "Invalid API Key"))) == (
        "groq:openai/gpt-oss-20b: the key was refused (Invalid API Key). Set GROQ_API_KEY to a valid key"
    )


def test_a_refused_key_that_was_passed_says_so():
    """No variable is named that was not used."""
    address = resolve("groq:x", base_url=None, api_key="mine", environ={})
    assert str(failure(refusal(401), address)).endswith("Pass another api_key to connect")


@pytest.mark.parametrize(
    ("model", "successor"),
    [("llama-3.1-8b-instant", "openai/gpt-oss-20b"), ("llama-3.3-70b-versatile", "openai/gpt-oss-120b")],
)
def test_a_retired_model_names_its_successor(model, successor):
    """One clear error, with what to use instead."""
    address = resolve(f"groq:{model}", base_url=None, api_key="k", environ={})
    error = failure(refusal(404, code="model_not_found"), address)
    assert error.successor == successor
    assert f"use groq:{successor} instead" in str(error)


def test_a_model_that_is_not_installed_says_how_to_fetch_it():
    """Ollama's way."""
    address = resolve("ollama:qwen3:8b", base_url=None, api_key=None, environ={})
    assert "`ollama pull qwen3:8b`" in str(failure(refusal(404), address))


def test_rate_information_inside_the_body_is_found():
    """OpenRouter tells its reset only there."""
    reply = refusal(429, metadata={"headers": {"Retry-After": "9"}})
    assert failure(reply).retry_after == 9


@pytest.mark.parametrize(
    ("reply", "setting", "once"),
    [
        (refusal(400, "json_schema is not supported"), "response_format", False),
        (refusal(400, "bad", param="response_format"), "response_format", False),
        (refusal(400, "Failed to generate JSON", code="json_validate_failed"), "response_format", True),
        (refusal(400, "Unsupported value", code="unsupported_value", param="temperature"), "temperature", False),
        (refusal(400, "this model does not support the seed setting"), "seed", False),
    ],
)
def test_a_refused_setting_is_named(reply, setting, once):
    """So that the next attempt can do without it."""
    error = failure(reply)
    assert isinstance(error, SettingRefused)
    assert (error.setting, error.once) == (setting, once)


def test_other_bad_requests_are_the_callers():
    """The provider's own words are passed on, in one line."""
    error = failure(refusal(400, "messages too long:\n  131073 tokens"))
    assert type(error) is errors.ModelError
    assert str(error).endswith("refused the request (HTTP 400): messages too long: 131073 tokens")


def test_long_messages_are_cut():
    """A page of HTML is no message."""
    assert len(str(failure(refusal(500, "x" * 5000)))) < 400


@pytest.mark.parametrize("reply", [refusal(401, "key planted"), Reply(500, {}, "planted!"), refusal(400, "planted")])
def test_the_key_is_cut_out_of_messages(reply):
    """A provider that repeats it does not make us show it."""
    assert "planted" not in str(failure(reply))


def test_what_cannot_be_reached_says_where_and_what_to_try():
    """Address and hint are in the message."""
    address = resolve("ollama:x", base_url=None, api_key=None, environ={})
    error = unreachable(ConnectionRefusedError("nobody there"), address)
    assert str(error) == (
        "ollama:x could not be reached at http://127.0.0.1:11434/v1 (nobody there). "
        "Start it with `ollama serve`, or set OLLAMA_HOST."
    )


def test_a_key_that_is_not_ours_is_cut_out_too():
    """A gateway may repeat the one that it uses itself."""
    error = failure(refusal(401, "Incorrect API key provided: sk-abcdefghijklmnopqrstuvwxyz."))
    assert "(Incorrect API key provided: __REDACTED__.)" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (200, " <!doctype html><p>hi", errors.ModelError, "answered (HTTP 200) with an HTML page: {hint}"),
        (200, "", errors.ModelUnavailable, "answered (HTTP 200) with an empty body: {hint}"),
        (200, "hi\n", errors.ModelUnavailable, "answered (HTTP 200) with the text 'hi': {hint}"),
        (
            404,
            "404 page not found",
            errors.ModelError,
            "answered (HTTP 404) with the text '404 page not found': {hint}",
        ),
        (502, "<html>", errors.ModelUnavailable, "failed (HTTP 502): an HTML page: {hint}"),
        (503, "", errors.ModelUnavailable, "failed (HTTP 503): an empty body: {hint}"),
        (503, "upstream is away", errors.ModelUnavailable, "failed (HTTP 503): upstream is away"),
        (302, "", errors.ModelError, "refused the request (HTTP 302): an empty body: {hint}"),
    ],
)
def test_a_reply_that_is_no_json_is_named_and_not_quoted(status, body, kind, message):
    """The wrong server is a likelier cause than the model; a page is worth no other try."""
    error = failure(Reply(status, {}, body))
    hint = "that is no chat completion; check GROQ_BASE_URL / base_url"
    assert (type(error), error.status) == (kind, status)
    assert str(error) == f"{GROQ.name} {message.format(hint=hint)}"
