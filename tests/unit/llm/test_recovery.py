"""Calls that were refused or failed: nobody starves, outages are sat out, bad requests hold nobody up."""

import asyncio
import contextlib
import dataclasses
import itertools
import math

import pytest
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.errors import ModelError, ModelUnavailable, RateLimited
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.llm import connect
from llm_composition_patterns.llm._endpoint import Reply
from llm_composition_patterns.llm._simulated import SimulatedEndpoint
from llm_composition_patterns.simulation import Capacity, Fault, RateLimit, Scenario

A_SECOND = Scenario(time_to_first_token=1.0, tokens_per_second=float("inf"), spread=0.0)
_seeds = itertools.count(1000)


async def outcomes_of(count, scenario, **settings):
    """Many calls at once to a provider of this scenario that nobody called before: answers, or errors."""
    fresh = dataclasses.replace(scenario, seed=next(_seeds))
    async with connect("simulated:", scenario=fresh, **settings) as model:
        calls = (model.complete(f"call {number}") for number in range(count))
        return await asyncio.gather(*calls, return_exceptions=True)


def failed(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


# Refusals


@pytest.mark.parametrize("latency", [0.2, 5.0])
@pytest.mark.parametrize("retry_after", [True, False])
@pytest.mark.parametrize("dialect", ["groq", "openai", "none"])
async def test_no_call_of_one_job_starves(dialect, retry_after, latency):
    """21 calls at once, where 5 and then one a second are let through: all are answered."""
    limit = RateLimit(requests_per_minute=60, burst=5, dialect=dialect, retry_after=retry_after)
    outcomes = await outcomes_of(21, Scenario(time_to_first_token=latency, rate_limit=limit))
    assert not failed(outcomes)
    least = 16 + latency
    assert asyncio.get_running_loop().time() < least + (6 if retry_after or dialect != "none" else 25)


async def test_a_refused_call_waits_at_the_limiter_and_holds_everybody():
    """Nobody calls before the time that the provider named, and the refused call goes first."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "10"}), (1, completion()))
    limiter = Limiter()
    async with model_over(endpoint, concurrency=limiter) as model:
        first = asyncio.create_task(model.complete("first"))
        await asyncio.sleep(1)
        second = asyncio.create_task(model.complete("second"))
        await asyncio.sleep(1)
        assert limiter.statistics().waiting_by_reason == {"retry_after": 2}
        await asyncio.gather(first, second)
    assert endpoint.times[1] >= 10
    assert endpoint.bodies[1]["messages"][0]["content"] == "first"


class Window:
    """So many requests in so many seconds, all back at once; the headers say how many are left and when that is."""

    def __init__(self, limit, seconds, rounded):
        self.limit, self.seconds, self.rounded = limit, seconds, rounded
        self.number, self.used = -1, 0

    def __call__(self, _):
        now = asyncio.get_running_loop().time()
        if now // self.seconds != self.number:
            self.number, self.used = now // self.seconds, 0
        accepted = self.used < self.limit
        self.used += accepted
        shown = {"limit": self.limit, "remaining": self.limit - self.used}
        headers = {f"x-ratelimit-{name}-requests": str(value) for name, value in shown.items()}
        headers["x-ratelimit-reset-requests"] = f"{self.rounded(self.seconds - now % self.seconds)}s"
        return completion(headers=headers) if accepted else refusal(429, "Too many requests", headers=headers)


@pytest.mark.parametrize(
    ("limit", "seconds", "rounded", "most", "refused"),
    [
        (20, 10.0, math.ceil, 21.0, 0),
        (20, 10.0, math.floor, 21.0, 20),
        (10, 1.0, math.ceil, 3.0, 7),
        (10, 1.0, math.floor, 4.0, 35),
    ],
)
async def test_nobody_calls_before_the_reset_that_headers_showed(limit, seconds, rounded, most, refused):
    """Windows that only headers tell of: no call is lost, no window left out, and few are refused that know an end."""
    endpoint = ScriptedEndpoint((0.05, Window(limit, seconds, rounded)))
    async with model_over(endpoint, concurrency=Limiter()) as model:
        await asyncio.gather(*(model.complete(f"call {number}") for number in range(3 * limit)))
    assert asyncio.get_running_loop().time() <= most
    assert len(endpoint.times) <= 3 * limit + refused


async def test_a_limit_of_a_day_fails_at_once():
    """Waiting as for a minute's is no use, and the message says what is."""
    said = "Rate limit reached on requests per day (RPD): Limit 1000, Used 1000, Requested 1."
    endpoint = ScriptedEndpoint(refusal(429, said, headers={"retry-after": "60"}))
    async with model_over(endpoint) as model:
        with pytest.raises(RateLimited, match=r"a limit of a day or longer.* Go on when it is reset"):
            await model.complete("hello")
    assert endpoint.times == [0]


async def test_a_request_larger_than_the_limit_fails_at_once():
    """No waiting makes it smaller."""
    said = "Request too large on tokens per minute (TPM): Limit 8000, Requested 9000."
    endpoint = ScriptedEndpoint(refusal(429, said))
    async with model_over(endpoint) as model:
        with pytest.raises(RateLimited, match=r"larger than the limit.* Send less in one request"):
            await model.complete("hello")
    assert endpoint.times == [0]


SLOW = {"limit": "10", "remaining": "0", "reset": "80000s"}
HOUR = {"retry-after": "3600"}
RATE, FIXED = {"retry-after": "50"}, Limiter(fixed=9)


@pytest.mark.parametrize(
    ("told", "settings", "mends"),
    [
        ((429, "Too many concurrent requests"), {}, "Let fewer calls be in flight (`concurrency`)"),
        ((429,), {}, "Let calls be tried more often (`attempts`)"),
        ((429,), {"concurrency": FIXED}, "Let fewer calls be in flight (`concurrency`)"),
        ((429, "no", RATE), {"attempts": 1}, "Let calls be tried more often (`attempts`)"),
        ((429, "no", RATE), {"max_rate_limit_wait": 20}, "Let calls wait for longer (`max_rate_limit_wait`)"),
        ((429, "no", RATE), {"attempts": 9}, "Let calls wait for longer (`max_rate_limit_wait`)"),
        (
            (429, "no", RATE),
            {"concurrency": FIXED},
            'Let the limiter keep to the rate (`concurrency="auto"`)',
        ),
    ],
)
async def test_a_refusal_tells_what_mends_it(told, settings, mends):
    """Fewer calls in flight are no help against a rate, and no wait is one against a cap."""
    status, *message, headers = (*told, None) if len(told) < 3 else told
    async with model_over(ScriptedEndpoint(refusal(status, *message, headers=headers)), **settings) as model:
        with pytest.raises(RateLimited) as caught:
            await model.complete("hello")
    assert str(caught.value).endswith(f". {mends}, or have the provider raise the limit")


async def test_a_rate_of_ones_own_that_lets_nobody_through_in_time_is_told():
    """With the time until the next call fits; the provider asked for nothing, and cannot raise it."""
    async with model_over(ScriptedEndpoint(), concurrency=Limiter(requests_per_minute=0.1)) as model:
        await model.complete("hello")
        with pytest.raises(RateLimited) as caught:
            await model.complete("hello")
    assert str(caught.value) == (
        "groq:openai/gpt-oss-20b was not called, because the rate that its `Limiter` was given lets nobody through. "
        "The next call fits in 600 s; max_rate_limit_wait is 120 s. Let calls wait for longer "
        "(`max_rate_limit_wait`), or give the `Limiter` more `requests_per_minute` or `tokens_per_minute`"
    )
    assert caught.value.retry_after is None
    assert asyncio.get_running_loop().time() == 0


async def test_a_rate_that_was_learned_and_lets_nobody_through_in_time_is_told():
    """For as long as it lasts by what is known, once a call that was sent to see was refused."""
    headers = {f"x-ratelimit-{name}-requests": value for name, value in SLOW.items()}
    endpoint = ScriptedEndpoint(completion(headers=headers), refusal(429))
    async with model_over(endpoint, concurrency=Limiter()) as model:
        await model.complete("hello")
        with pytest.raises(
            RateLimited, match=r"As far as its replies tell, the next call fits in [89]\d{3} s; max_"
        ) as caught:
            await model.complete("hello")
    assert endpoint.times == [0, 1]
    assert caught.value.retry_after is None


async def test_a_header_that_every_answer_contradicts_is_not_believed():
    """Nothing is left until tomorrow, says each of 150 answers."""
    headers = {f"x-ratelimit-{name}-requests": value for name, value in SLOW.items()}
    async with model_over(ScriptedEndpoint((0.5, completion(headers=headers)))) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(150)))
    assert asyncio.get_running_loop().time() < 10


