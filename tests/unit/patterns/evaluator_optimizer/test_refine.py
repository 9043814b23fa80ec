"""Generate, evaluate, and generate again with the feedback."""

import asyncio
import math
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openinference.instrumentation import TraceConfig
from opentelemetry.trace import StatusCode
from pydantic import BaseModel

from llm_composition_patterns import Usage, chain, parallelize, refine, track
from llm_composition_patterns.runs import settle
from llm_composition_patterns.testing import record_spans, run_in_virtual_time
from llm_composition_patterns.tracing import names, span


@dataclass(frozen=True)
class Opinion:
    accepted: bool = False
    score: float = 0.0
    feedback: str = "more"


class Judgment(BaseModel):
    accepted: bool
    score: float
    feedback: str


def writes(values):
    """A generator that gives these values in turn, and what it was given."""
    given = []

    async def write(input, previous):
        given.append((input, previous))
        return values[len(given) - 1]

    return write, given


def judges(verdicts):
    """An evaluator that gives these verdicts in turn, and what it was given."""
    given = []

    async def judge(input, value):
        given.append((input, value))
        return verdicts[len(given) - 1]

    return judge, given


NO = Opinion(score=0.1)
YES = Opinion(accepted=True, score=0.2, feedback="good")


async def test_the_first_accepted_value_is_the_result():
    """Later rounds do not run; every round is kept, with its value and verdict."""
    write, _ = writes("abc")
    judge, judged = judges([NO, YES, NO])
    done = await refine(write, judge, max_rounds=3)("topic")
    assert (done.value, done.accepted, done.best) == ("b", True, done.rounds[1])
    assert [(one.number, one.value, one.verdict) for one in done.rounds] == [(1, "a", NO), (2, "b", YES)]
    assert judged == [("topic", "a"), ("topic", "b")]


async def test_the_generator_is_given_the_round_before():
    """None in the first; its verdict says what to do better."""
    write, given = writes("abc")
    judge, _ = judges([NO, NO, NO])
    done = await refine(write, judge, max_rounds=3)("topic")
    assert given == [("topic", None), ("topic", done.rounds[0]), ("topic", done.rounds[1])]


async def test_without_an_accepted_value_the_best_one_is_the_result():
    """And not the last."""
    write, _ = writes("abc")
    judge, _ = judges([replace(NO, score=score) for score in (0.2, 0.8, 0.5)])
    done = await refine(write, judge, max_rounds=3)("topic")
    assert (done.value, done.accepted, done.best.number, len(done.rounds)) == ("b", False, 2, 3)


async def test_an_accepted_value_is_the_result_whatever_its_score():
    """The evaluator has said so."""
    write, _ = writes("ab")
    judge, _ = judges([replace(NO, score=0.9), replace(YES, score=0.1)])
    assert (await refine(write, judge, max_rounds=3)("topic")).value == "b"


DECIMALS = st.decimals(allow_nan=False, places=2)


@given(st.lists(st.floats() | st.integers(-5, 5) | st.fractions() | DECIMALS, min_size=1, max_size=6))
def test_the_best_is_the_first_of_the_highest_scores(scores):
    """Whatever numbers they are; one that is none is the worst."""
    write, _ = writes(range(len(scores)))
    judge, _ = judges([replace(NO, score=score) for score in scores])
    done = run_in_virtual_time(refine(write, judge, max_rounds=len(scores))("topic"))
    exact = [Fraction(score) if math.isfinite(score) else float(score) for score in scores]
    ranks = [-math.inf if math.isnan(score) else score for score in exact]
    assert done.value == ranks.index(max(ranks))


@pytest.mark.parametrize("verdict", [Opinion(True, 1), Judgment(accepted=True, score=0.5, feedback="good")])
async def test_any_object_with_the_three_is_a_verdict(verdict):
    """A pydantic answer fits, and the evaluator may be plain."""
    write, _ = writes("a")
    done = await refine(write, lambda *_: verdict, max_rounds=3)("topic")
    assert done.best.verdict is verdict


