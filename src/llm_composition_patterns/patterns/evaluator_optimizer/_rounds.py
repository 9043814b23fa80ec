"""Rounds of a refinement: what was made, what was thought of it, and which was best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any, Generic, Protocol, TypeVar

from ...usage import Usage

B = TypeVar("B")


class Verdict(Protocol):
    """What an evaluator says of a value; any object with these three will do, such as a pydantic model.

    Attributes:
        accepted: Whether it is good enough.
        score: How good it is; the higher the better.
        feedback: What to do better.
    """

    @property
    def accepted(self) -> bool:
        """Whether it is good enough."""
        ...

    @property
    def score(self) -> float:
        """How good it is; the higher the better."""
        ...

    @property
    def feedback(self) -> str:
        """What to do better."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Generic[B]):
    """One value and its verdict.

    Attributes:
        number: From 1.
        value: What was generated.
        verdict: What the evaluator said of it.
        usage: What generating and evaluating it used.
    """

    number: int
    value: B
    verdict: Verdict
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined(Generic[B]):
    """What a refinement came to.

    Attributes:
        best: The round that was accepted; if none was, the one with the highest score, the first of equal ones.
        rounds: Every round, in order.
    """

    best: Round[B]
    rounds: tuple[Round[B], ...]

    @property
    def value(self) -> B:
        """The best round's value."""
        return self.best.value

    @property
    def accepted(self) -> bool:
        """Whether the evaluator accepted it."""
        return self.best.verdict.accepted


def refined(rounds: list[Round[B]]) -> Refined[B]:
    """The result of these rounds, of which there is at least one."""
    best = rounds[-1] if rounds[-1].verdict.accepted else max(rounds, key=lambda one: _rank(one.verdict.score))
    return Refined(best=best, rounds=tuple(rounds))


def _rank(score: Any) -> Any:
    if math.isnan(score):
        return -math.inf
    if isinstance(score, Decimal) and score.is_finite():  # as it is, it does not compare with a Fraction
        return Fraction(score)
    return score if isinstance(score, Real) else float(score)


def _is_number(score: Any) -> bool:
    """Whether a score is a number of any kind, a Decimal included; a text is none."""
    if isinstance(score, bool | str | bytes | bytearray):
        return False
    try:
        float(score)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def check_verdict(verdict: object, evaluator: str) -> None:
    """Raise TypeError, with the repair, for what is no verdict."""
    missing = [name for name in ("accepted", "score", "feedback") if not hasattr(verdict, name)]
    if missing:
        raise TypeError(
            f"{evaluator} must answer a verdict with accepted, score and feedback; its {type(verdict).__name__} has no "
            + " and no ".join(missing)
        )
    if not isinstance(verdict.accepted, bool):  # type: ignore[attr-defined]  # looked up above
        raise TypeError(f"the verdict of {evaluator} must have True or False as accepted, not {verdict.accepted!r}")  # type: ignore[attr-defined]
    if not _is_number(verdict.score):  # type: ignore[attr-defined]
        raise TypeError(f"the verdict of {evaluator} must have a number as score, not {verdict.score!r}")  # type: ignore[attr-defined]
