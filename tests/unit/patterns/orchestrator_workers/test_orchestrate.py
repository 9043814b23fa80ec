"""A plan made at run time, its subtasks done side by side, one synthesis."""

import asyncio

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.trace import StatusCode

from llm_composition_patterns import Failure, Success, TooManySubtasks, Usage, chain, orchestrate, parallelize, track
from llm_composition_patterns.runs import settle
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names, span


async def count_to(number):
    return list(range(number))


async def square(number):
    return number * number


def total(input, outcomes):
    return sum(outcome.value for outcome in outcomes)


async def fail_at_two(number):
    await asyncio.sleep(number)
    if number == 2:
        raise ValueError("two")
    return number


def only_me():
    return asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("subtasks", [0, 1, 2, 50])
async def test_the_synthesis_is_given_the_input_and_an_outcome_of_each_subtask(subtasks):
    """In the order of the plan; an empty plan goes straight to it."""
    given = []

    async def put_together(input, outcomes):
        given.append((input, [outcome.value for outcome in outcomes], [outcome.input for outcome in outcomes]))
        return "done"

    assert await orchestrate(count_to, square, synthesize=put_together, max_subtasks=50)(subtasks) == "done"
    assert given == [(subtasks, [number * number for number in range(subtasks)], list(range(subtasks)))]


async def test_planner_and_synthesis_may_be_plain():
    """Only the work must be a step."""
    assert await orchestrate(range, square, synthesize=total, max_subtasks=9)(4) == 14
    assert await orchestrate(tuple, square, synthesize=total, max_subtasks=9)([1, 2]) == 5


async def test_subtasks_are_done_side_by_side():
    """The slowest decides."""

    async def rest(seconds):
        await asyncio.sleep(seconds)
        return seconds

    assert await orchestrate(count_to, rest, synthesize=total, max_subtasks=9)(5) == 10
    assert asyncio.get_running_loop().time() == 4.0


async def test_too_many_subtasks_are_an_error_and_none_is_begun():
    """It names the number and carries the plan."""
    begun = []

    async def work(subtask):
        begun.append(subtask)

    with pytest.raises(
        TooManySubtasks, match="'big' planned 51 subtasks, and max_subtasks is 50; tell the planner"
    ) as caught:
        await orchestrate(count_to, work, synthesize=total, max_subtasks=50, name="big")(51)
    assert (caught.value.subtasks, caught.value.max_subtasks, caught.value.kind) == (list(range(51)), 50, "error")
    assert begun == []


async def test_the_first_subtask_that_fails_ends_it():
    """The others are cancelled, the synthesis does not run, and the error carries the outcomes."""
    synthesized = []
    step = orchestrate(count_to, fail_at_two, synthesize=lambda *_: synthesized.append(1), max_subtasks=9)
    with pytest.raises(ValueError, match="two") as caught:
        await step(5)
    assert [type(outcome) for outcome in caught.value.outcomes] == [Success, Success, Failure, Failure, Failure]
    assert caught.value.__notes__ == ["in branch 2 ('fail_at_two') of 'parallelize fail_at_two'"]
    assert synthesized == []
    assert only_me()


async def test_collected_failures_are_the_synthesis_own_to_judge():
    """Every subtask runs to its end."""

    def report(input, outcomes):
        return [outcome.value if isinstance(outcome, Success) else str(outcome.error) for outcome in outcomes]

    step = orchestrate(count_to, fail_at_two, synthesize=report, max_subtasks=9, on_error="collect")
    assert await step(5) == [0, 1, "two", 3, 4]


async def test_errors_of_planner_and_synthesis_are_raised():
    """As they are."""

    def broken(*_):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await orchestrate(broken, square, synthesize=total, max_subtasks=9)(1)
    with pytest.raises(ValueError, match="broken"):
        await orchestrate(count_to, square, synthesize=broken, max_subtasks=9, on_error="collect")(1)


@pytest.mark.parametrize("plan", [None, "abc", b"abc", {1: 2}, {1, 2}, iter([1]), 5])
async def test_a_plan_is_a_sequence(plan):
    """Whatever else is refused, with the repair."""
    with pytest.raises(
        TypeError, match=rf"must answer a sequence of subtasks, not {type(plan).__name__}; return the list itself"
    ):
        await orchestrate(lambda _: plan, square, synthesize=total, max_subtasks=9)(1)


async def test_cancelling_an_orchestration_cancels_its_subtasks():
    """Whether it plans, works or puts together; nothing runs on."""
    ended = []

    async def slow(*given):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(given[0])

    for step, expected in [
        (orchestrate(slow, square, synthesize=total, max_subtasks=9), [3]),
        (orchestrate(count_to, slow, synthesize=total, max_subtasks=9), [0, 1, 2]),
        (orchestrate(count_to, square, synthesize=slow, max_subtasks=9), [3]),
    ]:
        task = asyncio.create_task(step(3))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert only_me()
        assert ended == expected
        ended.clear()


