"""A classifier decides which handler gets the input."""

import asyncio
from enum import Enum
from typing import NamedTuple

import pytest
from openinference.instrumentation import TraceConfig
from opentelemetry.trace import StatusCode

from llm_composition_patterns import Choice, NoRoute, chain, gate, parallelize, route
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names, span


class Topic(Enum):
    PRODUCT = "product"
    COMPANY = "company"


class Answer(NamedTuple):
    label: str
    confidence: float


async def upper(text):
    return text.upper()


async def lower(text):
    return text.lower()


async def ask_back(text):
    return f"{text}?"


def first_word(text):
    return text.split()[0]


async def topic(text):
    return Topic.PRODUCT if "p" in text else Topic.COMPANY


HANDLERS = {Topic.PRODUCT: upper, Topic.COMPANY: lower}
WORDS = {"up": upper, "down": lower}


async def test_the_handler_of_the_label_gets_the_original_input():
    """And its result is the route's; the classifier may be async or plain."""
    assert await parallelize(route(topic, HANDLERS), ["Ap", "Bo"]) == ["AP", "bo"]
    assert await parallelize(route(first_word, WORDS), ["up Ab", "down Ab"]) == ["UP AB", "down ab"]


@pytest.mark.parametrize("answer", [Choice("up", 0.9), Answer("up", 0.9), Choice("up", 1)])
async def test_a_choice_says_how_sure_it_is(answer):
    """Anything with a label and a confidence does."""
    assert await route(lambda _: answer, WORDS, min_confidence=0.9)("Ab") == "AB"


@pytest.mark.parametrize("confidence", [0.4, -1, float("nan"), None, "0.9"])
async def test_an_under_confident_label_goes_to_the_default(confidence):
    """What is no number is never sure enough; but for None, which says nothing at all."""
    step = route(lambda _: Choice("up", confidence), WORDS, default=ask_back, min_confidence=0.5)
    if confidence is None:
        with pytest.raises(TypeError, match="min_confidence needs a confidence"):
            await step("Ab")
    else:
        assert await step("Ab") == "Ab?"


async def test_without_a_least_confidence_any_will_do():
    """The label decides alone."""
    assert await route(lambda _: Choice("up", 0.0), WORDS)("Ab") == "AB"


async def test_an_under_confident_label_without_a_default_is_an_error():
    """It names the label, the confidence and the known labels."""
    with pytest.raises(
        NoRoute, match=r"'r' is not sure enough of 'up' \(0.4 < 0.5\); it knows 'up', 'down'. Give a default"
    ) as caught:
        await route(lambda _: Choice("up", 0.4), WORDS, min_confidence=0.5, name="r")("Ab")
    assert (caught.value.label, caught.value.known) == ("up", ("up", "down"))


async def test_an_unknown_label_goes_to_the_default():
    """Also one that could be no key."""
    step = route(lambda text: ["list"] if text == "list" else text, WORDS, default=ask_back)
    assert await parallelize(step, ["sideways", "list"]) == ["sideways?", "list?"]


async def test_an_unknown_label_without_a_default_is_an_error():
    """It names the label, the known ones, and what may have been meant."""
    with pytest.raises(
        NoRoute, match="'route first_word' has no route for 'upp'; it knows 'up', 'down'; did you mean 'up'"
    ) as caught:
        await route(first_word, WORDS)("upp Ab")
    assert (caught.value.label, caught.value.known, caught.value.kind) == ("upp", ("up", "down"), "error")


@pytest.mark.parametrize("label", ["up", "sideways"])
async def test_a_bare_label_has_no_confidence(label):
    """With `min_confidence` it is a TypeError, known or not and with a default or not."""
    with pytest.raises(TypeError, match=r"let the classifier of .* answer Choice\(label, confidence\)"):
        await route(lambda _: label, WORDS, default=ask_back, min_confidence=0.5)("Ab")


async def test_errors_of_classifier_and_handler_are_raised():
    """As they are, and a default does not answer for them."""

    async def fail(_):
        raise NoRoute("from inside")

    with pytest.raises(NoRoute, match="from inside"):
        await route(fail, WORDS, default=ask_back)("a")
    with pytest.raises(NoRoute, match="from inside"):
        await route(first_word, {"up": fail}, default=ask_back)("up")


