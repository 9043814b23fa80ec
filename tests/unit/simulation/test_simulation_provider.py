"""The provider in process, in virtual time."""

import asyncio
import json
import threading
from contextlib import aclosing

import pytest

from llm_composition_patterns.limits import read_refusal
from llm_composition_patterns.simulation import (
    Capacity,
    Change,
    ConnectionDropped,
    Fault,
    Price,
    RateLimit,
    Scenario,
    SimulatedProvider,
    Statistics,
)
from llm_composition_patterns.simulation._wire import ERRORS
from llm_composition_patterns.virtual_time import run

EXACT = {"time_to_first_token": 0.5, "tokens_per_second": 4, "spread": 0}


def wire(text="hi", **settings):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **settings}


def provider(**settings):
    return SimulatedProvider(Scenario(**{**EXACT, **settings}))


def saying(text, **settings):
    return provider(answer=lambda _: text, **settings)


def now():
    return asyncio.get_running_loop().time()


def content(reply):
    return reply.body["choices"][0]["message"]["content"]


async def test_an_answer_is_a_chat_completion():
    """The body is OpenAI's, says that it is simulated, and counts tokens by its rule."""
    reply = await saying("twelve chars").respond(wire("four"))
    assert reply.status == 200
    assert reply.headers["x-simulated"] == "true"
    assert reply.body == {
        "id": "chatcmpl-simulated-1",
        "object": "chat.completion",
        "created": 0,
        "model": "simulated/m",
        "system_fingerprint": "simulated",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "twelve chars"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
    }
    assert reply.chunks is None


async def test_the_time_is_exact():
    """An answer takes the time to its first token and then that of its tokens."""
    await saying("x" * 40).respond(wire())
    assert now() == 0.5 + 10 / 4


async def test_the_default_takes_a_fraction_of_a_second():
    """A translation of a product takes between 0.3 and 1 second."""
    fields = {"features": ["A sentence of about fifty letters about a jacket"] * 10}
    await SimulatedProvider().respond(wire(f"Translate into Spanish: {json.dumps(fields)}"))
    assert 0.3 <= now() <= 1


async def test_the_spread_follows_seed_and_text():
    """Requests differ in time within the spread, and the same one never from itself."""

    async def elapsed(text, seed):
        start = now()
        await saying("answer", seed=seed, spread=0.5).respond(wire(text))
        return now() - start

    times = [await elapsed(f"text {number}", 0) for number in range(20)]
    assert all(1.0 * 0.5 <= time <= 1.0 * 1.5 for time in times)
    assert len({round(time, 6) for time in times}) == 20
    assert await elapsed("text 0", 0) == pytest.approx(times[0])
    assert await elapsed("text 0", 1) != pytest.approx(times[0])


async def test_a_stream_comes_token_by_token():
    """Each chunk comes at the time of its token, the usage last, and together they are the answer."""
    request = wire(stream=True, stream_options={"include_usage": True})
    reply = await saying("twelve chars").respond(request)
    assert (reply.status, reply.body, now()) == (200, {}, 0)
    seen = [(now(), chunk) async for chunk in reply.chunks]
    assert [time for time, _ in seen] == [0.5, 0.5, 0.75, 1.0, 1.25, 1.25]
    chunks = [chunk for _, chunk in seen]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == "twelve chars"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 5
    assert chunks[-1]["usage"]["total_tokens"] == 4
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


async def test_a_stream_without_usage():
    """Usage comes only to those who ask for it."""
    reply = await saying("text").respond(wire(stream=True))
    assert all("usage" not in chunk for chunk in [chunk async for chunk in reply.chunks])


async def test_a_slow_reader_does_not_slow_the_provider():
    """Tokens come at their own time, whenever they are read."""
    reply = await saying("twelve chars").respond(wire(stream=True))
    async with aclosing(reply.chunks) as chunks:
        await anext(chunks)
        await asyncio.sleep(10)
        rest = [now() async for _ in chunks]
    assert rest == [10.5] * 4


