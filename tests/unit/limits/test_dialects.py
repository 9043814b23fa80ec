"""What replies say of rate limits: each dialect read, nothing absurd believed, nothing ever raised."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.limits import Reading, Refusal, read_headers, read_refusal, tells_full
from llm_composition_patterns.limits._dialects import MOST
from llm_composition_patterns.limits._moments import LONGEST, duration

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    ("headers", "readings"),
    [
        ({}, ()),
        (
            {
                "X-RateLimit-Limit-Requests": "14400",
                "X-RateLimit-Remaining-Requests": "14370",
                "X-RateLimit-Reset-Requests": "3m0s",
                "X-RateLimit-Limit-Tokens": "6000",
                "X-RateLimit-Remaining-Tokens": "5997",
                "X-RateLimit-Reset-Tokens": "30ms",
            },
            (
                Reading(unit="requests", limit=14400, remaining=14370, reset=180),
                Reading(unit="tokens", limit=6000, remaining=5997, reset=0.03),
            ),
        ),
        (
            {"RateLimit-Limit": "100", "RateLimit-Remaining": "40", "RateLimit-Reset": "30"},
            (Reading(unit="requests", limit=100, remaining=40, reset=30),),
        ),
        (
            {"ratelimit-limit": "100, 100;w=60, 5000;w=3600", "ratelimit-remaining": "40", "ratelimit-reset": "30"},
            (Reading(unit="requests", limit=100, remaining=40, reset=30),),
        ),
        (
            {"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"default";q=100;w=60'},
            (Reading(unit="requests", limit=100, remaining=50, reset=30, window=60),),
        ),
        (
            {
                "ratelimit": '"per second"; r=3; t=1, "tokens";r=900; t=7, "alone";r=1;t=1, "at once";r=1, "odd";r=9',
                "ratelimit-policy": '"per second"; q=5; w=1, "tokens";q=1000, "at once";q=4;qu="concurrent-requests", '
                '"odd";q=5;w=60',
            },
            (
                Reading(unit="requests", limit=5, remaining=3, reset=1, window=1),
                Reading(unit="tokens", limit=1000, remaining=900, reset=7),
            ),
        ),
        ({"ratelimit": '"default";r=50;t=30'}, ()),
        ({"ratelimit": "limit=100, remaining=50, reset=5"}, ()),
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-09-21T14:13:26Z",
            },
            (Reading(unit="requests", limit=50, remaining=49, reset=6),),
        ),
        (
            {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000042000"},
            (Reading(unit="requests", limit=20, remaining=0, reset=42),),
        ),
        ({"x-ratelimit-limit-tokens": "100"}, (Reading(unit="tokens", limit=100),)),
        ({"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "-1"}, ()),
        ({"x-ratelimit-limit-tokens": "nan", "x-ratelimit-remaining-tokens": "5"}, ()),
        ({"x-ratelimit-limit-tokens": "100", "x-ratelimit-remaining-tokens": "101"}, ()),
        ({"x-ratelimit-limit-tokens": "1e30"}, ()),
        (
            {"x-ratelimit-limit-requests": "9", "x-ratelimit-reset-requests": "365d"},
            (Reading(unit="requests", limit=9),),
        ),
    ],
)
def test_every_dialect_of_headers_is_read(headers, readings):
    """Durations, dates, milliseconds since 1970; what is absent or absurd is left out."""
    assert read_headers(headers, now=NOW) == readings


GROQ = (
    "Rate limit reached for model `m` in organization `o` service tier `on_demand` on tokens per minute (TPM): "
    "Limit 6,000, Used 5500, Requested 900. Please try again in 4s. Visit https://example.com"
)


@pytest.mark.parametrize(
    ("message", "headers", "refusal"),
    [
        (
            GROQ,
            {"retry-after": "4"},
            Refusal(
                retry_after=4,
                readings=(Reading(unit="tokens", limit=6000, remaining=500, window=60),),
                exhausted="tokens",
            ),
        ),
        (
            "Rate limit reached for m on requests per min (RPM): Limit 3, Used 3, Requested 1. Try again in 20s.",
            {},
            Refusal(
                retry_after=20,
                readings=(Reading(unit="requests", limit=3, remaining=0, window=60),),
                exhausted="requests",
            ),
        ),
        (
            "on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.",
            {},
            Refusal(
                retry_after=432,
                readings=(Reading(unit="requests", limit=200, remaining=0, window=86400),),
                exhausted="requests",
                daily=True,
            ),
        ),
        (
            "Request too large for model on TPM: Limit 100, Requested 900",
            {},
            Refusal(readings=(Reading(unit="tokens", limit=100, window=60),), exhausted="tokens", too_large=True),
        ),
        ("Rate limit exceeded: free-models-per-day", {}, Refusal(daily=True)),
        (
            "Too many requests",
            {
                "x-ratelimit-limit-requests": "20",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "7s",
                "x-ratelimit-limit-tokens": "1000",
                "x-ratelimit-remaining-tokens": "900",
                "x-ratelimit-reset-tokens": "60s",
            },
            Refusal(
                retry_after=7,
                readings=(
                    Reading(unit="requests", limit=20, remaining=0, reset=7),
                    Reading(unit="tokens", limit=1000, remaining=900, reset=60),
                ),
                exhausted="requests",
            ),
        ),
        (
            "Too many requests",
            {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"},
            Refusal(readings=(Reading(unit="requests", limit=1, remaining=0, reset=0),), exhausted="requests"),
        ),
        (
            "Too many concurrent requests",
            {"x-ratelimit-limit": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "8"},
            Refusal(
                readings=(Reading(unit="requests", limit=9, remaining=0, reset=8),),
                exhausted="requests",
                concurrent=True,
            ),
        ),
        ("Too many concurrent requests", {"retry-after": "1"}, Refusal(retry_after=1, concurrent=True)),
        (
            "Request limit: 30 requests per minute.",
            {},
            Refusal(readings=(Reading(unit="requests", limit=30, window=60),), exhausted="requests"),
        ),
        ("Too many requests per minute; limit: 2 retries allowed", {}, Refusal(exhausted="requests")),
        ("Too many requests. For daily quotas see our docs; the plan per day is larger.", {}, Refusal()),
        (
            "Limit of tokens per minute reached. For daily quotas (RPD) see our docs.",
            {"retry-after": "3"},
            Refusal(retry_after=3, exhausted="tokens"),
        ),
        ("Too many requests.", {}, Refusal()),
        ("Requests rate limit exceeded", {}, Refusal(exhausted="requests")),
        ("no rate_limit_exceeded", {}, Refusal(exhausted="requests")),
        ("You exceeded your rate limit: too many tokens", {}, Refusal(exhausted="tokens")),
        ("Quota of calls per minute is used up", {}, Refusal(exhausted="requests")),
        ("Rate limit: too many concurrent requests", {}, Refusal(exhausted="requests", concurrent=True)),
        ("maximum pending requests exceeded", {}, Refusal(concurrent=True)),
        ("The queue is full", {"retry-after": "1"}, Refusal(retry_after=1, concurrent=True)),
        ("slow down; retry after 250ms", {}, Refusal(retry_after=0.25)),
        (
            "no",
            {"x-ratelimit-limit-requests": "5", "x-ratelimit-remaining-requests": "0"},
            Refusal(readings=(Reading(unit="requests", limit=5, remaining=0),), exhausted="requests"),
        ),
    ],
)
def test_every_dialect_of_refusals_is_read(message, headers, refusal):
    """The text names limit, use, window and time; headers add theirs."""
    assert read_refusal(message, headers, now=NOW) == refusal


@pytest.mark.parametrize(
    ("refusal", "tells"),
    [
        (Refusal(), False),
        (Refusal(retry_after=1), True),
        (Refusal(exhausted="tokens"), True),
        (Refusal(retry_after=1, concurrent=True), False),
    ],
)
def test_a_refusal_that_tells_nothing_of_rates_is_a_cap(refusal, tells):
    """Nothing said, or calls at once said: not a rate limit."""
    assert refusal.tells_rate is tells


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("6m0s", 360),
        ("1h0m0.5s", 3600.5),
        ("2d", 172800),
        ("7.66", 7.66),
        ("", None),
        ("-3s", None),
        ("8d", None),
        ("5 apples", None),
        ("9" * 400, None),
        ("٣s", None),
    ],
)
def test_durations_are_read_as_providers_write_them(text, seconds):
    """From milliseconds to days."""
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("message", "full"),
    [
        ("server busy, please try again.  maximum pending requests exceeded", True),
        ("The server is busy: its queue is full. (simulated)", True),
        ("no slot available", True),
        ("All workers are busy: queue full", True),
        ("The model is overloaded.", False),
        ("Loading model", False),
        ("disk full", False),
        ("no slots for this model in your region", False),
        ("", False),
    ],
)
def test_a_server_that_is_full_says_so(message, full):
    """In words; an overload that passes is something else."""
    assert tells_full(message) is full


_NAMES = st.sampled_from(
    [
        f"{family}{part}{unit}"
        for family in ("x-ratelimit-", "X-RateLimit-", "RateLimit-")
        for part in ("limit", "remaining", "reset")
        for unit in ("", "-requests", "-tokens")
    ]
    + [f"anthropic-ratelimit-tokens-{part}" for part in ("limit", "remaining", "reset")]
    + ["retry-after", "retry-after-ms", "RateLimit", "ratelimit-policy"]
)
_SAID = st.one_of(
    st.text(max_size=80),
    st.floats().map(str),
    st.integers().map(str),
    st.datetimes().map(str),
    st.text("0123456789.hmsd", max_size=20),
    st.from_regex(r'"[ab]";[qrtw]=[0-9]{1,9};[qrtw]=[0-9]{1,9}(, "[ab]";[qrtw]=[-0-9e]{1,9})?', fullmatch=True),
)
_WORDS = st.lists(
    st.sampled_from(["Limit", "Used", "Requested", "per", "minute", "day", "tokens", "requests", "try again in", ":"])
    | _SAID,
    max_size=20,
).map(" ".join)


@given(st.dictionaries(_NAMES, _SAID), _WORDS)
def test_whatever_a_server_says_is_read_or_left_out(headers, message):
    """Nothing raises; what comes out is finite, in its range, and no wait is longer than a week."""
    refusal = read_refusal(message, headers, now=NOW)
    assert refusal.retry_after is None or 0 <= refusal.retry_after <= LONGEST
    for reading in (*read_headers(headers, now=NOW), *refusal.readings):
        assert 0 < reading.limit <= MOST
        assert reading.remaining is None or 0 <= reading.remaining <= reading.limit
        assert reading.reset is None or 0 <= reading.reset <= LONGEST
        assert reading.window is None or math.isfinite(reading.window)


@given(st.text("Limit :=0123456789,.per", min_size=2000, max_size=9000))
def test_long_messages_are_read_quickly(message):
    """No pattern goes back over a message again and again; a megabyte would be cut before."""
    assert read_refusal(message * 20, {}, now=NOW) is not None
