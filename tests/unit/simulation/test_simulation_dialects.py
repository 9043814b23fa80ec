"""How each dialect tells of its rate limits: headers, words and bodies, letter by letter."""

import pytest

from llm_composition_patterns.simulation import RateLimit
from llm_composition_patterns.simulation._dialects import duration, limit_headers, refusal
from llm_composition_patterns.simulation._rate_limit import RateGate

BOTH = {"requests_per_minute": 60, "tokens_per_minute": 6000, "requests_per_day": 1440}
NOON = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def gate_of(**settings):
    limit = RateLimit(**settings)
    return limit, RateGate(limit)


def headers(now, tokens, **settings):
    """The headers at `now`, after one request at 0."""
    limit, gate = gate_of(**settings)
    gate.admit(tokens, 0.0)
    return limit_headers(limit.dialect, gate.buckets, now, NOON + now)


def refused(now=0.0, tokens=1, times=1, **settings):
    """What one more request is told at `now`, after some at 0."""
    limit, gate = gate_of(**settings)
    for _ in range(times):
        gate.admit(tokens, 0.0)
    return refusal(limit, gate.admit(tokens, now), NOON + now, model="m")


def test_the_headers_of_openai():
    """OpenAI shows requests and tokens of the minute."""
    assert headers(0.5, 100, dialect="openai", **BOTH) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "500ms",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "5950",
        "x-ratelimit-reset-tokens": "500ms",
    }


def test_the_headers_of_groq():
    """Groq shows requests of the day and tokens of the minute, under the same names."""
    shown = headers(0.0, 100, dialect="groq", **BOTH)
    assert shown["x-ratelimit-limit-requests"] == "1440"
    assert shown["x-ratelimit-reset-requests"] == "1m0s"
    assert shown["x-ratelimit-limit-tokens"] == "6000"


def test_groqs_requests_a_minute_show_in_no_header():
    """Where only requests a minute and tokens are limited, the headers speak of tokens alone."""
    shown = headers(0.0, 100, dialect="groq", requests_per_minute=30, tokens_per_minute=6000)
    assert {name.rsplit("-", 1)[1] for name in shown} == {"tokens"}


def test_the_headers_of_anthropic():
    """Anthropic's names, and resets as times of the clock, in whole seconds."""
    assert headers(0.5, 100, dialect="anthropic", **BOTH) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:21Z",
        "anthropic-ratelimit-tokens-limit": "6000",
        "anthropic-ratelimit-tokens-remaining": "5950",
        "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:21Z",
    }


@pytest.mark.parametrize("dialect", ["openrouter", "none"])
def test_dialects_without_headers(dialect):
    """An answer tells nothing."""
    assert headers(0.0, 100, dialect=dialect, **BOTH) == {}


@pytest.mark.parametrize("dialect", ["openai", "groq"])
def test_the_words_have_the_numbers(dialect):
    """Limit, use, request and wait stand in the text, and Retry-After beside it in whole seconds."""
    told = refused(0.5, times=30, requests_per_minute=30, dialect=dialect)
    message = told.body["error"]["message"]
    assert "`m` on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 1.5s" in message
    assert message.endswith("(simulated)")
    assert (told.status, told.headers, told.body["error"]["type"]) == (429, {"retry-after": "2"}, "requests")
    assert told.body["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"requests_per_day": 1}, "requests per day (RPD): Limit 1, Used 1, Requested 1. Please try again in 24h0m0s"),
        ({"tokens_per_day": 1}, "tokens per day (TPD): Limit 1, Used 1, Requested 1. Please try again in 24h0m0s"),
        ({"tokens_per_minute": 1}, "tokens per minute (TPM): Limit 1, Used 1, Requested 1. Please try again in 1m0s"),
    ],
)
def test_each_limit_has_its_name(limit, words):
    """The text says which limit it was, and a day's wait looks like one."""
    assert words in refused(dialect="groq", **limit).body["error"]["message"]


def test_a_provider_that_says_when_alone():
    """The dialect `none` gives a Retry-After and no other number."""
    told = refused(requests_per_minute=1, dialect="none")
    assert told.headers == {"retry-after": "60"}
    assert told.body["error"]["message"] == "Too many requests. (simulated)"


def test_a_provider_that_says_nothing():
    """Even that can be left out."""
    assert refused(requests_per_minute=1, dialect="none", retry_after=False).headers == {}


def test_openrouter_tells_inside_the_body():
    """Its numbers stand in the error's metadata, the reset in milliseconds since 1970; there is no Retry-After."""
    told = refused(0.25, times=2, requests_per_minute=2, dialect="openrouter")
    assert (told.status, told.headers) == (429, {})
    assert told.body["error"]["code"] == 429
    assert told.body["error"]["message"] == "Rate limit exceeded: requests-per-minute. (simulated)"
    assert told.body["error"]["metadata"] == {
        "headers": {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000060000"}
    }


def test_openrouters_limit_of_a_day():
    """A day's limit is named, and its reset is a day away."""
    error = refused(requests_per_day=1, dialect="openrouter").body["error"]
    assert error["message"] == "Rate limit exceeded: requests-per-day. (simulated)"
    assert error["metadata"]["headers"]["X-RateLimit-Reset"] == str(int(NOON + 86400) * 1000)


def test_openrouter_can_be_asked_for_retry_after():
    """Whoever says so gets it."""
    assert refused(requests_per_minute=1, dialect="openrouter", retry_after=True).headers == {"retry-after": "60"}


def test_anthropics_words():
    """A sentence with the limit, and Retry-After."""
    told = refused(tokens=50_000, tokens_per_minute=50_000, dialect="anthropic")
    assert told.body["error"]["message"] == (
        "This request would exceed your rate limit of 50,000 tokens per minute. (simulated)"
    )
    assert (told.body["error"]["type"], told.headers) == ("rate_limit_error", {"retry-after": "60"})


@pytest.mark.parametrize("dialect", ["openai", "openrouter", "none"])
def test_a_refusal_inside_status_200(dialect):
    """The body says what the status would have said, and nothing of it is in the headers."""
    told = refused(requests_per_minute=1, dialect=dialect, in_body=True, retry_after=True)
    assert (told.status, told.headers, told.body["error"]["code"]) == (200, {}, 429)
    assert told.body["error"]["metadata"]["headers"]["retry-after"] == "60"


@pytest.mark.parametrize("dialect", ["openai", "groq", "anthropic", "openrouter", "none"])
def test_what_never_fits_is_413(dialect):
    """A request larger than the limit itself is refused for good, without a time to come back."""
    told = refused(tokens=101, times=0, tokens_per_minute=100, dialect=dialect)
    assert (told.status, told.headers) == (413, {})
    if dialect in {"openai", "groq"}:
        assert "Request too large" in told.body["error"]["message"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0121, "13ms"), (0.9999, "1s"), (7.66, "7.66s"), (360, "6m0s"), (61.5, "1m1.5s"), (3600, "1h0m0s")],
)
def test_durations_are_written_as_providers_do(seconds, text):
    """Milliseconds below a second, then units."""
    assert duration(seconds) == text