async def test_cancelling_a_route_cancels_its_handler():
    """The cancellation comes through, and the span is ERROR."""
    ended = []

    async def slow(text):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(text)

    with record_spans() as spans:
        task = asyncio.create_task(route(first_word, {"up": slow})("up"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == ["up"]
    assert spans.one("route first_word").status.status_code is StatusCode.ERROR


async def test_the_routes_are_those_of_the_building():
    """What is done to the dict afterwards changes nothing."""
    routes = dict(WORDS)
    step = route(first_word, routes)
    routes.clear()
    assert await step("up Ab") == "UP AB"


async def test_the_span_of_a_route():
    """It shows label, confidence and handler, and is around what classifier and handler write."""

    async def classify(text):
        with span("classified"):
            return Choice(Topic.PRODUCT, 0.75)

    async def handle(text):
        with span("handled"):
            return text.upper()

    with record_spans() as spans:
        await route(classify, {Topic.PRODUCT: handle}, name="desk")("Ab")
    assert spans.tree() == [("desk", [("classified", []), ("handled", [])])]
    attributes = spans.one("desk").attributes
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert (attributes["input.value"], attributes["output.value"]) == ("Ab", "AB")
    assert attributes[names.LABEL] == "Topic.PRODUCT"
    assert attributes[names.CONFIDENCE] == 0.75
    assert attributes[names.HANDLER] == "handle"


async def test_the_span_of_a_route_to_the_default():
    """It shows the label that was answered, no confidence where there was none, and the default as handler."""
    with record_spans() as spans:
        await route(first_word, WORDS, default=ask_back)("sideways")
    attributes = spans.one("route first_word").attributes
    assert attributes[names.LABEL] == "sideways"
    assert names.CONFIDENCE not in attributes
    assert attributes[names.HANDLER] == "ask_back"


async def test_the_span_of_a_label_without_a_route():
    """It is ERROR, and shows the label all the same."""
    with record_spans() as spans, pytest.raises(NoRoute):
        await route(first_word, WORDS)("sideways")
    written = spans.one("route first_word")
    assert written.status.status_code is StatusCode.ERROR
    assert written.attributes[names.LABEL] == "sideways"
    assert names.HANDLER not in written.attributes


async def test_a_label_is_masked_with_the_outputs():
    """A model has said it; nor is it quoted by an exception."""
    with record_spans(TraceConfig(hide_outputs=True)) as spans:
        await route(lambda _: "secret", {"secret": upper})("Ab")
        with pytest.raises(NoRoute):
            await route(lambda _: "secret", WORDS)("Ab")
    assert [written.attributes[names.LABEL] for written in spans.spans] == ["__REDACTED__"] * 2
    assert "secret" not in "".join(written.to_json() for written in spans.spans)


async def test_routes_in_chains_in_routes():
    """A route is a step, and takes steps."""
    inner = chain(gate(lambda text: len(text) < 9), lower, name="inner")
    step = chain(route(topic, {Topic.PRODUCT: inner, Topic.COMPANY: upper}), ask_back)
    assert await parallelize(step, ["Ap", "Bo"]) == ["ap?", "BO?"]
    assert route(topic, HANDLERS).__name__ == "route topic"


async def test_a_handler_must_be_async():
    """The repair is named."""
    with pytest.raises(TypeError, match=r"in_threads\(len\)"):
        await route(first_word, {"up": len})("up")


@pytest.mark.parametrize(
    ("given", "settings", "error", "match"),
    [
        ((5, WORDS), {}, TypeError, "classify must be a function of the input that answers a label, not int"),
        ((first_word, [upper]), {}, TypeError, "routes must be a Mapping of labels to steps, not list"),
        ((first_word, {}), {}, ValueError, "routes is empty"),
        ((first_word, {"up": 5}), {}, TypeError, "the handler of 'up' must be an async function of one input, not int"),
        ((first_word, WORDS), {"default": 5}, TypeError, "default must be an async function of one input, not int"),
        ((first_word, WORDS), {"min_confidence": "1"}, TypeError, "min_confidence must be a number from 0 to 1"),
        ((first_word, WORDS), {"min_confidence": True}, TypeError, "min_confidence must be a number from 0 to 1"),
        ((first_word, WORDS), {"min_confidence": 1.5}, ValueError, "min_confidence must be from 0 to 1, not 1.5"),
        ((first_word, WORDS), {"name": ""}, TypeError, "name must be a str"),
    ],
)
def test_a_route_is_checked_when_built(given, settings, error, match):
    """One line says what is wrong."""
    with pytest.raises(error, match=match) as caught:
        route(*given, **settings)
    assert "\n" not in str(caught.value)


def test_a_route_takes_no_coroutine():
    """The repair is named."""
    with pytest.raises(TypeError, match="the handler of 'up' is a coroutine; pass the function itself, upper"):
        route(first_word, {"up": upper("a")})
