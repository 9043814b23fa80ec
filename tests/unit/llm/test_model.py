"""A connected model: attempts, permits, timeouts, retries, usage, cancellation."""

import asyncio
import traceback
from decimal import Decimal

import pytest
from scripted import KEY, ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns import runs
from llm_composition_patterns.errors import (
    AuthenticationFailed,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    Refused,
    UnknownModel,
)
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.llm import Price
from llm_composition_patterns.runs import track

NAME = "groq:openai/gpt-oss-20b"


async def test_a_completion_tells_text_usage_and_cost():
    """What came back, what it used and what it cost, by the model's name."""
    async with model_over(ScriptedEndpoint(completion("hola", tokens=(1_000_000, 2_000_000)))) as model:
        answer = await model.complete("hello")
    assert (answer.text, answer.model, answer.finish_reason, answer.attempts) == ("hola", NAME, "stop", 1)
    assert (answer.usage.calls, answer.usage.input_tokens, answer.usage.output_tokens) == (1, 1_000_000, 2_000_000)
    assert answer.cost_source == "genai-prices"
    assert answer.cost == answer.usage.by_model[NAME].cost == Decimal("0.675")


async def test_a_conversation_is_sent_as_it_is():
    """Messages and settings go to the wire."""
    endpoint = ScriptedEndpoint()
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    async with model_over(endpoint) as model:
        await model.complete(messages, temperature=0.2, max_tokens=50)
    assert endpoint.bodies == [
        {
            "model": "openai/gpt-oss-20b",
            "messages": messages,
            "temperature": 0.2,
            "max_completion_tokens": 50,
            "reasoning_effort": "low",
        }
    ]


async def test_a_failure_of_the_provider_is_tried_again_after_a_backoff():
    """Half a second, then twice as much each time; the completion counts the retries."""
    endpoint = ScriptedEndpoint(refusal(500), refusal(502), ConnectionError("reset"), completion())
    async with model_over(endpoint) as model:
        answer = await model.complete("hello")
    assert endpoint.times == [0, 0.5, 1.5, 3.5]
    assert (answer.attempts, answer.usage.calls, answer.usage.retries) == (4, 1, 3)


async def test_attempts_are_counted_and_then_the_error_is_raised():
    """Four attempts mean four; the error carries them, the status and the usage."""
    endpoint = ScriptedEndpoint(refusal(503, "overloaded"))
    async with model_over(endpoint, attempts=4) as model:
        with pytest.raises(ModelUnavailable, match=r"overloaded. Tried 4 times$") as caught:
            await model.complete("hello")
    assert len(endpoint.bodies) == 4
    error = caught.value
    assert (error.model, error.status, error.attempts, error.usage.attempts) == (NAME, 503, 4, 4)
    assert error.usage.cost == 0


async def test_the_first_refusal_by_a_rate_limit_costs_no_attempt():
    """With two attempts, two refusals can be borne and the third is the last."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "2"}))
    async with model_over(endpoint, attempts=2) as model:
        with pytest.raises(RateLimited, match=r"Tried 3 times\. Let calls be tried more often") as caught:
            await model.complete("hello")
    assert caught.value.retry_after == 2
    assert len(endpoint.bodies) == 3


async def test_retry_after_is_honored():
    """The next attempt comes at the time that the provider named."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "7"}), completion())
    async with model_over(endpoint) as model:
        await model.complete("hello")
    assert endpoint.times == [0, 7]


