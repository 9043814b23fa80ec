"""The labels of a classifier's annotation, and the routes."""

import functools
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import pytest
from pydantic import BaseModel

from llm_composition_patterns import Choice, ask, in_threads, parallelize, route, with_fallback, with_retry
from llm_composition_patterns.patterns.routing._labels import annotated_labels

if TYPE_CHECKING:
    from nowhere import Missing

T = TypeVar("T")


class Topic(Enum):
    PRODUCT = "product"
    COMPANY = "company"


class Answered(BaseModel):
    label: Topic
    confidence: float


@dataclass
class Side:
    label: Literal["left", "right"]
    confidence: float


class Labelled(Generic[T]):
    label: T
    confidence: float


async def by_enum(text: str) -> Topic: ...


async def by_literal(text: str) -> Literal["left", "right"]: ...


async def by_choice(text: str) -> Choice[Topic]: ...


async def by_model(text: str) -> Answered: ...


async def by_dataclass(text: str) -> Side: ...


async def by_union(text: str) -> Topic | Literal["other"]: ...


async def by_several(text: str) -> Choice[Topic] | Side: ...


def plain(text: str) -> Topic: ...


def giving_awaitable(text: str) -> Awaitable[Topic]: ...


class Classifier:
    async def __call__(self, text: str) -> Topic: ...

    async def of(self, text: str) -> Topic: ...


@functools.wraps(by_enum)
async def decorated(*args, **kwargs):
    return await by_enum(*args, **kwargs)


async def unannotated(text): ...


async def by_text(text: str) -> str: ...


async def by_nothing(text: str) -> None: ...


async def by_topic_or_none(text: str) -> Topic | None: ...


async def by_optional_choice(text: str) -> Choice[Topic | None]: ...


async def by_three(text: str) -> Literal["left", "right", "middle"]: ...


async def by_half(text: str) -> Topic | str: ...


async def by_any(text: str) -> Any: ...


async def by_missing(text: str) -> "Missing": ...


async def by_generic(text: str) -> Labelled[Topic]: ...


TOPICS = (Topic.PRODUCT, Topic.COMPANY)


@pytest.mark.parametrize(
    ("classify", "labels"),
    [
        (by_enum, TOPICS),
        (by_literal, ("left", "right")),
        (by_choice, TOPICS),
        (by_model, TOPICS),
        (by_dataclass, ("left", "right")),
        (by_union, (*TOPICS, "other")),
        (by_several, (*TOPICS, "left", "right")),
        (plain, TOPICS),
        (giving_awaitable, TOPICS),
        (Classifier(), TOPICS),
        (Classifier().of, TOPICS),
        (decorated, TOPICS),
        (functools.partial(by_enum, "text"), TOPICS),
        (functools.partial(functools.partial(decorated)), TOPICS),
        (unannotated, None),
        (by_text, None),
        (by_nothing, (None,)),
        (by_topic_or_none, (*TOPICS, None)),
        (by_optional_choice, (*TOPICS, None)),
        (with_fallback(by_literal, by_three), ("left", "right", "middle")),
        (with_retry(with_fallback(by_enum, by_topic_or_none), on=OSError), (*TOPICS, None)),
        (with_fallback(by_literal, by_text), None),
        (with_fallback(by_literal, unannotated), None),
        (in_threads(plain), TOPICS),
        (by_half, None),
        (by_any, None),
        (by_missing, None),
        (by_generic, None),
        (lambda text: text, None),
        (str, None),
        (len, None),
    ],
)
def test_what_an_annotation_says_of_the_labels(classify, labels):
    """All of them, or nothing."""
    assert annotated_labels(classify) == labels


async def handle(text):
    return text


async def handle_rest(text):
    return text


def test_a_label_without_a_handler_fails_when_built():
    """And names it."""
    with pytest.raises(ValueError, match=r"no route for <Topic.COMPANY: 'company'>; add a step for each, or give a"):
        route(by_enum, {Topic.PRODUCT: handle})
    with pytest.raises(ValueError, match="no route for 'left', 'right'"):
        route(by_several, dict.fromkeys(TOPICS, handle))


def test_fallbacks_with_annotations_that_are_no_types_say_nothing():
    """They are somebody else's, and make no union."""

    async def odd(text): ...

    odd.__annotations__ = {"return": Literal[[1]]}
    assert annotated_labels(with_fallback(odd, by_literal)) is None


def test_none_beside_labels_needs_a_handler_as_well():
    """Or a default, as any other label."""
    with pytest.raises(ValueError, match="no route for None; add a step"):
        route(by_topic_or_none, dict.fromkeys(TOPICS, handle))
    route(by_topic_or_none, dict.fromkeys((*TOPICS, None), handle))
    route(by_topic_or_none, dict.fromkeys(TOPICS, handle), default=handle_rest)


def test_a_default_is_for_the_labels_without_a_handler():
    """It takes their place."""
    assert route(by_enum, {Topic.PRODUCT: handle}, default=handle_rest).__name__ == "route by_enum"


def test_a_handler_without_a_label_fails_when_built():
    """With a default too: it would never be called."""
    with pytest.raises(ValueError, match="the classifier never answers 'lift': its annotation lists 'left', 'right'"):
        route(by_literal, {"lift": handle}, default=handle_rest)
    with pytest.raises(ValueError, match="did you mean 'left'"):
        route(by_literal, {"left": handle, "right": handle, "lift": handle})


async def test_what_is_annotated_with_something_else_is_found_out_later():
    """Where the annotation lists no labels, only the call can tell."""
    step = route(by_text_really, {"a": handle}, default=handle_rest)
    assert await parallelize(step, ["a", "b"]) == ["a", "b"]


async def by_text_really(text: str) -> str:
    return text


def test_ask_is_no_classifier_with_labels():
    """A function that gives what it is asked for lists none."""
    assert annotated_labels(ask) is None
