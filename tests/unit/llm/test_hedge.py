"""Hedging: a second attempt beside one that is late."""

import asyncio

import pytest
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.errors import ModelUnavailable, RateLimited, Refused
from llm_composition_patterns.limits import Limiter
from llm_composition_patterns.limits._limiter import set_cap
from llm_composition_patterns.runs import track
from llm_composition_patterns.tracing import names

WARM = 40


class Endpoint(ScriptedEndpoint):
    """Answers in a second; then, once warm, as the script says."""

    def __init__(self, *script):
        super().__init__(*[(1, completion())] * WARM, *script, (1, completion()))
        self.cancelled = 0

    async def send(self, body, *, on_text=None):
        try:
            return await super().send(body, on_text=on_text)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def warm(model):
    for _ in range(WARM // 8):
        await asyncio.gather(*(model.complete("warm") for _ in range(8)))
    return asyncio.get_running_loop().time()


def over(endpoint, **settings):
    return model_over(endpoint, hedge=True, **{"concurrency": 8, **settings})


async def test_a_late_call_gets_a_second_attempt():
    """After three times the usual; its answer wins, the first attempt is cancelled, and nothing is left in flight."""
    endpoint = Endpoint((60, completion("late")), (1, completion("soon")))
    async with over(endpoint) as model:
        started = await warm(model)
        answer = await model.complete("hello")
        assert model.statistics().in_flight == 0
    assert answer.text == "soon"
    assert asyncio.get_running_loop().time() - started == pytest.approx(4)
    assert (endpoint.in_flight, endpoint.cancelled) == (0, 1)


async def test_the_first_attempt_may_still_win():
    """Then the second one is cancelled."""
    endpoint = Endpoint((5, completion("first")), (60, completion("second")))
    async with over(endpoint) as model:
        started = await warm(model)
        answer = await model.complete("hello")
    assert answer.text == "first"
    assert asyncio.get_running_loop().time() - started == pytest.approx(5)
    assert (endpoint.in_flight, endpoint.cancelled) == (0, 1)


async def test_both_attempts_are_accounted():
    """One call, one retry; what the cancelled one cost is not known, and both count in the answer and in the run."""
    endpoint = Endpoint((60, completion()), (1, completion()))
    async with over(endpoint) as model:
        await warm(model)
        async with track("run") as tracked:
            answer = await model.complete("hello")
    assert (tracked.usage.calls, tracked.usage.retries, tracked.usage.unpriced) == (1, 1, 1)
    assert answer.usage == tracked.usage
    assert (answer.attempts, answer.cost, answer.cost_source) == (2, None, "unknown")


async def test_both_attempts_are_traced(exported):
    """The second is marked; the one that lost is no failure."""
    endpoint = Endpoint((60, completion()), (1, completion()))
    async with over(endpoint) as model:
        await warm(model)
        exported.clear()
        await model.complete("hello")
    second, first = exported.get_finished_spans()
    assert second.attributes[names.HEDGE] is True
    assert (second.attributes[names.ATTEMPT], first.attributes[names.ATTEMPT]) == (2, 1)
    assert first.attributes[names.HEDGED_AWAY] is True
    assert not {names.HEDGE, names.HEDGED_AWAY} <= second.attributes.keys()
    assert first.status.is_unset
    assert names.HEDGE not in first.attributes


@pytest.mark.parametrize("failure", [refusal(503), ConnectionError("reset"), refusal(429)])
async def test_if_the_first_fails_the_second_counts(failure):
    """No third attempt is made."""
    endpoint = Endpoint((5, failure), (4, completion("second")))
    async with over(endpoint) as model:
        started = await warm(model)
        answer = await model.complete("hello")
    assert (answer.text, answer.attempts) == ("second", 2)
    assert asyncio.get_running_loop().time() - started == pytest.approx(7)


async def test_if_the_second_fails_the_first_counts():
    """The call goes on to wait for it."""
    endpoint = Endpoint((5, completion("first")), (1, refusal(503)))
    async with over(endpoint) as model:
        await warm(model)
        answer = await model.complete("hello")
    assert (answer.text, answer.attempts, endpoint.cancelled) == ("first", 2, 0)


async def test_if_both_fail_the_call_is_tried_again():
    """Two failures at once cost one attempt."""
    endpoint = Endpoint((5, refusal(500)), (1, refusal(502)), (1, completion("third")))
    async with over(endpoint, attempts=2) as model:
        await warm(model)
        answer = await model.complete("hello")
    assert (answer.text, answer.attempts) == ("third", 3)


async def test_if_both_fail_for_good_the_error_tells_of_all():
    """With the attempts and the usage of both."""
    endpoint = Endpoint((5, refusal(500)), (1, refusal(502)))
    async with over(endpoint, attempts=1) as model:
        await warm(model)
        with pytest.raises(ModelUnavailable, match="Tried 2 times") as caught:
            await model.complete("hello")
    assert caught.value.usage.attempts == caught.value.attempts == 2


async def test_what_no_attempt_can_mend_ends_both():
    """A refusal by the model is an answer."""
    endpoint = Endpoint((60, completion()), (1, completion(message={"refusal": "no"})))
    async with over(endpoint) as model:
        await warm(model)
        with pytest.raises(Refused) as caught:
            await model.complete("hello")
    assert (endpoint.in_flight, endpoint.cancelled, caught.value.usage.attempts) == (0, 1, 2)


async def test_cancelling_the_call_cancels_both():
    """And waits for them; the spans are failures then."""
    endpoint = Endpoint((60, completion()), (60, completion()))
    limiter = Limiter(max=8)
    async with over(endpoint, concurrency=limiter) as model:
        await warm(model)
        calling = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(10)
        assert endpoint.in_flight == 2
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert (endpoint.in_flight, limiter.statistics().in_flight) == (0, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_call_that_is_cancelled_twice_still_waits_for_its_attempts():
    """However slowly they end."""
    ended = []

    class Slow(Endpoint):
        async def send(self, body, *, on_text=None):
            try:
                return await super().send(body, on_text=on_text)
            except asyncio.CancelledError:
                await asyncio.sleep(5)
                ended.append(body)
                raise

    async with over(Slow((60, completion()), (60, completion()))) as model:
        await warm(model)
        calling = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(10)
        calling.cancel()
        await asyncio.sleep(1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert len(ended) == 2


async def test_streamed_calls_are_never_hedged():
    """What was shown cannot be taken back."""
    shown = []

    def streams(body, on_text):
        on_text("late")
        return completion("late")

    endpoint = Endpoint((60, streams))
    async with over(endpoint, timeout=100) as model:
        await warm(model)
        answer = await model.complete("hello", on_text=shown.append)
    assert (answer.text, answer.attempts, shown) == ("late", 1, ["late"])


async def test_without_hedging_a_late_call_is_waited_for():
    """It is off unless it was asked for."""
    endpoint = Endpoint((50, completion("late")))
    async with model_over(endpoint, concurrency=8) as model:
        await warm(model)
        assert (await model.complete("hello")).attempts == 1


async def test_what_is_late_may_be_known_only_later():
    """The first call of all is late; once enough others were answered it gets its second attempt."""
    endpoint = ScriptedEndpoint((60, completion("late")), (1, completion("soon")))
    async with over(endpoint) as model:
        late = asyncio.create_task(model.complete("hello"))
        await asyncio.sleep(0.01)
        for _ in range(6):
            await asyncio.gather(*(model.complete("warm") for _ in range(7)))
        answer = await late
    assert answer.text == "soon"
    assert asyncio.get_running_loop().time() < 10


async def test_one_in_twenty_calls_is_hedged_at_most():
    """However many are late."""
    endpoint = ScriptedEndpoint(*[(1, completion())] * WARM, (20, completion()))
    async with track("run") as tracked, over(endpoint) as model:
        await warm(model)
        for _ in range(15):
            await asyncio.gather(*(model.complete("hello") for _ in range(4)))
    assert 0 < tracked.usage.retries <= 5


async def test_a_second_attempt_that_is_not_let_through_changes_nothing():
    """It waits at the limiter like every other; the first answer ends it there, and no attempt is counted."""
    endpoint = Endpoint((5, completion("first")))
    async with over(endpoint, concurrency=8) as model:
        await warm(model)
        set_cap(model._connection.limiter, 1)
        answer = await model.complete("hello")
        assert model.statistics().waiting == 0
    assert (answer.text, answer.attempts) == ("first", 1)


async def test_a_refused_call_is_not_hedged():
    """There is a pause: no second attempt while the provider wants none."""
    endpoint = Endpoint(refusal(429, headers={"retry-after": "30"}), (1, completion()))
    async with over(endpoint) as model:
        await warm(model)
        answer = await model.complete("hello")
    assert answer.attempts == 2


async def test_a_hedged_call_that_is_held_up_fails_as_any_other():
    """The pause lasts longer than it bears."""
    endpoint = Endpoint(*[refusal(429, headers={"retry-after": "100"})] * 3)
    async with over(endpoint) as model:
        await warm(model)
        with pytest.raises(RateLimited, match="asks to wait 100 s after 100 s in which it accepted no call"):
            await model.complete("hello")


async def test_a_setting_that_the_provider_refuses_is_left_out_of_the_next_race():
    """The refusal ends one race, not the call."""
    script = refusal(400, "Unknown parameter: 'seed'.", param="seed"), completion("without it")
    async with over(ScriptedEndpoint(*script)) as model:
        answer = await model.complete("hello", seed=7)
    assert (answer.text, answer.attempts) == ("without it", 2)