async def test_a_call_held_up_too_long_without_any_acceptance_fails():
    """When the next wait would end after `max_rate_limit_wait` without an acceptance; attempts left do not matter."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "50"}))
    async with model_over(endpoint, attempts=9) as model:
        with pytest.raises(RateLimited, match="asks to wait 50 s after 100 s in which it accepted no call; max_rate_"):
            await model.complete("hello")
    assert endpoint.times == [0, 50, 100]
    assert asyncio.get_running_loop().time() == 100


async def test_acceptance_of_others_keeps_a_held_up_call_going():
    """While the limiter sees accepted calls, a refused one that waits by itself goes on waiting."""
    script = [refusal(429, headers={"retry-after": "50"})] * 4 + [completion()]
    endpoint = ScriptedEndpoint(lambda body: script.pop(0) if "unlucky" in str(body) else completion())

    async def others():
        while script:
            await model.complete("lucky")
            await asyncio.sleep(30)

    async with model_over(endpoint, attempts=9, concurrency=Limiter(fixed=9)) as model:
        answer, _ = await asyncio.gather(model.complete("unlucky"), others())
    assert (answer.attempts, script) == (5, [])


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, ModelUnavailable)])
async def test_a_wish_beyond_the_wait_fails_at_once(status, error):
    """A provider that asks for an hour is not waited for, whatever its reason."""
    endpoint = ScriptedEndpoint(refusal(status, headers={"retry-after": "3600"}))
    async with model_over(endpoint) as model:
        with pytest.raises(error, match="asks to wait 3600 s") as caught:
            await model.complete("hello")
    assert caught.value.retry_after == 3600
    assert asyncio.get_running_loop().time() == 0


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(401), AuthenticationFailed),
        (refusal(404, code="model_not_found"), UnknownModel),
        (refusal(400), ModelError),
        (completion(message={"refusal": "I will not"}), Refused),
    ],
)
async def test_what_no_repetition_mends_is_not_repeated(reply, error):
    """One attempt, and the error at once."""
    endpoint = ScriptedEndpoint(reply)
    async with model_over(endpoint) as model:
        with pytest.raises(error) as caught:
            await model.complete("hello")
    assert len(endpoint.bodies) == caught.value.attempts == 1
    assert "Tried" not in str(caught.value)


async def test_an_attempt_ends_at_its_timeout():
    """A hanging attempt is given up, tried again, and fails as ModelTimeout; what it cost is unknown."""
    endpoint = ScriptedEndpoint((999, completion()))
    async with model_over(endpoint, timeout=10, attempts=2) as model:
        with pytest.raises(ModelTimeout, match="no answer within 10 s") as caught:
            await model.complete("hello")
    assert endpoint.times == [0, 10.5]
    assert caught.value.usage.unpriced == 2
    assert caught.value.usage.cost is None
    assert isinstance(caught.value, TimeoutError)


async def test_the_timeout_starts_with_the_permit():
    """Waiting for a permit does not use up an attempt's time."""
    endpoint = ScriptedEndpoint((6, completion()))
    async with model_over(endpoint, timeout=10, concurrency=1) as model:
        answers = await asyncio.gather(*(model.complete("hello") for _ in range(3)))
    assert [answer.attempts for answer in answers] == [1, 1, 1]
    assert asyncio.get_running_loop().time() == 18


async def test_no_permit_is_held_between_attempts():
    """While one call waits to try again, another uses its place."""
    endpoint = ScriptedEndpoint(refusal(503, headers={"retry-after": "10"}), (4, completion()))
    async with model_over(endpoint, concurrency=1) as model:
        await asyncio.gather(model.complete("first"), model.complete("second"))
    assert endpoint.times == [0, 0, 10]
    assert endpoint.peak == 1


async def test_a_limiter_of_the_users_own_is_used():
    """Two models given the same limiter are bounded together."""
    limiter, endpoint = Limiter(fixed=1), ScriptedEndpoint((1, completion()))
    async with model_over(endpoint, concurrency=limiter) as one, model_over(endpoint, concurrency=limiter) as other:
        await asyncio.gather(one.complete("a"), other.complete("b"))
    assert endpoint.peak == 1
    assert limiter.accepted == 2


async def test_what_was_not_answered_was_not_accepted():
    """A 429 is no acceptance, nor is a failure; an answer is."""
    limiter = Limiter()
    endpoint = ScriptedEndpoint(refusal(429), refusal(500), completion())
    async with model_over(endpoint, concurrency=limiter) as model:
        await model.complete("hello")
    assert limiter.accepted == 1