async def test_a_refusal_has_no_content():
    """A refusal is where OpenAI puts it, in one piece and in chunks."""
    refusing = saying("text", faults=(Fault(kind="refusal"),))
    message = (await refusing.respond(wire())).body["choices"][0]["message"]
    assert message["content"] is None
    assert "can't help" in message["refusal"]
    reply = await refusing.respond(wire(stream=True))
    assert "".join([c["choices"][0]["delta"].get("refusal", "") async for c in reply.chunks]) == message["refusal"]


async def test_the_token_limit_is_kept():
    """An answer longer than `max_tokens` is cut there and says so."""
    reply = await saying("x" * 40).respond(wire(max_tokens=3))
    assert content(reply) == "x" * 12
    assert reply.body["choices"][0]["finish_reason"] == "length"
    assert reply.body["usage"]["completion_tokens"] == 3
    assert now() == 0.5 + 3 / 4


async def test_stop_texts_end_the_answer():
    """The answer ends before the first of the stop texts."""
    assert content(await saying("one two three").respond(wire(stop=["three", " two"]))) == "one"


async def test_a_price_gives_a_cost():
    """With a price the usage names the cost; without, nothing does."""
    priced = saying("x" * 40, price=Price(input=1, output=2))
    assert (await priced.respond(wire("x" * 40))).body["usage"]["cost"] == 0.00003
    assert "cost" not in (await saying("x").respond(wire())).body["usage"]


async def test_a_model_already_named_simulated_keeps_its_name():
    """The prefix is put once."""
    assert (await saying("x").respond(wire() | {"model": "simulated/m"})).body["model"] == "simulated/m"


async def test_only_the_models_of_the_scenario_exist():
    """Another model is not found; the prefix makes no difference."""
    known = saying("x", models=("openai/gpt-oss-20b",))
    assert (await known.respond(wire() | {"model": "simulated/openai/gpt-oss-20b"})).status == 200
    reply = await known.respond(wire() | {"model": "llama-3.1-8b-instant"})
    assert (reply.status, reply.body["error"]["code"]) == (404, "model_not_found")
    assert "`llama-3.1-8b-instant`" in reply.body["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "status", "code", "time"),
    [
        ("rate_limit", 429, "rate_limit_exceeded", 0),
        ("server_error", 500, "internal_error", 0.5),
        ("server_overloaded", 503, "overloaded", 0),
        ("unauthorized", 401, "invalid_api_key", 0),
        ("no_credit", 402, "insufficient_quota", 0),
        ("unknown_model", 404, "model_not_found", 0),
        ("json_validate_failed", 400, "json_validate_failed", 0.5),
        ("no_json_schema", 400, "unsupported_response_format", 0),
    ],
)
async def test_faults_with_a_status(kind, status, code, time):
    """Each fault has its status, code and time, and says that it is simulated."""
    faulty = saying("text", faults=(Fault(kind=kind),))
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    reply = await faulty.respond(wire(response_format=schema))
    assert (reply.status, reply.body["error"]["code"], now()) == (status, code, time)
    assert "(simulated)" in reply.body["error"]["message"]
    assert "retry-after" not in reply.headers
    assert ("failed_generation" in reply.body["error"]) == (kind == "json_validate_failed")


async def test_retry_after_and_status_are_the_faults():
    """A fault can ask to come back later, and have another status."""
    fault = Fault(kind="server_error", status=502, retry_after=2.5)
    reply = await saying("x", faults=(fault,)).respond(wire())
    assert (reply.status, reply.headers["retry-after"]) == (502, "2.5")


async def test_a_hanging_request_can_be_cancelled():
    """A request that hangs ends only by cancellation, and leaves nothing behind."""
    hanging = saying("x", faults=(Fault(kind="hang"),))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await hanging.respond(wire())
    assert now() == 1000
    assert hanging.statistics().in_flight == 0


async def test_a_dropped_connection_raises():
    """A drop is an exception of its own, in the midst of the work."""
    dropping = saying("x", faults=(Fault(kind="drop"),))
    with pytest.raises(ConnectionDropped, match="as its scenario says"):
        await dropping.respond(wire())
    assert now() == 0.5
    assert dropping.statistics().dropped == 1