@pytest.mark.parametrize(
    ("verdict", "match"),
    [
        (True, "judge must answer a verdict with accepted, score and feedback; its bool has no accepted and no score"),
        (None, "its NoneType has no accepted and no score and no feedback"),
        (Opinion(accepted=1), "must have True or False as accepted, not 1"),
        (Opinion(score="9"), "must have a number as score, not '9'"),
        (Opinion(score=True), "must have a number as score, not True"),
        (Opinion(score=10**400), "must have a number as score, not 1000"),
        (Opinion(score=Decimal("sNaN")), "must have a number as score, not Decimal"),
        (Opinion(score=None), "must have a number as score, not None"),
    ],
)
async def test_what_is_no_verdict_is_refused(verdict, match):
    """With the repair."""
    write, _ = writes("a")
    judge, _ = judges([verdict])
    with pytest.raises(TypeError, match=match):
        await refine(write, judge, max_rounds=3)("topic")


async def test_an_error_keeps_the_finished_rounds():
    """As an attribute, with a note that names the round."""
    write, _ = writes("ab")
    judge, _ = judges([NO, NO])
    with pytest.raises(IndexError) as caught:
        await refine(write, judge, max_rounds=3, name="pitch")("topic")
    assert [one.value for one in caught.value.rounds] == ["a", "b"]
    assert caught.value.__notes__ == ["in round 3 of 'pitch'"]


async def test_the_rounds_of_an_error_are_those_of_the_innermost_refinement():
    """As the outcomes of a fan-out are; the notes name both."""
    drafts, _ = writes("a")
    inner = refine(drafts, lambda *_: NO, max_rounds=2, name="inner")

    async def around(input, _):
        return (await inner(input)).value

    with pytest.raises(IndexError) as caught:
        await refine(around, lambda *_: NO, max_rounds=2, name="outer")("topic")
    assert [one.value for one in caught.value.rounds] == ["a"]
    assert caught.value.__notes__ == ["in round 2 of 'inner'", "in round 1 of 'outer'"]


async def test_an_error_of_the_evaluator_keeps_the_finished_rounds():
    """That of the round that it was in is none."""
    write, _ = writes("ab")
    judge, _ = judges([NO])
    with pytest.raises(IndexError) as caught:
        await refine(write, judge, max_rounds=3)("topic")
    assert [one.value for one in caught.value.rounds] == ["a"]


async def test_an_exception_that_takes_no_attributes_comes_through():
    """As it was raised."""

    class Closed(Exception):
        def __setattr__(self, *_):
            raise TypeError("closed")

    async def fail(*_):
        raise Closed

    with pytest.raises(Closed):
        await refine(fail, lambda *_: YES, max_rounds=3)("topic")