async def test_failed_attempts_are_accounted_too():
    """A run sees every attempt, that of a call that failed included."""
    endpoint = ScriptedEndpoint(completion(), refusal(500), refusal(401))
    async with track("run") as tracked, model_over(endpoint) as model:
        await model.complete("one")
        with pytest.raises(AuthenticationFailed):
            await model.complete("two")
    assert (tracked.usage.calls, tracked.usage.retries) == (2, 1)
    assert tracked.usage.by_model[NAME].attempts == 3


async def test_a_cancelled_attempt_leaves_nothing_behind():
    """The permit is back, and the account knows of a call whose cost is unknown."""
    endpoint = ScriptedEndpoint((999, completion()))
    limiter = Limiter()
    async with track("run") as tracked, model_over(endpoint, concurrency=limiter) as model:
        task = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (limiter.statistics().in_flight, endpoint.in_flight) == (0, 0)
    assert (tracked.usage.calls, tracked.usage.unpriced) == (1, 1)


async def test_a_call_cancelled_while_it_waits_to_try_again_ends_at_once():
    """No permit is held and nothing is sent any more."""
    endpoint = ScriptedEndpoint(refusal(503, headers={"retry-after": "100"}))
    async with model_over(endpoint) as model:
        task = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(1)
        assert model.statistics().in_flight == 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(endpoint.bodies) == 1


async def test_what_was_never_sent_cost_nothing():
    """A refused connection has a known cost: none."""
    endpoint = ScriptedEndpoint(ConnectionRefusedError("refused"))
    async with model_over(endpoint, attempts=1) as model:
        with pytest.raises(ModelUnavailable, match="could not be reached") as caught:
            await model.complete("hello")
    assert caught.value.usage.cost == 0
    assert "Tried once" in str(caught.value)


async def test_a_lost_connection_has_an_unknown_cost():
    """The provider may have worked for it."""
    async with model_over(ScriptedEndpoint(ConnectionError("reset")), attempts=1) as model:
        with pytest.raises(ModelUnavailable, match="dropped the connection") as caught:
            await model.complete("hello")
    assert caught.value.usage.unpriced == 1


async def test_the_users_price_comes_before_the_list():
    """A given price is used, and its source said."""
    endpoint = ScriptedEndpoint(completion(tokens=(1_000_000, 1_000_000)))
    async with model_over(endpoint, price=Price(input=1, output=2.5)) as model:
        answer = await model.complete("hello")
    assert (answer.cost, answer.cost_source) == (Decimal("3.5"), "user")


async def test_the_providers_own_figure_comes_first():
    """`usage.cost` overrules every price."""
    endpoint = ScriptedEndpoint(completion(usage={"cost": 0.0123}))
    async with model_over(endpoint, price=Price(input=1, output=1)) as model:
        answer = await model.complete("hello")
    assert (answer.cost, answer.cost_source) == (Decimal("0.0123"), "provider")


async def test_an_unknown_price_is_no_zero():
    """Without any price the cost is None."""
    async with model_over(ScriptedEndpoint(), "groq:house/model") as model:
        answer = await model.complete("hello")
    assert (answer.cost, answer.cost_source, answer.usage.unpriced) == (None, "unknown", 1)


async def test_an_answer_without_usage_has_an_unknown_cost():
    """Tokens that nobody counted cannot be priced."""
    async with model_over(ScriptedEndpoint(completion(tokens=None))) as model:
        answer = await model.complete("hello")
    assert (answer.cost, answer.usage.unpriced) == (None, 1)


