"""What a limiter shows in traces: what a call waited for, and what its end changed."""

import asyncio

import pytest
from opentelemetry import trace

from llm_composition_patterns import tracing
from llm_composition_patterns.limits import Accepted, Failed, Limiter, Reading, Refusal, Throttled
from llm_composition_patterns.tracing import names

HEADERS = (
    Reading(unit="requests", limit=100.0, remaining=40.0, reset=60.0),
    Reading(unit="tokens", limit=6000.0, remaining=1000.0, reset=50.0),
)


async def call(limiter, ending=None, seconds=0.0):
    with tracing.span("call"):
        async with limiter.permit() as permit:
            await asyncio.sleep(seconds)
            permit.end(ending)


def events(exported):
    return [
        (event.name, dict(event.attributes))
        for span in exported.get_finished_spans()
        for event in span.events
        if span.name == "call"
    ]


def waits(exported):
    return [
        span.attributes[names.WAIT_REASON]
        for span in exported.get_finished_spans()
        if span.name == names.WAIT_FOR_PERMIT
    ]


async def test_a_wait_says_what_for(exported):
    """One span for each wait, none where nothing waits."""
    limiter = Limiter(max=1)
    await asyncio.gather(call(limiter, seconds=1), call(limiter, Throttled(Refusal(retry_after=1.0))))
    await call(limiter)
    for _ in range(3):
        await call(Limiter())
    assert waits(exported) == ["concurrency", "retry_after"]


async def test_a_wait_for_a_rate_or_an_outage_says_so(exported):
    """Each has its reason."""
    for limiter in (Limiter(requests_per_minute=60), Limiter(tokens_per_minute=60)):
        for _ in range(2):
            async with limiter.permit(tokens=1):
                pass
    failing = Limiter()
    for _ in range(4):
        await call(failing, Failed())
    assert waits(exported) == ["requests", "tokens", "outage"]


async def test_a_pause_is_an_event_on_the_call_that_was_refused(exported):
    """With the seconds that nobody calls."""
    limiter = Limiter()
    await call(limiter, Throttled(Refusal(retry_after=4.0)))
    assert events(exported) == [(names.CALLS_PAUSED, {names.PAUSED_SECONDS: limiter.statistics().paused_for})]


async def test_a_learned_rate_is_an_event_on_the_call_whose_headers_told_it(exported):
    """What is counted has its own name."""
    limiter = Limiter()
    await call(limiter, Accepted(readings=HEADERS))
    shown = limiter.statistics()
    assert events(exported) == [
        (names.RATE_LEARNED, {names.REQUESTS_PER_MINUTE: shown.requests_per_minute, names.LEARNED_FROM: "headers"}),
        (names.RATE_LEARNED, {names.TOKENS_PER_MINUTE: shown.tokens_per_minute, names.LEARNED_FROM: "headers"}),
    ]


async def test_an_outage_is_an_event_where_it_begins_and_where_it_ends(exported):
    """On the third failure and on the probe that succeeded."""
    limiter = Limiter()
    for _ in range(3):
        await call(limiter, Failed())
    await call(limiter, Accepted())
    assert events(exported) == [(names.OUTAGE_BEGAN, {}), (names.OUTAGE_ENDED, {names.OUTAGE_SECONDS: 0.5})]


async def test_a_changed_limit_is_an_event_with_its_reason(exported):
    """Here a refusal that tells of no rate."""
    limiter = Limiter(max=3)
    refused = Throttled(Refusal(concurrent=True))
    await asyncio.gather(call(limiter, seconds=1), call(limiter, refused, seconds=1))
    shown = limiter.statistics()
    assert events(exported) == [
        (names.LIMIT_CHANGED, {names.LIMIT: shown.limit, names.LIMIT_CHANGED_BECAUSE: shown.limit_changed_because})
    ]


@pytest.mark.parametrize("ending", [Accepted(readings=HEADERS), Throttled(Refusal(retry_after=1.0))])
async def test_nothing_is_shown_where_nobody_listens(ending, monkeypatch):
    """No span is made, and none is looked for."""
    looked_for = []
    monkeypatch.setattr(trace, "get_current_span", lambda *_: looked_for.append("span") or trace.INVALID_SPAN)
    await call(Limiter(), ending)
    assert looked_for == []