async def test_those_behind_a_refused_call_are_told_what_it_was_asked():
    """Two hours, though one call will be sent after ten minutes, to see."""
    endpoint = ScriptedEndpoint((1, refusal(429, headers={"retry-after": "7200"})))
    async with model_over(endpoint, concurrency=Limiter(max=1)) as model:
        calls = (model.complete("hello") for _ in range(3))
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert ["It asks to wait 7200 s; max_rate_limit_wait is 120 s" in str(error) for error in errors] == [True] * 3
    assert [error.retry_after for error in errors] == [7200] * 3


async def test_one_is_told_what_it_was_asked_last():
    """It bore the first wish, but not the one that another's refusal brought."""
    endpoint = ScriptedEndpoint((1, refusal(429, headers=HOUR)), refusal(429, headers=RATE))
    async with model_over(endpoint) as model:
        calls = (model.complete(said) for said in ("late", "early"))
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert endpoint.times == [0, 0]
    assert ["asks to wait 3600 s" in str(error) for error in errors] == [True, True]
    assert [error.retry_after for error in errors] == [3600, 3600]


async def test_refusals_while_others_are_taken_cost_no_attempt():
    """One that is unlucky six times is answered in the end, with two attempts of its own."""
    refusals = itertools.count()

    def reply(body):
        return refusal(429) if "unlucky" in str(body) and next(refusals) < 6 else completion()

    async def others(model):
        while True:
            await model.complete("lucky")
            await asyncio.sleep(0.1)

    async with model_over(ScriptedEndpoint(reply), attempts=2) as model:
        other = asyncio.create_task(others(model))
        answer = await model.complete("unlucky")
        other.cancel()
    assert answer.attempts == 7


