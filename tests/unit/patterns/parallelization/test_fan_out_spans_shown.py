"""Who listens to the spans of a fan-out, and what they may see."""

import pytest
from fan_out_steps import double, kinds, wait, wait_or_fail
from openinference.instrumentation import TraceConfig, suppress_tracing, using_session
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from span_recorder import exceptions, is_error

from llm_composition_patterns import tracing
from llm_composition_patterns.errors import BranchTimeout
from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes, together
from llm_composition_patterns.tracing import names


@pytest.mark.parametrize("listens", [False, True])
async def test_iterators_come_through_whole_whoever_listens(listens, request):
    """As inputs, inside inputs, as results and as the inputs themselves."""
    if listens:
        request.getfixturevalue("recorder")

    async def read(iterator):
        return list(iterator)

    async def read_pages(document):
        return list(document["pages"])

    async def give(count):
        return iter(range(count))

    assert await parallelize(read, [iter([1, 2]), map(str, [3]), (number for number in [4])]) == [[1, 2], ["3"], [4]]
    assert await parallelize(read_pages, {"a": {"pages": iter("ab")}}) == {"a": ["a", "b"]}
    assert [list(numbers) for numbers in await parallelize(give, [1, 2])] == [[0], [0, 1]]
    assert [list(numbers) for numbers in await together(give(1), give(2))] == [[0], [0, 1]]


class SizedIterator:
    """An iterator that knows how many are left."""

    def __init__(self, inputs):
        self._left = list(inputs)

    def __len__(self):
        return len(self._left)

    def __iter__(self):
        return self

    def __next__(self):
        if not self._left:
            raise StopIteration
        return self._left.pop(0)


async def test_a_sized_iterator_of_inputs_is_not_used_up_by_being_shown(recorder):
    """Every input has its branch."""
    assert await parallelize(double, SizedIterator([1, 2])) == [2, 4]


async def test_a_key_is_hidden_with_the_inputs(masking_recorder):
    """It is one half of them."""
    await parallelize(double, {"a secret": 1})
    assert masking_recorder.one("double").attributes[names.KEY] == "__REDACTED__"


async def test_a_key_that_cannot_be_shown_breaks_nothing(recorder):
    """The branch runs all the same."""

    class Unshowable:
        def __str__(self):
            raise RuntimeError("no str")

    key = Unshowable()
    assert await parallelize(double, {key: 1}) == {key: 2}


async def test_nothing_is_built_when_nobody_listens():
    """A value is not even shown as text."""

    class Unshowable:
        def __repr__(self):
            raise AssertionError("shown")

    async def give(value):
        return value

    value = Unshowable()
    assert await parallelize(give, [value]) == [value]
    async with stream_outcomes(double, [1]) as outcomes:
        outcomes.set_attributes({"product_id": 5})
        assert outcomes.trace_id is None


async def test_a_value_that_cannot_be_shown_breaks_nothing(recorder):
    """Input, output and error alike: the span says what it can."""

    class Unshowable(Exception):
        def __repr__(self):
            raise RuntimeError("no repr")

        __str__ = __repr__

    async def give(value):
        return value

    async def fail(value):
        raise value

    value = Unshowable()
    assert await parallelize(give, [value]) == [value]
    (outcome,) = await parallelize(fail, [value], on_error="collect")
    assert outcome.error is value
    assert "Unshowable" in recorder.one("give").attributes["output.value"]
    assert is_error(recorder.one("fail"))
    assert len(recorder.spans()) == 4


async def test_a_session_is_on_every_span(recorder):
    """As OpenInference has it."""
    with using_session("session 7"):
        await parallelize(double, [1, 2])
    assert [span.attributes["session.id"] for span in recorder.spans()] == ["session 7"] * 3


async def test_spans_that_are_not_sampled_change_nothing():
    """Somebody listens, and records nothing."""
    tracer = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test")
    tracing.install(tracing.Spans(tracer, TraceConfig()))
    outcomes = await parallelize(wait_or_fail, [1, -1], on_error="collect")
    assert kinds(outcomes) == ["success", "error"]


async def test_a_caller_that_suppresses_tracing_gets_none(recorder):
    """Nothing is written."""
    with suppress_tracing():
        await parallelize(double, [1, 2])
    assert recorder.spans() == []


async def test_masking_hides_inputs_outputs_and_what_errors_say(masking_recorder):
    """A secret is nowhere, the tree and the figures are there."""

    async def fail_or_give(secret):
        if secret.endswith("!"):
            raise ValueError(secret)
        return secret

    inputs = {"first": "a secret", "second": "a secret!"}
    with pytest.raises(ValueError, match="a secret!"):
        await parallelize(fail_or_give, inputs)
    spans = masking_recorder.spans()
    assert len(spans) == 3
    assert not any("a secret" in span.to_json() for span in spans)
    (failed, *_) = [span for span in spans if span.attributes.get(names.INDEX) == 1]
    assert exceptions(failed) == ["ValueError"]


async def test_a_timeout_reads_the_same_everywhere(recorder):
    """Its span has the message of the error that the caller gets."""
    with pytest.raises(BranchTimeout) as caught:
        await parallelize(wait, [9], timeout=1)
    assert recorder.one("wait").status.description == f"BranchTimeout: {caught.value.args[0]}"
