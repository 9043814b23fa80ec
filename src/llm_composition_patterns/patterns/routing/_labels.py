"""Labels: what a classifier may answer, and what its annotation says that it will."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from typing import Any, Generic, Literal, Protocol, TypeVar, Union

from ...steps import answer_type, hints

L = TypeVar("L")
L_co = TypeVar("L_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Choice(Generic[L]):
    """A label, and how sure the classifier is of it.

    Attributes:
        label: What decides the route.
        confidence: From 0 to 1.
    """

    label: L
    confidence: float


class Chosen(Protocol[L_co]):
    """Anything with a label and a confidence: a `Choice`, or a pydantic answer with these two fields."""

    @property
    def label(self) -> L_co:
        """What decides the route."""
        ...

    @property
    def confidence(self) -> float:
        """From 0 to 1."""
        ...


def label_and_confidence(answer: Any) -> tuple[Any, Any]:
    """What a classifier answered; the confidence is None where it answered a bare label."""
    if hasattr(answer, "label") and hasattr(answer, "confidence"):
        return answer.label, answer.confidence
    return answer, None


def is_confident(confidence: object, least: float) -> bool:
    """Whether a confidence is high enough; what is no number is never."""
    return isinstance(confidence, Real) and float(confidence) >= least


def check_confidence(least: object) -> None:
    """Raise unless `min_confidence` can be compared with a confidence."""
    if least is None:
        return
    if isinstance(least, bool) or not isinstance(least, Real):
        raise TypeError(f"min_confidence must be a number from 0 to 1, or None; not {least!r}")
    if not 0 <= float(least) <= 1:
        raise ValueError(f"min_confidence must be from 0 to 1, not {least!r}")


def annotated_labels(classify: Callable[..., Any]) -> tuple[Any, ...] | None:
    """Every label that a classifier's annotation allows; None where it does not say, or not all."""
    return _labels(answer_type(classify))


def _labels(answer: Any) -> tuple[Any, ...] | None:
    origin = typing.get_origin(answer)
    if origin is Literal:
        return typing.get_args(answer)
    if origin is Choice:
        return _labels(typing.get_args(answer)[0])
    if origin in {Union, types.UnionType}:
        return _all(_labels(one) for one in typing.get_args(answer))
    return _labels_of_class(answer) if inspect.isclass(answer) else None


def _labels_of_class(answer: type[Any]) -> tuple[Any, ...] | None:
    if answer is types.NoneType:
        return (None,)
    if issubclass(answer, Enum):
        return tuple(answer)
    return _labels(hints(answer).get("label"))


def _all(parts: typing.Iterable[tuple[Any, ...] | None]) -> tuple[Any, ...] | None:
    labels: list[Any] = []
    for part in parts:
        if part is None:
            return None
        labels.extend(part)
    return tuple(dict.fromkeys(labels))