async def test_a_call_that_was_never_let_through_says_so():
    """It was not refused itself; the pause after another one's refusal was followed by the next."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "100"}))
    async with model_over(endpoint, max_rate_limit_wait=120) as model:
        first = asyncio.create_task(model.complete("first"))
        await asyncio.sleep(1)
        with pytest.raises(RateLimited, match=r"was not called.* asks to wait 100 s after .* max_rate") as caught:
            await model.complete("second")
        with pytest.raises(RateLimited):
            await first
    assert caught.value.attempts in {0, 1}


async def test_an_acceptance_gives_back_the_patience_that_refusals_have_used_up():
    """One that was refused for 52 s bears another 100 s when somebody's call was accepted in the meantime."""
    clock = asyncio.get_running_loop().time
    seconds = {"accepted": 60, "refused": 61, "stuck": 0}

    class Provider:
        async def send(self, body, **_):
            said = body["messages"][0]["content"]
            await asyncio.sleep(seconds[said] if clock() < 1 else 0)
            wish = "100" if said == "refused" else "50"
            return refusal(429, headers={"retry-after": wish}) if said != "accepted" and clock() < 62 else completion()

    async with model_over(Provider(), timeout=300) as model:
        await asyncio.gather(*(model.complete(said) for said in ("accepted", "refused", "stuck")))
    assert 161 <= clock() <= 161 + 0.05 * 100


async def test_a_call_that_gave_up_after_all_keeps_what_it_was_asked():
    """Another was in flight until then; the error tells its last refusal."""
    endpoint = ScriptedEndpoint((999, completion()), refusal(429, headers={"retry-after": "100"}))
    async with model_over(endpoint, timeout=999) as model:
        other = asyncio.create_task(model.complete("other"))
        await asyncio.sleep(0)
        with pytest.raises(RateLimited, match="It accepted no call for 120 s") as caught:
            await model.complete("hello")
        other.cancel()
    assert caught.value.retry_after == 100
    assert asyncio.get_running_loop().time() == 120


