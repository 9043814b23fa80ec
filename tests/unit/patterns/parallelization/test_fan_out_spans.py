"""The spans of fan-outs and branches: names, attributes, failures, order, context, masking."""

import asyncio
import json
from decimal import Decimal

import pytest
from fan_out_steps import double, wait, wait_or_fail
from opentelemetry import trace
from span_recorder import exceptions, is_error

from llm_composition_patterns import tracing
from llm_composition_patterns.errors import NoQuorum, TooManyFailures
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes, together, vote
from llm_composition_patterns.patterns.parallelization._spans import percentile
from llm_composition_patterns.runs import settle, waiting_for_permit
from llm_composition_patterns.tracing import names
from llm_composition_patterns.usage import Usage

KIND = "openinference.span.kind"


# --- names and attributes


async def test_a_fan_out_has_a_span_over_those_of_its_branches(recorder):
    """By default they are called by the step."""
    await parallelize(wait, [1, 2])
    parent = recorder.one("parallelize wait")
    assert parent.parent is None
    assert [span.name for span in recorder.below(parent)] == ["wait", "wait"]
    assert {span.attributes[KIND] for span in recorder.spans()} == {"CHAIN"}


async def test_spans_are_called_as_told(recorder):
    """By `name` and `branch_name`."""
    await parallelize(wait, [1, 2], name="translate_product_5", branch_name=lambda s: f"translate_to_{s}")
    below = recorder.below(recorder.one("translate_product_5"))
    assert {span.name for span in below} == {"translate_to_1", "translate_to_2"}


async def test_a_fan_out_shows_what_became_of_its_branches(recorder):
    """Counts, times, speed-up, the slowest branch, the peak."""
    inputs = [4, -2, 3, 1]
    await parallelize(wait_or_fail, inputs, max_concurrency=2, on_error="collect", branch_name=lambda s: f"wait {s}")
    shown = recorder.one("parallelize wait_or_fail").attributes
    assert {key: shown[key] for key in shown if key.startswith(names.PREFIX + "branch")} == {
        names.BRANCHES: 4,
        names.BRANCHES_OK: 3,
        names.BRANCHES_FAILED: 1,
        names.BRANCHES_CANCELLED: 0,
        names.BRANCH_SECONDS_SUM: 10,
        names.BRANCH_SECONDS_P50: 2,
        names.BRANCH_SECONDS_P95: 4,
    }
    assert shown[names.WALL_SECONDS] == 5
    assert shown[names.SPEED_UP] == 2
    assert shown[names.SLOWEST_BRANCH] == "wait 4"
    assert shown[names.PEAK_CONCURRENCY] == 2


@pytest.mark.parametrize(
    ("count", "percent", "rank"),
    [(1, 50, 1), (1, 95, 1), (2, 50, 1), (2, 95, 2), (4, 50, 2), (5, 50, 3), (19, 95, 19), (20, 95, 19), (100, 95, 95)],
)
def test_percentiles_are_of_the_nearest_rank(count, percent, rank):
    """The least value that so many per cent are not above."""
    assert percentile([float(number) for number in range(1, count + 1)], percent) == rank


def test_nothing_has_a_percentile_of_zero():
    """A fan-out without branches."""
    assert percentile([], 95) == 0


async def test_branches_cut_by_a_deadline_have_failed(recorder):
    """Cancelled are those that a stop has cut off."""
    await parallelize(wait, [1, 5, 6], deadline=2, on_error="collect")
    shown = recorder.one("parallelize wait").attributes
    found = [shown[key] for key in (names.BRANCHES_OK, names.BRANCHES_FAILED, names.BRANCHES_CANCELLED)]
    assert found == [1, 2, 0]


async def test_a_fan_out_shows_what_was_used_inside(recorder):
    """Calls, retries, tokens and cost; no cost where a part of it is unknown."""

    async def call(unpriced):
        settle(
            Usage(calls=1, retries=2, input_tokens=10, output_tokens=5, known_cost=Decimal("0.25"), unpriced=unpriced)
        )

    await parallelize(call, [0, 0], name="priced")
    await parallelize(call, [0, 1], name="partly")
    shown = recorder.one("priced").attributes
    assert shown[names.CALLS] == 2
    assert shown[names.RETRIES] == 4
    assert (shown[names.INPUT_TOKENS], shown[names.OUTPUT_TOKENS], shown[names.REASONING_TOKENS]) == (20, 10, 0)
    assert (shown[names.COST_USD], shown[names.KNOWN_COST_USD]) == (0.5, 0.5)
    assert names.COST_USD not in recorder.one("partly").attributes
    assert recorder.one("partly").attributes[names.KNOWN_COST_USD] == 0.5