async def test_cancelling_a_refinement_cancels_its_round():
    """The cancellation comes through with the rounds so far, and nothing runs on."""
    write, _ = writes("ab")
    ended = []

    async def slow(input, value):
        try:
            await asyncio.sleep(60 if value == "b" else 0)
        finally:
            ended.append(value)
        return NO

    task = asyncio.create_task(refine(write, slow, max_rounds=3)("topic"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["a", "b"]


async def test_each_round_has_its_usage():
    """That of generating and of evaluating; the scopes around have all of it."""

    async def write(input, previous):
        settle(Usage(calls=1 if previous is None else 2))
        return input

    async def judge(input, value):
        settle(Usage(calls=10))
        return NO

    async with track("run") as tracked:
        done = await refine(write, judge, max_rounds=3)("topic")
    assert [one.usage.calls for one in done.rounds] == [11, 12, 12]
    assert tracked.usage.calls == 35


async def test_the_span_of_a_refinement():
    """It shows the rounds, the best and whether it was accepted; each evaluation has a span of its own."""

    async def write(input, previous):
        with span("written"):
            return "a" if previous is None else "b"

    async def judge(input, value):
        with span("judged"):
            return Opinion(accepted=value == "b", score=Fraction(1, 2))

    with record_spans() as spans:
        await refine(write, judge, max_rounds=3)("topic")
    one_round = [("written", []), ("judge", [("judged", [])])]
    assert spans.tree() == [("refine write", one_round * 2)]
    attributes = spans.one("refine write").attributes
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert (attributes["input.value"], attributes["output.value"]) == ("topic", "b")
    assert (attributes[names.ROUNDS], attributes[names.BEST_ROUND], attributes[names.ACCEPTED]) == (2, 2, True)
    for number, judged in enumerate(spans.named("judge"), 1):
        assert judged.attributes["openinference.span.kind"] == "EVALUATOR"
        assert judged.attributes["input.value"] == "ab"[number - 1]
        assert '"feedback":"more"' in judged.attributes["output.value"]
        assert judged.attributes[names.ROUND] == number
        assert judged.attributes[names.ACCEPTED] is (number == 2)
        assert judged.attributes[names.SCORE] == 0.5


async def test_the_span_of_a_refinement_without_an_accepted_value():
    """It is no error, and says so."""
    write, _ = writes("ab")
    judge, _ = judges([replace(NO, score=2), NO])
    with record_spans() as spans:
        await refine(write, judge, max_rounds=2)("topic")
    written = spans.one("refine write")
    assert (written.attributes[names.BEST_ROUND], written.attributes[names.ACCEPTED]) == (1, False)
    assert written.attributes["output.value"] == "a"
    assert written.status.status_code is not StatusCode.ERROR


async def test_the_span_of_a_refinement_that_failed():
    """It is ERROR, and shows how many rounds were finished."""
    write, _ = writes("a")
    judge, _ = judges([NO])
    with record_spans() as spans, pytest.raises(IndexError):
        await refine(write, judge, max_rounds=2, name="pitch")("topic")
    written = spans.one("pitch")
    assert written.status.status_code is StatusCode.ERROR
    assert written.attributes[names.ROUNDS] == 1
    assert names.BEST_ROUND not in written.attributes


async def test_the_span_of_an_answer_that_is_no_verdict():
    """The evaluation is ERROR."""
    write, _ = writes("a")
    judge, _ = judges(["good"])
    with record_spans() as spans, pytest.raises(TypeError):
        await refine(write, judge, max_rounds=2)("topic")
    assert spans.one("judge").status.status_code is StatusCode.ERROR


async def test_a_masked_refinement_shows_nothing_of_its_texts():
    """Neither value nor feedback."""
    write, _ = writes(["secret"])
    judge, _ = judges([replace(YES, feedback="secret")])
    with record_spans(TraceConfig(hide_inputs=True, hide_outputs=True)) as spans:
        await refine(write, judge, max_rounds=2)("secret")
    assert "secret" not in "".join(written.to_json() for written in spans.spans)
    assert spans.one("judge").attributes[names.ACCEPTED] is True


async def test_refinements_in_fan_outs_and_chains():
    """A refinement is a step."""

    async def grow(input, previous):
        return input if previous is None else previous.value + 1

    async def value_of(refined):
        return refined.value

    step = refine(grow, lambda _, value: Opinion(value % 3 == 0, value), max_rounds=2)
    assert step.__name__ == "refine grow"
    assert await parallelize(chain(step, value_of), [1, 2, 3, 4]) == [2, 3, 3, 5]


async def test_a_generator_must_be_async():
    """The repair is named."""

    def plain(input, previous):
        return input

    with pytest.raises(TypeError, match=r"in_threads\(plain\)"):
        await refine(plain, lambda *_: YES, max_rounds=2)("topic")


@pytest.mark.parametrize(
    ("given", "settings", "error", "match"),
    [
        ((5, max), {}, TypeError, "generate must be an async function of the input and the round before, not int"),
        ((max, 5), {}, TypeError, "evaluate must be a function of the input and a value, not int"),
        ((max, max), {"max_rounds": 0}, ValueError, "max_rounds must be at least 1, not 0"),
        ((max, max), {"max_rounds": 1.0}, TypeError, "max_rounds must be an int, not 1.0"),
        ((max, max), {"name": ""}, TypeError, "name must be a str"),
    ],
)
def test_a_refinement_is_checked_when_built(given, settings, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match) as caught:
        refine(*given, **{"max_rounds": 3, **settings})
    assert "\n" not in str(caught.value)


def test_a_refinement_takes_no_coroutine():
    """The repair is named."""
    write, _ = writes("a")
    with pytest.raises(TypeError, match="generate is a coroutine; pass the function itself, write"):
        refine(write("a", None), max, max_rounds=3)