async def test_calls_that_would_wait_for_too_long_fail_with_the_refused_one():
    """All at once, with one line each; those that bear the wait are answered after it."""
    endpoint = ScriptedEndpoint((1, refusal(429, headers={"retry-after": "50"})), completion())
    limiter = Limiter(max=1)
    impatient = model_over(endpoint, max_rate_limit_wait=20, concurrency=limiter)
    patient = model_over(endpoint, max_rate_limit_wait=50, concurrency=limiter)
    async with impatient, patient:
        waiting = asyncio.gather(*(impatient.complete("hello") for _ in range(9)), return_exceptions=True)
        borne = asyncio.create_task(patient.complete("hello"))
        outcomes = await waiting
        assert asyncio.get_running_loop().time() == 1
        assert [type(outcome) for outcome in outcomes] == [RateLimited] * 9
        assert all("It asks to wait 50 s; max_rate_limit_wait is 20 s" in str(outcome) for outcome in outcomes)
        assert [outcome.retry_after for outcome in outcomes] == [50] * 9
        await borne
    assert 51 <= asyncio.get_running_loop().time() <= 51 + 0.05 * 50


async def test_a_refusal_that_tells_nothing_is_followed_by_a_backoff():
    """It brings no pause, so the call itself takes its time, from the second one on."""
    endpoint = ScriptedEndpoint(refusal(429), refusal(429), refusal(429), completion())
    async with model_over(endpoint) as model:
        await model.complete("hello")
    assert endpoint.times == [0, 0, 1, 3]


async def test_refusals_of_everything_that_tell_nothing_leave_no_trace():
    """For 2 s in the middle of a job every call is refused: that was no cap, and costs little more than the 2 s."""
    clock = asyncio.get_running_loop().time

    class Busy:
        async def send(self, *_, **__):
            if 1 <= clock() < 3:
                return refusal(429)
            await asyncio.sleep(0.5)
            return completion()

    async with model_over(Busy()) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(1000)))
    assert round(clock(), 3) == 12.444


async def test_a_single_call_that_is_refused_at_first_slows_hardly_anybody_down():
    """It was the only one, so not one too many; a rate that it may be a sign of is hardly felt."""
    clock = asyncio.get_running_loop().time
    async with model_over(ScriptedEndpoint((1, refusal(429)), (1, completion()))) as model:
        await model.complete("hello")
        began = clock()
        await asyncio.gather(*(model.complete("hello") for _ in range(1000)))
    assert clock() - began == 5


async def test_a_fixed_limiter_leaves_the_waiting_to_the_call():
    """Nothing is learned, nobody else is held: the call waits by itself as long as it is asked to."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "10"}), completion())
    async with model_over(endpoint, concurrency=Limiter(fixed=1)) as model:
        await asyncio.gather(model.complete("first"), model.complete("second"))
    assert endpoint.times == [0, 0, 10]


async def test_a_fixed_limiters_call_bears_no_more_either():
    """It is held up by its own waiting, and gives up after as long."""
    endpoint = ScriptedEndpoint(refusal(429, headers={"retry-after": "50"}))
    async with model_over(endpoint, attempts=9, concurrency=Limiter(fixed=1)) as model:
        with pytest.raises(RateLimited, match="accepted no call for 120 s"):
            await model.complete("hello")
    assert endpoint.times == [0, 50, 100]
    assert asyncio.get_running_loop().time() == 120


async def test_a_call_refused_when_its_time_is_over_gives_up_at_once():
    """Though it has attempts left."""
    endpoint = ScriptedEndpoint((5, refusal(429, headers={"retry-after": "115"})))
    async with model_over(endpoint, attempts=9) as model:
        with pytest.raises(RateLimited, match="accepted no call for 120 s"):
            await model.complete("hello")
    assert asyncio.get_running_loop().time() == 125


@pytest.mark.parametrize("kind", [RateLimited, ModelUnavailable])
async def test_what_the_callers_own_code_raises_says_nothing_of_the_provider(kind):
    """Neither a refusal nor a failure is counted, and it is raised as it is."""

    def raises(_):
        raise kind("by hand")

    limiter = Limiter()
    async with connect("simulated:", concurrency=limiter) as model:
        for _ in range(4):
            with pytest.raises(kind, match="by hand"):
                await model.complete("hello", on_text=raises)
    assert (limiter.statistics().refused, limiter.outage) == (0, False)


# Failures


@pytest.mark.parametrize("kind", ["server_overloaded", "server_error", "drop", "hang"])
@pytest.mark.parametrize("at_once", [1, 4, 64])
async def test_no_call_is_lost_in_an_outage(kind, at_once):
    """20 seconds in which nothing is answered, in the middle of a job."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind=kind, after=5, until=25),))
    outcomes = await outcomes_of(12 * at_once, scenario, concurrency=at_once, timeout=5)
    assert not failed(outcomes)
    assert asyncio.get_running_loop().time() < 12 + 20 + 12