async def test_faults_spoil_streams_too():
    """A truncated stream ends with the reason `length`."""
    reply = await saying("x" * 40, faults=(Fault(kind="truncated"),)).respond(wire(stream=True))
    chunks = [chunk async for chunk in reply.chunks]
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert len(chunks) == 2 + 5


async def test_the_rate_limit_refuses_and_tells():
    """Beyond the limit comes 429 with Retry-After and headers; after that time it goes on."""
    limited = saying("x", rate_limit=RateLimit(requests_per_minute=60, burst=1), time_to_first_token=0)
    assert (await limited.respond(wire())).status == 200
    refused = await limited.respond(wire())
    assert (refused.status, refused.body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-limit-requests"] == "60"
    await asyncio.sleep(float(refused.headers["retry-after"]))
    assert (await limited.respond(wire())).status == 200


async def test_a_request_too_large_for_the_limit():
    """What no waiting helps is 413."""
    limited = saying("x" * 400, rate_limit=RateLimit(tokens_per_minute=10))
    assert (await limited.respond(wire())).status == 413


@pytest.mark.parametrize("bad", [{}, [], None, wire(temperature=9), {"model": "m", "messages": "x"}])
async def test_bad_requests_are_400(bad):
    """What is no request is answered with 400, at once."""
    reply = await provider().respond(bad)
    assert (reply.status, reply.body["error"]["type"], now()) == (400, "invalid_request_error", 0)


async def test_a_schema_nested_beyond_reason_is_400():
    """A schema of more levels than anybody writes is a bad request."""
    schema = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    reply = await provider().respond(wire(response_format=format_))
    assert (reply.status, "nested too deeply" in reply.body["error"]["message"]) == (400, True)


def test_a_schema_that_goes_in_circles_is_400():
    """A schema that refers to itself and nothing else is a bad request."""
    schema = {"anyOf": [{"$ref": "#"}, {"type": "string"}]}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    replies = []

    def ask():
        replies.append(run(provider().respond(wire(response_format=format_))))

    # In a thread of its own: a full stack ends the tracing by which coverage is measured, thread by thread.
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert (replies[0].status, "nested too deeply" in replies[0].body["error"]["message"]) == (400, True)


async def test_the_scenarios_own_answers():
    """A rule may give text or JSON, or leave the answer to the usual behavior."""
    rules = {"text": "mine", "json": {"a": 1}, "other": None}
    own = provider(answer=lambda request: rules[request["messages"][0]["content"]])
    assert content(await own.respond(wire("text"))) == "mine"
    assert content(await own.respond(wire("json"))) == '{"a": 1}'
    assert "simulated" in content(await own.respond(wire("other")))


async def test_answers_are_the_same_every_time():
    """Two providers of one scenario answer alike."""
    first, second = [await SimulatedProvider().respond(wire("Why?")) for _ in range(2)]
    assert first == second


async def test_statistics_count():
    """Requests, answers, refusals, and how many were at work at once."""
    counted = saying("x", faults=(Fault(kind="server_error", match="bad"), Fault(kind="hang", match="hang")))
    hanging = asyncio.create_task(counted.respond(wire("hang")))
    await asyncio.gather(*(counted.respond(wire(text)) for text in ("a", "b", "bad")))
    assert counted.statistics() == Statistics(
        requests=4, answered=2, rejected=1, dropped=0, in_flight=1, peak_in_flight=4
    )
    assert counted.calls == 4
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert counted.statistics().in_flight == 0


async def test_a_stream_is_in_flight_until_it_is_closed():
    """A stream that is given up leaves nothing in flight."""
    streaming = saying("x" * 100)
    reply = await streaming.respond(wire(stream=True))
    async with aclosing(reply.chunks) as chunks:
        await anext(chunks)
        assert streaming.statistics().in_flight == 1
    assert streaming.statistics().in_flight == 0


def test_every_error_kind_has_a_shape():
    """Each fault with a status of its own has a row in the table of errors."""
    from llm_composition_patterns.simulation._scenario import ERROR_KINDS  # noqa: PLC0415

    assert ERRORS.keys() >= ERROR_KINDS


async def answered_at(simulated, *texts, **settings):
    """Send all at once; the status of each reply and when it came."""

    async def ask(text):
        reply = await simulated.respond(wire(text, **settings))
        return reply.status, now()

    return await asyncio.gather(*(ask(text) for text in texts))


ONE_SECOND = {"time_to_first_token": 0.5, "tokens_per_second": 2, "answer": lambda _: "x"}


async def test_requests_wait_for_slots():
    """Two slots, five requests of 1 s: two and two and one, in the order in which they came."""
    slots = provider(**ONE_SECOND, capacity=Capacity(slots=2))
    assert await answered_at(slots, *"abcde") == [(200, 1), (200, 1), (200, 2), (200, 2), (200, 3)]


async def test_a_full_queue_is_503():
    """Beyond slots and queue a request is turned away at once."""
    slots = provider(**ONE_SECOND, capacity=Capacity(slots=1, queue=1))
    assert await answered_at(slots, *"abc") == [(200, 1), (200, 2), (503, 0)]


async def test_a_cap_on_requests_at_once_tells_nothing_of_rates():
    """A 429 without a header, a number or a name of a rate, also where rates are limited and told."""
    capped = provider(**ONE_SECOND, capacity=Capacity(at_once=1), rate_limit=RateLimit(requests_per_minute=60))
    first, second = await asyncio.gather(capped.respond(wire()), capped.respond(wire()))
    assert (first.status, "x-ratelimit-limit-requests" in first.headers) == (200, True)
    assert (second.status, second.headers) == (429, {"x-simulated": "true"})
    assert second.body["error"]["message"] == "Too many requests. (simulated)"
    assert "rate" not in str(second.body).lower()


async def test_who_is_not_taken_uses_nothing_of_the_rate_limit():
    """A request turned away for lack of room is not counted as let through."""
    limit = RateLimit(requests_per_minute=2)
    capped = provider(**ONE_SECOND, capacity=Capacity(at_once=1), rate_limit=limit)
    assert await answered_at(capped, *"abc") == [(200, 1), (429, 0), (429, 0)]
    assert await answered_at(capped, "d") == [(200, 2)]


async def test_beyond_the_knee_everybody_is_slower():
    """Four at a knee of 2 take twice as long; a change makes it four times from then on."""
    knee = provider(**ONE_SECOND, capacity=Capacity(knee=2, changes=(Change(at=2, factor=0.5),)))
    assert await answered_at(knee, *"abcd") == [(200, 2)] * 4
    assert await answered_at(knee, *"abcd") == [(200, 6)] * 4


async def test_a_cancelled_request_leaves_its_slot():
    """Whoever gives up, at work or waiting, makes room."""
    slots = provider(**ONE_SECOND, capacity=Capacity(slots=1))
    at_work, waits, last = [asyncio.create_task(slots.respond(wire())) for _ in range(3)]
    await asyncio.sleep(0.25)
    waits.cancel()
    at_work.cancel()
    await last
    assert now() == 1.25
    assert slots.statistics().in_flight == 0


async def test_a_stream_holds_its_slot_to_its_end():
    """The next stream's first token comes when the one before has ended."""
    slots = saying("twelve chars", capacity=Capacity(slots=1))
    first, second = [await slots.respond(wire(stream=True)) for _ in range(2)]

    async def times(reply):
        return [now() async for _ in reply.chunks]

    assert await asyncio.gather(times(first), times(second)) == [[0.5, 0.5, 0.75, 1, 1.25], [1.75, 1.75, 2, 2.25, 2.5]]


async def test_a_stream_that_is_closed_leaves_its_slot():
    """Closing the chunks makes room at once."""
    slots = saying("twelve chars", capacity=Capacity(slots=1))
    reply = await slots.respond(wire(stream=True))
    await anext(reply.chunks)
    await reply.chunks.aclose()
    assert now() == 0.5
    await slots.respond(wire())
    assert now() == 0.5 + 1.25


async def test_a_stream_that_is_closed_unread_leaves_its_slot():
    """Closing the chunks gives up also when not one of them was awaited."""
    simulated = saying("hi", capacity=Capacity(slots=1), time_to_first_token=10)
    reply = await simulated.respond(wire(stream=True))
    await reply.chunks.aclose()
    await simulated.respond(wire())
    assert now() == 10.25
    assert simulated.statistics().in_flight == 0


async def test_a_stream_gets_slower_with_the_server():
    """Tokens come at the speed of their moment: a second stream at a knee of 1 halves it."""
    knee = saying("x" * 16, capacity=Capacity(knee=1))
    reply = await knee.respond(wire(stream=True))
    first = [await anext(reply.chunks), now()]
    other = await knee.respond(wire(stream=True))
    times = [now() async for _ in reply.chunks]
    await other.chunks.aclose()
    assert first[1] == 0.5
    assert times == [0.5, 1, 1.5, 2, 2.5]


async def test_faults_at_work_take_a_slot():
    """An error that comes when the first token would waits for a slot like an answer."""
    slots = provider(
        **ONE_SECOND,
        capacity=Capacity(slots=1, queue=1),
        faults=(Fault(kind="server_error", match="bad"), Fault(kind="hang", match="hang")),
    )
    hanging = asyncio.create_task(slots.respond(wire("hang")))
    assert await answered_at(slots, "good", "bad", "bad") == [(200, 1), (500, 1.5), (503, 0)]
    hanging.cancel()


async def test_an_outage_has_a_beginning_and_an_end():
    """Requests that come from 10 s to 20 s after the first are turned away at once; others are not touched."""
    down = provider(**ONE_SECOND, faults=(Fault(kind="server_overloaded", after=10, until=20),))
    await asyncio.sleep(5)
    seen = []
    for _ in range(20):
        start = now()
        ((status, end),) = await answered_at(down, "a")
        seen.append((start - 5, status, end - start))
        await asyncio.sleep(start + 1.25 - now())
    assert [seconds for start, _, seconds in seen if 10 <= start < 20] == [0] * 8
    assert {status for start, status, _ in seen if 10 <= start < 20} == {503}
    assert {status for start, status, _ in seen if not 10 <= start < 20} == {200}


async def test_a_straggler_takes_its_factor_longer():
    """It is answered rightly, so much later."""
    late = provider(**ONE_SECOND, faults=(Fault(kind="straggler", match="slow"), Fault(kind="straggler", factor=3)))
    assert await answered_at(late, "slow", "other") == [(200, 20), (200, 3)]


async def test_a_refusal_inside_status_200_is_counted_as_one():
    """A gateway's 200 with an error in it is a rejection."""
    limit = RateLimit(requests_per_minute=1, dialect="openrouter", in_body=True)
    gateway = provider(**ONE_SECOND, rate_limit=limit)
    assert await answered_at(gateway, "a") == [(200, 1)]
    refused = await gateway.respond(wire())
    assert (refused.status, refused.body["error"]["code"]) == (200, 429)
    assert (gateway.statistics().answered, gateway.statistics().rejected) == (1, 1)


def test_every_loop_has_a_machine_of_its_own():
    """What one loop left unfinished does not hold up the next."""
    slots = provider(**ONE_SECOND, capacity=Capacity(slots=1))

    async def unfinished():
        reply = await slots.respond(wire(stream=True))
        assert reply.status == 200

    run(unfinished())
    assert run(answered_at(slots, "a")) == [(200, 1)]


@pytest.mark.parametrize("dialect", ["openrouter", "anthropic"])
async def test_resets_by_date_are_exact(dialect):
    """Who tells a time by the date tells the loop's, and who reads it reads the same."""
    simulated = saying("hi", rate_limit=RateLimit(requests_per_minute=1, dialect=dialect))
    await simulated.respond(wire())
    refused = await simulated.respond(wire())
    headers = {**refused.headers, **refused.body["error"].get("metadata", {"headers": {}})["headers"]}
    assert [reading.reset for reading in read_refusal("", headers).readings] == [59.25]
