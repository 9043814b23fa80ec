"""Steps one after the other, each given what the one before it made."""

import asyncio

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.trace import StatusCode

from llm_composition_patterns import GateRefused, chain, gate, in_threads, parallelize
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names, span


async def length(text):
    return len(text)


async def double(number):
    return 2 * number


async def fail(number):
    raise ValueError(f"no {number}")


def is_short(text):
    return len(text) < 5


async def test_each_step_is_given_what_the_one_before_made():
    """The result is the last one's."""
    assert await chain(length, double)("abc") == 6
    assert await chain(length, double, double, double, double, double, double, double)("a") == 128


async def test_steps_run_one_after_the_other():
    """None begins before the one before has ended."""

    async def rest(seconds):
        await asyncio.sleep(seconds)
        return seconds + 1

    assert await chain(rest, rest, rest)(1) == 4
    assert asyncio.get_running_loop().time() == 6.0


async def test_an_error_of_a_step_is_raised_with_its_place():
    """The original exception, with a note that names step and chain; later steps do not run."""
    calls = []

    async def later(number):
        calls.append(number)

    with pytest.raises(ValueError, match="no 3") as caught:
        await chain(length, fail, later, name="three")("abc")
    assert caught.value.__notes__ == ["in step 'fail' of 'three'"]
    assert calls == []


async def test_notes_of_chains_in_chains_lead_to_the_step():
    """From the inside out."""
    with pytest.raises(ValueError, match="no 3") as caught:
        await chain(chain(length, fail, name="inner"), double, name="outer")("abc")
    assert caught.value.__notes__ == ["in step 'fail' of 'inner'", "in step 'inner' of 'outer'"]


async def test_a_gate_that_refuses_ends_the_chain_with_its_error():
    """Without `otherwise`; later steps do not run."""
    with pytest.raises(GateRefused) as caught:
        await chain(gate(is_short), length)("too long")
    assert (caught.value.gate, caught.value.input) == ("is_short", "too long")
    assert caught.value.__notes__ == ["in step 'is_short' of 'chain is_short'"]


async def test_otherwise_answers_in_place_of_the_rest():
    """It is given the refusal, and its value is the result."""
    calls = []

    async def later(text):
        calls.append(text)

    answer = chain(length, gate(lambda number: number < 5), later, otherwise=lambda refused: f"{refused.input} is much")
    assert await answer("too long") == "8 is much"
    assert calls == []


async def test_otherwise_answers_for_a_gate_of_an_inner_chain():
    """A refusal that nobody answered for inside is the outer chain's."""
    inner = chain(gate(is_short), length)
    assert await chain(inner, double, otherwise=lambda _: "sorry")("too long") == "sorry"
    assert await chain(chain(gate(is_short), length, otherwise=lambda _: 0), double)("too long") == 0


async def sorry(refused):
    return "sorry"


@pytest.mark.parametrize("otherwise", [sorry, lambda refused: sorry(refused)], ids=["async", "awaitable"])  # noqa: PLW0108
async def test_otherwise_may_be_async(otherwise):
    """What it gives is awaited, however it comes."""
    assert await chain(gate(is_short), length, otherwise=otherwise)("too long") == "sorry"


async def test_otherwise_is_for_refusals_only():
    """Any other error is raised."""
    with pytest.raises(ValueError, match="no 3"):
        await chain(length, fail, otherwise=lambda _: "sorry")("abc")


async def test_an_error_of_otherwise_is_raised():
    """The refusal is its context."""

    def worse(refused):
        raise KeyError("worse")

    with pytest.raises(KeyError) as caught:
        await chain(gate(is_short), length, otherwise=worse)("too long")
    assert isinstance(caught.value.__context__, GateRefused)


async def test_cancelling_a_chain_cancels_its_step():
    """The cancellation comes through, and nothing runs on."""
    ended = []

    async def slow(text):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(text)

    task = asyncio.create_task(chain(slow, length)("a"))
    await asyncio.sleep(1)
    with record_spans():
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == ["a"]


async def test_the_span_of_a_chain():
    """It shows the input, the output and the names of the steps, and is around what they write."""

    async def traced(text):
        with span("inside"):
            return len(text)

    with record_spans() as spans:
        await chain(traced, double, name="both")("abc")
    assert spans.tree() == [("both", [("inside", [])])]
    attributes = spans.one("both").attributes
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert (attributes["input.value"], attributes["output.value"]) == ("abc", "6")
    assert attributes[names.STEPS] == ("traced", "double")
    assert names.STOPPED_BY not in attributes
    assert spans.one("both").status.status_code is not StatusCode.ERROR


async def test_the_span_of_a_chain_that_failed():
    """It is ERROR, has the exception, and says which step stopped it."""
    with record_spans() as spans, pytest.raises(ValueError, match="no 3"):
        await chain(length, fail, double)("abc")
    written = spans.one("chain length")
    assert written.attributes[names.STOPPED_BY] == "fail"
    assert "output.value" not in written.attributes
    assert written.status.status_code is StatusCode.ERROR
    assert [event.name for event in written.events] == ["exception"]


async def test_the_span_of_a_chain_that_was_answered_otherwise():
    """It says which gate stopped it, shows the answer, and is no error."""
    with record_spans() as spans:
        await chain(gate(is_short), length, otherwise=lambda _: "sorry")("too long")
    written = spans.one("chain is_short")
    assert written.attributes[names.STOPPED_BY] == "is_short"
    assert written.attributes["output.value"] == "sorry"
    assert written.status.status_code is not StatusCode.ERROR


async def test_a_masked_chain_shows_neither_input_nor_output():
    """Nor what an exception quotes."""
    with record_spans(TraceConfig(hide_inputs=True, hide_outputs=True)) as spans:
        await chain(length, double)("secret")
        with pytest.raises(ValueError, match="no 6"):
            await chain(length, fail)("secret")
    shown = "".join(written.to_json() for written in spans.spans)
    assert "secret" not in shown
    assert "no 6" not in shown


async def test_a_chain_is_called_as_its_first_step():
    """Or as it is told; that is its name as a step too."""
    assert chain(length, double).__name__ == "chain length"
    assert chain(length, double, name="both").__name__ == "both"
    assert await parallelize(chain(length, double), ["a", "bb"]) == [2, 4]


async def test_a_chain_of_a_plain_function_in_a_thread():
    """A wrapped step is a step."""
    async with in_threads(len) as counted:
        assert await chain(counted, double)("abc") == 6


async def test_a_step_of_a_chain_must_be_async():
    """The repair is named, and the step."""
    with pytest.raises(TypeError, match=r"len is not async: .*in_threads\(len\)") as caught:
        await chain(len, double)("abc")
    assert caught.value.__notes__ == ["in step 'len' of 'chain len'"]


@pytest.mark.parametrize(
    ("steps", "settings", "match"),
    [
        ((), {}, "two steps or more, not 0"),
        ((length,), {}, "two steps or more, not 1"),
        ((length, 5), {}, "step must be an async function of one input, not int"),
        ((length, double), {"name": ""}, "name must be a str that is not empty"),
        ((length, double), {"name": 5}, "name must be a str that is not empty"),
        ((length, double), {"otherwise": "sorry"}, "otherwise must be a function"),
    ],
)
def test_a_chain_is_checked_when_built(steps, settings, match):
    """One line says what is wrong."""
    with pytest.raises(TypeError, match=match) as caught:
        chain(*steps, **settings)
    assert "\n" not in str(caught.value)


def test_a_chain_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="pass the function itself, length, without calling it"):
        chain(length("a"), double)