async def test_a_branch_shows_what_it_did(recorder):
    """Input, output, index, attempts, times, outcome."""

    async def queue_and_call(seconds):
        with waiting_for_permit():
            await asyncio.sleep(seconds)
        settle(Usage(calls=1, retries=1))
        return {"seconds": seconds}

    await parallelize(queue_and_call, [2, 3], max_concurrency=1)
    shown = dict(recorder.spans("queue_and_call")[1].attributes)
    assert json.loads(shown.pop("output.value")) == {"seconds": 3}
    assert shown == {
        KIND: "CHAIN",
        "input.value": "3",
        "output.mime_type": "application/json",
        names.INDEX: 1,
        names.START_OFFSET_SECONDS: 2,
        names.ATTEMPTS: 2,
        names.QUEUED_SECONDS: 3,
        names.OUTCOME: "success",
    }


async def test_a_branch_of_a_mapping_shows_its_key(recorder):
    """Also a key that looks like an index."""
    await parallelize(double, {"five": 5, 1: 6})
    assert [span.attributes[names.KEY] for span in recorder.spans("double")] == ["five", "1"]


async def test_a_fan_out_shows_its_inputs(recorder):
    """As they are when few, as a number when many, not at all when unknown."""
    await parallelize(double, {"a": 1}, name="few")
    await parallelize(double, range(101), name="many")
    await parallelize(double, iter([1]), name="unknown")
    assert recorder.one("few").attributes["input.value"] == '{"a":1}'
    assert recorder.one("many").attributes["input.value"] == '{"inputs":101}'
    assert "input.value" not in recorder.one("unknown").attributes


async def test_a_vote_has_one_span_with_its_own_name(recorder):
    """The fan-out's, with the ballots below and what the vote came to."""
    await vote(wait, 1, n=3, quorum=2, name="which?")
    span = recorder.one("which?")
    assert len(recorder.below(span)) == 3
    assert len(recorder.spans()) == 4
    found = [span.attributes[key] for key in (names.BALLOTS, names.QUORUM, names.SHARE, names.DECIDED)]
    assert found == [3, 2, 1, True]


async def test_a_vote_without_quorum_is_an_error(recorder):
    """Its span says so, with what was reached."""
    with pytest.raises(NoQuorum):
        await vote(wait_or_fail, -1, n=2)
    span = recorder.one("vote wait_or_fail")
    assert is_error(span)
    assert exceptions(span) == ["NoQuorum"]
    assert (span.attributes[names.SHARE], span.attributes[names.DECIDED]) == (0, False)
    assert names.QUORUM not in span.attributes


async def test_sections_have_the_names_of_their_coroutines(recorder):
    """Under `together`."""
    await together(wait(1), double(2))
    assert [span.name for span in recorder.below(recorder.one("together"))] == ["wait", "double"]


async def test_a_stream_takes_attributes_of_ones_own_and_knows_its_trace(recorder):
    """They are kept on the fan-out's span."""
    async with stream_outcomes(double, [1], name="stream") as outcomes:
        outcomes.set_attributes({"product_id": 5})
        found = outcomes.trace_id
    span = recorder.one("stream")
    assert span.attributes["product_id"] == 5
    assert found == trace.format_trace_id(span.context.trace_id)


# --- failures


@pytest.mark.parametrize("suspends", [False, True])
async def test_a_failed_branch_is_an_error(recorder, suspends):
    """Status, message, exception event, kind; the fan-out that collects it is none."""

    async def fail(_):
        if suspends:
            await asyncio.sleep(1)
        raise ValueError("no such word")

    await parallelize(fail, [0], on_error="collect")
    span = recorder.one("fail")
    assert is_error(span)
    assert span.status.description == "ValueError: no such word"
    assert exceptions(span) == ["ValueError"]
    assert (span.attributes[names.OUTCOME], span.attributes[names.FAILURE_KIND]) == ("failure", "error")
    assert "output.value" not in span.attributes
    assert not is_error(recorder.one("parallelize fail"))


async def test_a_fan_out_that_raises_is_an_error(recorder):
    """And so are the siblings that it cancelled."""
    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, [-1, 5])
    parent = recorder.one("parallelize wait_or_fail")
    assert is_error(parent)
    assert exceptions(parent) == ["ValueError"]
    assert parent.attributes[names.BRANCHES_CANCELLED] == 1
    failed, cancelled = recorder.below(parent)
    assert exceptions(failed) == ["ValueError"]
    assert is_error(cancelled)
    assert exceptions(cancelled) == ["CancelledError"]
    assert cancelled.attributes[names.FAILURE_KIND] == "cancelled"


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
async def test_a_branch_that_ran_out_of_time_is_an_error(recorder, limit):
    """Though what ended it is a CancelledError, which is no Exception."""
    await parallelize(wait, [5], on_error="collect", **{limit: 2})
    span = recorder.one("wait")
    assert is_error(span)
    assert span.attributes[names.FAILURE_KIND] == limit
    assert exceptions(span) == ["BranchTimeout" if limit == "timeout" else "DeadlineExceeded"]