async def test_the_span_of_an_orchestration():
    """It shows how many were planned, and is around plan, fan-out and synthesis."""

    async def plan(number):
        with span("planned"):
            return list(range(number))

    async def put_together(input, outcomes):
        with span("put together"):
            return total(input, outcomes)

    with record_spans() as spans:
        await orchestrate(plan, square, synthesize=put_together, max_subtasks=9)(2)
    assert spans.tree() == [
        (
            "orchestrate plan",
            [
                ("planned", []),
                ("parallelize square", [("square", []), ("square", [])]),
                ("put together", []),
            ],
        )
    ]
    attributes = spans.one("orchestrate plan").attributes
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert (attributes["input.value"], attributes["output.value"]) == ("2", "1")
    assert attributes[names.SUBTASKS] == 2


async def test_the_span_of_an_empty_plan():
    """There is no fan-out."""
    with record_spans() as spans:
        await orchestrate(count_to, square, synthesize=total, max_subtasks=9, name="advise")(0)
    assert spans.tree() == [("advise", [])]
    assert spans.one("advise").attributes[names.SUBTASKS] == 0


async def test_the_span_of_an_orchestration_that_failed():
    """It is ERROR; a refused plan has no number of subtasks."""
    with record_spans() as spans:
        with pytest.raises(ValueError, match="two"):
            await orchestrate(count_to, fail_at_two, synthesize=total, max_subtasks=9, name="a")(3)
        with pytest.raises(TooManySubtasks):
            await orchestrate(count_to, square, synthesize=total, max_subtasks=9, name="b")(10)
    assert [spans.one(name).status.status_code for name in "ab"] == [StatusCode.ERROR] * 2
    assert [spans.one(name).attributes.get(names.SUBTASKS) for name in "ab"] == [3, None]


async def test_a_masked_orchestration_shows_nothing_of_its_texts():
    """Neither input nor output, nor those of the branches."""
    with record_spans(TraceConfig(hide_inputs=True, hide_outputs=True)) as spans:
        await orchestrate(lambda text: [text], chain(echo, echo), synthesize=lambda text, _: text, max_subtasks=9)(
            "secret"
        )
    assert "secret" not in "".join(written.to_json() for written in spans.spans)


async def echo(text):
    return text


async def test_what_everything_inside_used_is_accounted():
    """Planning, work and synthesis."""

    async def spend(*given):
        settle(Usage(calls=1))
        return [1, 2, 3]

    async with track("run") as tracked:
        await orchestrate(spend, spend, synthesize=spend, max_subtasks=9)(1)
    assert tracked.usage.calls == 5


async def test_orchestrations_in_orchestrations():
    """It is a step, and takes steps."""
    inner = orchestrate(count_to, square, synthesize=total, max_subtasks=9, name="inner")
    outer = orchestrate(count_to, inner, synthesize=total, max_subtasks=9)
    assert await parallelize(outer, [3, 4]) == [0 + 0 + 1, 0 + 0 + 1 + 5]
    assert (inner.__name__, outer.__name__) == ("inner", "orchestrate count_to")


async def test_work_must_be_async():
    """The repair is named."""
    with pytest.raises(TypeError, match=r"in_threads\(abs\)"):
        await orchestrate(count_to, abs, synthesize=total, max_subtasks=9)(1)


@pytest.mark.parametrize(
    ("given", "settings", "error", "match"),
    [
        ((5, square), {}, TypeError, "plan must be a function of the input that answers the subtasks, not int"),
        ((count_to, 5), {}, TypeError, "step must be an async function of one input, not int"),
        ((count_to, square), {"synthesize": 5}, TypeError, "synthesize must be a function of the input and the"),
        ((count_to, square), {"max_subtasks": 0}, ValueError, "max_subtasks must be at least 1, not 0"),
        ((count_to, square), {"max_subtasks": "9"}, TypeError, "max_subtasks must be an int, not '9'"),
        ((count_to, square), {"on_error": "ignore"}, ValueError, 'on_error must be "raise" or "collect"'),
        ((count_to, square), {"name": ""}, TypeError, "name must be a str"),
    ],
)
def test_an_orchestration_is_checked_when_built(given, settings, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match) as caught:
        orchestrate(*given, **{"synthesize": total, "max_subtasks": 9, **settings})
    assert "\n" not in str(caught.value)


def test_an_orchestration_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="plan is a coroutine; pass the function itself, count_to"):
        orchestrate(count_to(1), square, synthesize=total, max_subtasks=9)