@pytest.mark.parametrize(("models", "calls"), [(6, 1), (3, 2)])
async def test_no_call_is_lost_in_an_outage_that_several_models_of_a_limiter_meet(models, calls):
    """A minute in which no model fails more than two calls: it is the provider that is out, whoever calls it."""
    clock = asyncio.get_running_loop().time
    endpoint = ScriptedEndpoint((0.1, lambda _: refusal(503) if 5 <= clock() < 65 else completion()))
    async with contextlib.AsyncExitStack() as stack:
        limiter = Limiter()
        opened = [await stack.enter_async_context(model_over(endpoint, concurrency=limiter)) for _ in range(models)]
        await opened[0].complete("hello")
        await asyncio.sleep(6)
        await asyncio.gather(*(model.complete("hello") for model in opened for _ in range(calls)))
    assert 65 <= clock() < 67


async def test_no_call_is_lost_where_a_failing_provider_names_a_long_wait():
    """It is back after five seconds, and waiting for rate limits has no say over a failure."""
    clock = asyncio.get_running_loop().time

    def reply(_):
        return refusal(503, headers={"retry-after": "3600"}) if 5 <= clock() < 10 else completion()

    async with model_over(ScriptedEndpoint((1, reply)), concurrency=20) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(400)))
    assert clock() < 60


async def test_a_provider_that_never_answered_and_names_a_long_wait_fails_at_once():
    """Nothing says that it is ever there."""
    endpoint = ScriptedEndpoint(refusal(503, headers={"retry-after": "3600"}))
    async with model_over(endpoint) as model:
        with pytest.raises(ModelUnavailable, match="asks to wait 3600 s"):
            await model.complete("hello")
    assert endpoint.times == [0]


async def test_there_is_no_storm_at_the_end_of_an_outage():
    """In the first second after it no more calls come than may be in flight; during it, about one or two a second."""
    clock, sent = asyncio.get_running_loop().time, []

    def reply(body):
        sent.append(clock() - 1)
        return refusal(503) if 5 <= clock() - 1 < 25 else completion()

    async with model_over(ScriptedEndpoint((1, reply)), concurrency=20) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(400)))
    assert sum(6 <= at < 25 for at in sent) <= 20 + 2 * 19
    assert sum(25 <= at < 26 for at in sent) <= 20


async def test_answers_to_calls_from_before_an_outage_do_not_hide_it():
    """Ten long ones come in the middle of it, and none of the calls that fail is lost for that."""
    clock = asyncio.get_running_loop().time

    class LongAnswers:
        async def send(self, body, **_):
            sent, (kind, seconds) = clock(), body["messages"][0]["content"].split()
            await asyncio.sleep(float(seconds))
            return refusal(500) if kind == "short" and sent < 20 else completion()

    async with model_over(LongAnswers(), attempts=2) as model:
        longs = asyncio.gather(*(model.complete(f"long {1.5 * number}") for number in range(1, 11)))
        await asyncio.sleep(2)
        await asyncio.gather(*(model.complete("short 0.1") for _ in range(4)))
        await longs


async def test_calls_that_overtake_each_other_when_an_outage_begins_lose_nothing():
    """One that was sent last came in time, and is answered in the middle of it: that tells nothing of the others."""
    clock = asyncio.get_running_loop().time

    class Crossing:
        async def send(self, body, **_):
            sent = clock()
            if body["messages"][0]["content"] == "call 5":
                await asyncio.sleep(1.5)
                return completion()
            await asyncio.sleep(0.01)
            return refusal(503) if 1 <= sent < 60 else completion()

    async with model_over(Crossing(), concurrency=6) as model:
        await model.complete("hello")
        await asyncio.sleep(1)
        await asyncio.gather(*(model.complete(f"call {number}") for number in range(12)))
    assert clock() < 65