async def test_a_cancelled_caller_makes_everything_an_error(recorder):
    """Nothing is left open."""
    caller = asyncio.ensure_future(parallelize(wait, [5, 6]))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert len(recorder.spans()) == 3
    assert all(is_error(span) for span in recorder.spans())


async def test_too_many_failures_are_an_error_of_the_fan_out(recorder):
    """It raised."""
    with pytest.raises(TooManyFailures):
        await parallelize(wait_or_fail, [-1], on_error="collect", max_failures=0)
    assert exceptions(recorder.one("parallelize wait_or_fail")) == ["TooManyFailures"]


async def test_an_error_of_the_source_is_one_of_the_fan_out(recorder):
    """Also in a stream that raises it from the iteration."""

    def broken():
        yield 1
        raise KeyError

    async def consume():
        async with stream_outcomes(double, broken()) as outcomes:
            async for _ in outcomes:
                pass

    with pytest.raises(KeyError):
        await consume()
    assert exceptions(recorder.one("parallelize double")) == ["KeyError"]


async def test_a_branch_that_could_not_be_named_has_a_span(recorder):
    """Every branch that started has one."""
    await parallelize(double, [1], branch_name=lambda number: number.missing, on_error="collect")
    assert exceptions(recorder.one("double")) == ["AttributeError"]


async def test_a_step_that_is_not_async_has_a_span(recorder):
    """It says why."""
    with pytest.raises(TypeError):
        await parallelize(print, [1])
    assert exceptions(recorder.one("print")) == ["TypeError"]


# --- order and context


async def test_a_parent_ends_after_its_last_child(recorder):
    """At every level, whatever happens."""

    async def outer(seconds):
        return await parallelize(wait_or_fail, [seconds, 5], name="inner")

    await parallelize(outer, [1, -2, 3], timeout=4, on_error="collect", name="outermost")
    order = {span.context.span_id: place for place, span in enumerate(recorder.spans())}
    children = [span for span in recorder.spans() if span.parent is not None]
    assert len(children) == 3 + 3 + 6
    assert all(order[span.context.span_id] < order[span.parent.span_id] for span in children)
    by_id = {span.context.span_id: span for span in recorder.spans()}
    assert all(span.end_time <= by_id[span.parent.span_id].end_time for span in children)


async def test_recorded_spans_are_started_branches(recorder):
    """No more, no less, also where some never started."""
    await parallelize(wait, [1] * 50, max_concurrency=7, deadline=3.5, on_error="collect")
    assert len(recorder.spans("wait")) == recorder.one("parallelize wait").attributes[names.BRANCHES] == 28


async def test_spans_of_a_step_hang_under_its_branch(recorder):
    """Whether it opens them with this package or with OpenTelemetry, in a task, or after a suspension."""

    async def child(name):
        await asyncio.sleep(1)
        with recorder.tracer.start_as_current_span(name):
            pass

    async def step(number):
        with tracing.span(f"own {number}"):
            await asyncio.sleep(number)
        await asyncio.create_task(child(f"task {number}"))

    await parallelize(step, [1, 2], branch_name=lambda number: f"branch {number}")
    for number in 1, 2:
        below = recorder.below(recorder.one(f"branch {number}"))
        assert [span.name for span in below] == [f"own {number}", f"task {number}"]


async def test_the_current_span_of_a_branch_is_its_own(recorder):
    """Attributes set on it are on the branch's span; the caller's current span stays what it was."""

    async def step(number):
        await asyncio.sleep(number)
        trace.get_current_span().set_attribute("number", number)

    with tracing.span("around"):
        await parallelize(step, [2, 1])
        trace.get_current_span().set_attribute("number", "around")
    assert [span.attributes["number"] for span in recorder.spans("step")] == [1, 2]
    around = recorder.one("around")
    assert around.attributes["number"] == "around"
    assert [span.name for span in recorder.below(around)] == ["parallelize step"]


async def test_nested_fan_outs_hang_under_their_branches(recorder):
    """The tree of spans is the tree of calls."""

    async def outer(number):
        return await parallelize(double, [number], name=f"inner {number}")

    await parallelize(outer, [1, 2], branch_name=lambda number: f"outer {number}")
    for number in 1, 2:
        assert [span.name for span in recorder.below(recorder.one(f"outer {number}"))] == [f"inner {number}"]