@pytest.mark.parametrize("name", ["groq:openai/gpt-oss-20b", "vllm:m", "simulated:m"])
async def test_a_simulated_answer_is_called_so(name):
    """By its model's name, and in the usage, whoever was asked; an attempt without an answer keeps the name asked."""
    endpoint = ScriptedEndpoint(refusal(500), completion(model="simulated/m"))
    async with track("run") as tracked, model_over(endpoint, name) as model:
        answer = await model.complete("hello")
    provider = name.partition(":")[0]
    assert answer.model == f"{provider}:simulated/m"
    assert (answer.cost, answer.cost_source) == (0, "simulated")
    assert tracked.usage.by_model[answer.model].output_tokens == 5
    assert set(tracked.usage.by_model) == {model.name, answer.model}


async def test_local_calls_cost_nothing_and_say_why():
    """A server of one's own is free, even where an attempt was lost."""
    endpoint = ScriptedEndpoint(ConnectionError("reset"), completion())
    async with model_over(endpoint, "ollama:qwen3:8b") as model:
        answer = await model.complete("hello")
    assert (answer.cost, answer.cost_source) == (0, "local")


async def test_garbage_is_tried_again_and_ends_in_a_model_error():
    """A reply that is no completion is the provider's failure."""
    endpoint = ScriptedEndpoint(completion(choices=[]))
    async with model_over(endpoint, attempts=2) as model:
        with pytest.raises(ModelUnavailable, match="no chat completion"):
            await model.complete("hello")
    assert len(endpoint.bodies) == 2