async def test_a_call_that_failed_by_itself_sits_out_an_outage_that_begins_afterwards():
    """Though an answer from before it comes in the middle of it, to one that was sent after that failure."""
    clock = asyncio.get_running_loop().time

    class Unlucky:
        async def send(self, body, **_):
            sent, seconds = clock(), float(body["messages"][0]["content"])
            await asyncio.sleep(seconds)
            return refusal(503) if 5 <= sent < 60 or (seconds == 4 and sent < 5) else completion()

    async with model_over(Unlucky()) as model:
        await model.complete("0.1")
        unlucky = asyncio.create_task(model.complete("4"))
        await asyncio.sleep(4.4)
        long = asyncio.create_task(model.complete("3.8"))
        await model.complete("0.1")
        await asyncio.sleep(0.6)
        await asyncio.gather(*(model.complete("0.01") for _ in range(12)))
        await asyncio.gather(unlucky, long)
    assert clock() < 70


@pytest.mark.parametrize(
    ("slots", "seconds", "timeout", "calls", "most", "requests"),
    [(1, 2, 8, 30, 80, 60), (4, 3, 8, 60, 60, 100), (1, 10, 60, 40, 600, 80), (2, 5, 8, 100, 300, 140)],
)
async def test_a_slow_server_with_few_slots_is_no_outage(slots, seconds, timeout, calls, most, requests):
    """16 calls at once fill its queue, so that some run out of time: from then on no more are sent than it answers."""
    capacity = Capacity(slots=slots, queue=512)
    scenario = Scenario(time_to_first_token=seconds, tokens_per_second=math.inf, spread=0.0, capacity=capacity)
    endpoint = SimulatedEndpoint(scenario)
    async with model_over(endpoint, timeout=timeout) as model:
        answers = await asyncio.gather(*(model.complete(f"call {number}") for number in range(calls)))
        assert not model.statistics().outage_for
    assert asyncio.get_running_loop().time() < most
    assert sum(answer.attempts for answer in answers) < requests


async def test_a_call_that_never_ends_does_not_slow_the_others():
    """One in twenty of them, while others that are sent later are answered."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind="hang", probability=0.05),))
    async with model_over(SimulatedEndpoint(scenario), timeout=5) as model:
        await asyncio.gather(*(model.complete(f"call {number}") for number in range(600)))
        assert model.statistics().limit >= 16
        assert model.statistics().limit_changed_because != "answers too late"


@pytest.mark.parametrize("body", ["<html>We are back soon", "", "OK", {"status": "maintenance"}])
async def test_what_is_no_completion_in_the_middle_of_a_job_is_an_outage(body):
    """Twenty seconds of it, with HTTP 200: a server that gave real answers is the right one."""
    clock = asyncio.get_running_loop().time
    endpoint = ScriptedEndpoint((1, lambda _: Reply(200, {}, body) if 5 <= clock() < 25 else completion()))
    async with model_over(endpoint, concurrency=10) as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(100)))
    assert 25 <= clock() < 40
    assert len(endpoint.times) < 100 + 10 + 25


async def test_what_is_no_completion_after_real_answers_is_told_as_that():
    """To check the address would be no use."""
    async with model_over(ScriptedEndpoint(completion(), Reply(200, {}, "<html>")), attempts=2) as model:
        await model.complete("hello")
        with pytest.raises(ModelUnavailable, match="though it gave some before; it may be under maintenance"):
            await model.complete("hello")


async def test_an_outage_that_lasts_too_long_fails_those_who_wait():
    """After `outage_timeout`; the error says how long and what the last failure was."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind="server_overloaded", after=5),))
    outcomes = await outcomes_of(60, scenario, concurrency=4, outage_timeout=60)
    errors = failed(outcomes)
    assert len(outcomes) - len(errors) >= 20
    assert {type(error) for error in errors} == {ModelUnavailable}
    assert any("whoever called it. The last failure: " in str(error) for error in errors)
    assert 60 < asyncio.get_running_loop().time() < 75


