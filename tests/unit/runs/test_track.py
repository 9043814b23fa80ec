"""A tracked run: what was used inside it, and its root span."""

import asyncio
from decimal import Decimal

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_composition_patterns import runs
from llm_composition_patterns.runs import Amount, Budget, Reservation, purses, track
from llm_composition_patterns.tracing import names
from llm_composition_patterns.usage import Usage

ONE_CALL = Usage(calls=1, input_tokens=10, output_tokens=5, known_cost=Decimal("0.25"))


async def test_what_is_awaited_inside_is_accounted():
    """Usage of every call inside, also in tasks, adds up while the run goes on."""

    async def call():
        runs.settle(ONE_CALL)

    async with track("work") as tracked:
        await call()
        await asyncio.gather(call(), call())
        assert tracked.usage.calls == 3
    assert tracked.usage.cost == Decimal("0.75")
    runs.settle(ONE_CALL)
    assert tracked.usage.calls == 3


async def test_scopes_nest():
    """What an inner run uses counts for the outer one too, and not the other way round."""
    async with track("outer") as outer:
        runs.settle(ONE_CALL)
        async with track("inner") as inner:
            runs.settle(ONE_CALL)
    assert (outer.usage.calls, inner.usage.calls) == (2, 1)


async def test_nobody_listens_means_no_trace():
    """Without tracing there is no trace id."""
    async with track("work") as tracked:
        pass
    assert tracked.trace_id is None


async def test_the_root_span_shows_the_usage(exported: InMemorySpanExporter):
    """Tokens, calls and cost are on the span at its end."""
    async with track("work") as tracked:
        runs.settle(ONE_CALL)
    (span,) = exported.get_finished_spans()
    assert span.name == "work"
    assert tracked.trace_id == f"{span.context.trace_id:032x}"
    assert span.attributes["openinference.span.kind"] == "CHAIN"
    assert span.attributes[names.CALLS] == 1
    assert span.attributes[names.COST_USD] == 0.25


async def test_the_span_shows_what_went_in_and_what_came_out(exported: InMemorySpanExporter):
    """Where it was said; else it shows neither."""
    async with track("turn", input="why?") as tracked:
        tracked.output("because")
    async with track("silent"):
        pass
    turn, silent = exported.get_finished_spans()
    assert (turn.attributes["input.value"], turn.attributes["output.value"]) == ("why?", "because")
    assert not {"input.value", "output.value"} & silent.attributes.keys()


async def test_an_unknown_cost_is_left_out(exported: InMemorySpanExporter):
    """The known part is shown; the whole is not made up."""
    async with track("work"):
        runs.settle(ONE_CALL)
        runs.settle(Usage(calls=1, unpriced=1))
    (span,) = exported.get_finished_spans()
    assert names.COST_USD not in span.attributes
    assert span.attributes[names.KNOWN_COST_USD] == 0.25


async def test_an_error_marks_the_span_and_passes(exported: InMemorySpanExporter):
    """A failed run is ERROR and still shows what it used."""

    async def failing():
        async with track("work"):
            runs.settle(ONE_CALL)
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await failing()
    (span,) = exported.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes[names.CALLS] == 1
    assert runs.current_account.get() is None


async def test_the_span_shows_the_budget_and_what_was_spent(exported: InMemorySpanExporter):
    """What is not limited is left out; estimates are shown as such."""
    async with track("work", budget=Budget(usd=2)), track("part", budget=Budget(tokens=100)):
        async with Reservation(purses(), lambda: [Amount(10**18, 50)], "model:x") as held:
            held.settle(Amount(10**18 // 4, 20))
        runs.settle(Usage(calls=1, known_cost=Decimal("0.25"), estimated_cost=Decimal("0.25")))
    part, work = (span.attributes for span in exported.get_finished_spans())
    money, tokens = (names.BUDGET_USD, names.SPENT_USD), (names.BUDGET_TOKENS, names.SPENT_TOKENS)
    assert [work[name] for name in money] == [2.0, 0.25]
    assert [part[name] for name in tokens] == [100, 20]
    assert not work.keys() & set(tokens)
    assert not part.keys() & set(money)
    assert part[names.ESTIMATED_COST_USD] == 0.25


@pytest.mark.parametrize("wrong", [5.0, "5", {"usd": 5}])
def test_a_budget_is_a_budget(wrong):
    """A bare number says no unit."""
    with pytest.raises(TypeError, match=r"give a Budget, such as Budget\(usd=5\.0\)$"):
        track("work", budget=wrong)


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_a_run_needs_a_name(wrong):
    """A run without a name cannot be found again."""
    with pytest.raises(TypeError, match="give the run a name"):
        track(wrong)


async def test_a_run_is_entered_once():
    """A second `async with` needs a `track` of its own."""
    run = track("work")
    async with run:
        with pytest.raises(RuntimeError, match="entered already"):
            await run.__aenter__()


async def entered(name="work"):
    """An async generator that is inside a run when it is asked for the first time, and ends with an error."""
    async with track(name):
        yield
        raise LookupError("the body's own")


async def test_a_run_may_be_left_in_another_context(exported: InMemorySpanExporter, caplog):
    """Its span ends and the error of its body comes out; the other context keeps its own run."""
    async with track("other"):
        other = runs.current_account.get()
        generator = entered()
        await asyncio.create_task(anext(generator))
        with pytest.raises(LookupError, match="the body's own"):
            await anext(generator)
        assert runs.current_account.get() is other
    assert [span.name for span in exported.get_finished_spans()] == ["work", "other"]
    assert caplog.text == ""


async def test_a_run_that_is_left_in_a_copy_of_its_context_is_left_there(exported: InMemorySpanExporter, caplog):
    """What follows there is not the run's any more."""
    generator = entered()
    await anext(generator)

    async def leave():
        with pytest.raises(LookupError, match="the body's own"):
            await anext(generator)
        async with track("next"):
            return runs.current_account.get().parent

    assert await asyncio.create_task(leave()) is None
    assert [(span.name, span.parent) for span in exported.get_finished_spans()] == [("work", None), ("next", None)]
    assert caplog.text == ""