async def test_streamed_pieces_reach_the_caller():
    """`on_text` gets each piece, and the completion is whole."""

    def stream(body, on_text):
        on_text("hel")
        on_text("lo")
        return completion("hello")

    pieces, endpoint = [], ScriptedEndpoint(stream)
    async with model_over(endpoint) as model:
        answer = await model.complete("hello", on_text=pieces.append)
    assert (pieces, answer.text) == (["hel", "lo"], "hello")
    assert endpoint.bodies[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("error", [ValueError("mine"), TimeoutError("mine"), ConnectionError("mine"), OSError("mine")])
async def test_a_callback_that_raises_is_no_failure_of_the_provider(error):
    """Its own error comes out, and nothing is tried again."""

    def stream(body, on_text):
        on_text("hel")

    def broken(piece):
        raise error

    endpoint = ScriptedEndpoint(stream)
    async with model_over(endpoint) as model:
        with pytest.raises(type(error), match="mine") as caught:
            await model.complete("hello", on_text=broken)
    assert caught.value is error
    assert len(endpoint.bodies) == 1


async def test_a_stream_that_was_shown_is_not_started_again():
    """Text that the caller has seen cannot be taken back."""

    def stream(body, on_text):
        on_text("hel")
        return ConnectionError("reset")

    endpoint = ScriptedEndpoint(stream)
    async with model_over(endpoint) as model:
        with pytest.raises(ModelUnavailable):
            await model.complete("hello", on_text=[].append)
    assert len(endpoint.bodies) == 1


async def test_calls_outside_the_context_are_refused():
    """Before it is opened, and after it is closed."""
    model = model_over(ScriptedEndpoint())
    with pytest.raises(RuntimeError, match="is not open: call it inside `async with"):
        await model.complete("hello")
    assert model.statistics() is None
    async with model:
        assert repr(model) == f"<model {NAME}, open>"
    with pytest.raises(RuntimeError, match="is closed"):
        await model.complete("hello")


async def test_a_model_is_opened_once():
    """One client, opened once, closed once."""
    model = model_over(ScriptedEndpoint())
    async with model:
        with pytest.raises(RuntimeError, match="is open: call `connect` again"):
            await model.__aenter__()


async def test_an_empty_conversation_is_refused():
    """There is nothing to answer."""
    async with model_over(ScriptedEndpoint()) as model:
        with pytest.raises(ValueError, match="at least one message"):
            await model.complete([])


async def test_a_setting_that_the_provider_refuses_is_left_out_from_then_on():
    """It costs one request, once."""
    refused = refusal(400, "Unsupported parameter: 'temperature'", param="temperature", code="unsupported_parameter")
    endpoint = ScriptedEndpoint(refused, completion())
    async with model_over(endpoint) as model:
        await model.complete("one", temperature=0.5)
        await model.complete("two", temperature=0.5)
    assert ["temperature" in body for body in endpoint.bodies] == [True, False, False]


async def test_a_provider_that_refuses_everything_is_not_asked_for_ever():
    """A refusal that leaving out does not mend is the caller's error."""
    endpoint = ScriptedEndpoint(refusal(400, "seed is not supported", param="seed"))
    async with model_over(endpoint) as model:
        with pytest.raises(ModelError, match="does not take seed"):
            await model.complete("one", seed=5)
    assert len(endpoint.bodies) == 2


async def test_other_words_for_the_token_limit_are_tried():
    """A server that knows only the newer or the older name of `max_tokens` gets that one."""
    refused = refusal(400, "Use 'max_completion_tokens' instead.", param="max_tokens", code="unsupported_parameter")
    endpoint = ScriptedEndpoint(refused, completion())
    async with model_over(endpoint, "openrouter:x/y") as model:
        await model.complete("one", max_tokens=5)
    assert [sorted(body.keys() - {"model", "messages"}) for body in endpoint.bodies] == [
        ["max_tokens"],
        ["max_completion_tokens"],
    ]


async def test_the_key_is_nowhere_to_be_seen():
    """Not in the model, not in an error whose provider repeats it, not in its chain."""
    endpoint = ScriptedEndpoint(refusal(401, f"Incorrect API key provided: {KEY}"))
    async with model_over(endpoint) as model:
        assert KEY not in repr(model) + str(vars(model)["_address"])
        with pytest.raises(AuthenticationFailed, match=r"provided: \[key\]") as caught:
            await model.complete("hello")
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown + repr(caught.value) + repr(vars(caught.value))


async def test_usage_reaches_every_scope_around():
    """A branch's account and the run's both see the call."""
    async with track("run") as tracked, model_over(ScriptedEndpoint()) as model:
        branch = runs.Account(runs.current_account.get())
        runs.current_account.set(branch)
        await model.complete("hello")
        runs.current_account.set(branch.parent)
    assert branch.usage.calls == tracked.usage.calls == 1


async def test_a_call_that_is_cut_off_while_it_tries_again_says_what_failed():
    """Who runs out of time between two attempts learns of the last failure from a note."""
    async with model_over(ScriptedEndpoint(refusal(503, "overloaded")), attempts=9) as model:
        calling = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(2)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await calling
    assert caught.value.__notes__ == [f"after 3 attempts, the last failure: {NAME} failed (HTTP 503): overloaded"]


async def test_a_call_that_is_cut_off_in_its_first_attempt_has_nothing_to_say():
    """Without a failure there is no note."""
    async with model_over(ScriptedEndpoint((10, completion()))) as model:
        calling = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(2)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await calling
    assert not hasattr(caught.value, "__notes__")


def test_a_model_stays_on_the_event_loop_that_opened_it():
    """Its connections cannot be used on another one: that is said, before anything is sent."""
    endpoint = ScriptedEndpoint()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        model = first.run(model_over(endpoint).__aenter__())
        with pytest.raises(RuntimeError, match=rf"^{NAME} was opened on another event loop: `connect` again"):
            second.run(model.complete("hello"))
        first.run(model.__aexit__(None, None, None))
    assert endpoint.bodies == []


@pytest.mark.parametrize("on_text", ["print", asyncio.sleep])
async def test_what_shows_text_is_checked_before_the_call(on_text):
    """A name, or an async function, shows nothing."""
    endpoint = ScriptedEndpoint()
    async with model_over(endpoint) as model:
        with pytest.raises(TypeError, match="on_text is a plain function"):
            await model.complete("hello", on_text=on_text)
    assert endpoint.bodies == []