async def test_a_provider_that_never_answered_is_not_sat_out():
    """Whoever starts with a server that is not there learns it in seconds, however many calls there are."""
    outcomes = await outcomes_of(100, dataclasses.replace(A_SECOND, faults=(Fault(kind="server_error"),)))
    assert {type(error) for error in failed(outcomes)} == {ModelUnavailable}
    assert len(failed(outcomes)) == 100
    assert asyncio.get_running_loop().time() < 15


async def test_an_error_tells_only_how_often_its_own_call_was_tried():
    """The failure that it quotes was another call's."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind="server_error"),))
    outcomes = await outcomes_of(8, scenario, concurrency=2, attempts=3)
    assert max(str(error).count("Tried") for error in failed(outcomes)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_provider_that_refuses_requests_for_what_is_in_them_is_back(status):
    """Nobody is held any longer."""
    script = completion(), refusal(503), refusal(503), refusal(503), refusal(status)
    limiter = Limiter()
    async with model_over(ScriptedEndpoint(*script), concurrency=limiter) as model:
        await model.complete("hello")
        with pytest.raises(ModelError, match=r"."):
            await model.complete("bad")
    assert not limiter.outage


async def test_bad_requests_hold_nobody_up():
    """Five requests that always fail, one after another, end after their attempts; all others are answered."""
    faults = (Fault(kind="server_error", match="call 1[0-4]$"),)
    outcomes = await outcomes_of(100, dataclasses.replace(A_SECOND, faults=faults))
    assert [4 <= error.attempts <= 8 for error in failed(outcomes)] == [True] * 5
    assert asyncio.get_running_loop().time() < 20


@pytest.mark.parametrize("failure", [refusal(500), refusal(503), ConnectionResetError("lost")])
@pytest.mark.parametrize("attempts", [1, 3, 4, 9])
@pytest.mark.parametrize("together", [1, 2])
async def test_calls_that_fail_alone_are_tried_as_often_as_attempts_says(failure, attempts, together):
    """One or two might fail for what is in them: they are no outage, whatever the failure is."""
    endpoint = ScriptedEndpoint(completion(), failure)
    async with model_over(endpoint, attempts=attempts) as model:
        await model.complete("hello")
        calls = (model.complete("hello") for _ in range(together))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [(type(error), error.attempts) for error in outcomes] == [(ModelUnavailable, attempts)] * together
    assert len(endpoint.times) == 1 + attempts * together


async def test_the_last_attempts_of_a_call_that_fails_alone_are_spread_over_half_a_minute():
    """From the third failure on it may be an outage, too, which the call then outlasts."""
    endpoint = ScriptedEndpoint(completion(), refusal(500))
    async with model_over(endpoint, attempts=5) as model:
        await model.complete("hello")
        with pytest.raises(ModelUnavailable):
            await model.complete("hello")
    first, second, third, fourth, fifth = endpoint.times[1:]
    assert second - first <= 0.75
    assert third - second <= 1.5
    assert fourth - third == fifth - fourth
    assert fifth - first == 30


async def test_that_takes_no_longer_than_an_outage_may():
    """Where the caller wants to know sooner."""
    endpoint = ScriptedEndpoint(completion(), refusal(500))
    async with model_over(endpoint, outage_timeout=10) as model:
        await model.complete("hello")
        with pytest.raises(ModelUnavailable):
            await model.complete("hello")
    assert (len(endpoint.times), asyncio.get_running_loop().time()) == (5, 10)


@pytest.mark.parametrize("kind", ["server_error", "server_overloaded", "drop"])
async def test_an_outage_that_one_call_meets_at_a_time_loses_none(kind):
    """20 seconds, and nobody else's failures to tell of it."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind=kind, after=5, until=25),), seed=next(_seeds))
    async with connect("simulated:", scenario=scenario) as model:
        answers = [await model.complete(f"call {number}") for number in range(12)]
    assert max(answer.attempts for answer in answers) == 4
    assert asyncio.get_running_loop().time() < 12 + 30 + 3


async def test_retries_of_a_failing_provider_have_a_budget():
    """Where most attempts fail and some do not, retries come at a trickle once the reserve is used up."""
    scenario = dataclasses.replace(A_SECOND, faults=(Fault(kind="server_error", probability=0.6),))
    outcomes = await outcomes_of(300, scenario, attempts=50)
    assert not failed(outcomes)
