"""What checkers think of the patterns. Never run."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, assert_type

from llm_composition_patterns import (
    Choice,
    GateRefused,
    Outcome,
    Refined,
    Round,
    Verdict,
    chain,
    gate,
    orchestrate,
    parallelize,
    refine,
    route,
)


class Topic(Enum):
    """Labels."""

    PRODUCT = "product"
    COMPANY = "company"


@dataclass
class Answer:
    """A classifier's answer with fields of its own."""

    label: Topic
    confidence: float


@dataclass(frozen=True)
class Opinion:
    """A verdict."""

    accepted: bool
    score: float
    feedback: str


async def length(text: str) -> int:
    """A step."""
    return len(text)


async def half(number: int) -> float:
    """A step."""
    return number / 2


async def is_short(text: str) -> bool:
    """An async check."""
    return len(text) < 9


def is_even(number: int) -> bool:
    """A plain check."""
    return number % 2 == 0


def sorry(refused: GateRefused) -> bytes:
    """What is said otherwise."""
    return refused.gate.encode()


async def use_chain(texts: list[str]) -> None:
    """The first input, the last output."""
    both = chain(length, half)
    assert_type(both, Callable[[str], Awaitable[float]])
    assert_type(await both("a"), float)
    assert_type(await chain(gate(is_short), length, gate(is_even), half)("a"), float)
    assert_type(await chain(gate(is_short), length, otherwise=sorry)("a"), int | bytes)
    assert_type(await chain(gate(is_short), length, otherwise=lambda _: "no")("a"), int | str)
    assert_type(await parallelize(chain(length, half, name="both"), texts), list[float])
    chain(half, length)  # type: ignore[misc]
    chain(length)  # type: ignore[call-overload]


async def topic(text: str) -> Topic:
    """A classifier."""
    return Topic(text)


async def side(text: str) -> Literal["left", "right"]:
    """A classifier."""
    return "left" if text else "right"


def plain_topic(text: str) -> Topic:
    """A plain classifier."""
    return Topic(text)


async def sure_topic(text: str) -> Choice[Topic]:
    """A classifier with a confidence."""
    return Choice(Topic(text), 0.5)


async def answered_topic(text: str) -> Answer:
    """A classifier with an answer of its own."""
    return Answer(Topic(text), 0.5)


async def use_route() -> None:
    """Handlers take the classifier's input."""
    handlers = {Topic.PRODUCT: length, Topic.COMPANY: length}
    assert_type(await route(topic, handlers)("a"), int)
    assert_type(await route(plain_topic, handlers)("a"), int)
    assert_type(await route(sure_topic, handlers, default=length, min_confidence=0.5)("a"), int)
    assert_type(await route(answered_topic, handlers, min_confidence=0.5)("a"), int)
    assert_type(await route(side, {"left": length, "right": length})("a"), int)
    await route(topic, {Topic.PRODUCT: half})("a")  # type: ignore[arg-type]


async def words(text: str) -> list[str]:
    """A planner."""
    return text.split()


def total(text: str, outcomes: Sequence[Outcome[int]]) -> str:
    """A synthesis."""
    return f"{text}: {len(outcomes)}"


async def total_soon(text: str, outcomes: Sequence[Outcome[int]]) -> bytes:
    """An async synthesis."""
    return f"{text}: {len(outcomes)}".encode()


async def use_orchestrate() -> None:
    """The synthesis decides what comes out."""
    assert_type(await orchestrate(words, length, synthesize=total, max_subtasks=9)("a"), str)
    assert_type(await orchestrate(words, length, synthesize=total_soon, max_subtasks=9)("a"), bytes)
    assert_type(await orchestrate(str.split, length, synthesize=total, max_subtasks=9, on_error="collect")("a"), str)
    orchestrate(words, half, synthesize=total, max_subtasks=9)  # type: ignore[misc, arg-type]


async def write(topic: str, before: Round[int] | None) -> int:
    """A generator."""
    if before is None:
        return 0
    verdict: Verdict = before.verdict
    return before.value + len(verdict.feedback)


async def judge(topic: str, value: int) -> Opinion:
    """An evaluator."""
    return Opinion(value > len(topic), value, "more")


def plain_judge(topic: str, value: int) -> Opinion:
    """A plain evaluator."""
    return Opinion(value > len(topic), value, "more")


def no_judge(topic: str, value: int) -> bool:
    """No evaluator."""
    return value > len(topic)


async def use_refine() -> None:
    """Every round is kept with its type."""
    done = await refine(write, judge, max_rounds=3)("a")
    assert_type(done, Refined[int])
    assert_type(done.value, int)
    assert_type(done.rounds, tuple[Round[int], ...])
    assert_type(done.best.verdict, Verdict)
    assert_type((await refine(write, plain_judge, max_rounds=3)("a")).accepted, bool)
    refine(write, no_judge, max_rounds=3)  # type: ignore[arg-type]
