"""`refine`: generate, evaluate, and generate again with the feedback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from ...errors import add_note
from ...runs import account
from ...steps import Step, answer_of, check_count, name_or, named, refuse_what_cannot_be_called, run_step, step_name
from ...tracing import names, span
from ._rounds import Refined, Round, Verdict, check_verdict, refined

A = TypeVar("A")
B = TypeVar("B")


def refine(
    generate: Callable[[A, Round[B] | None], Awaitable[B]],
    evaluate: Callable[[A, B], Awaitable[Verdict] | Verdict],
    *,
    max_rounds: int,
    name: str | None = None,
) -> Step[A, Refined[B]]:
    """Make a step that generates a value and evaluates it, round after round, until one is accepted.

    ```python
    pitch = refine(write_pitch, judge_pitch, max_rounds=3)
    best = (await pitch(product)).value
    ```

    Args:
        generate: An async function of the input and the round before (None in the first), whose verdict says what to do
            better.
        evaluate: A function of the input and a value, async or plain, that answers a `Verdict`.
        max_rounds: How many rounds there are at most. If none is accepted, the result is the best-scored one.
        name: What the refinement is called in traces and messages; by default `refine` and the generator's name.

    Raises:
        BaseException: From each call, what the generator or the evaluator raised. Its `rounds` are those that the
            innermost refinement had finished, where the exception takes attributes; a note names the round.
        TypeError: Something cannot be called, or is of the wrong type; from a call, an answer is no verdict.
        ValueError: `max_rounds` is less than 1.
    """
    refuse_what_cannot_be_called("generate", generate, "an async function of the input and the round before")
    refuse_what_cannot_be_called("evaluate", evaluate, "a function of the input and a value")
    check_count("max_rounds", max_rounds, least=1)
    called = name_or(name, f"refine {step_name(generate)}")

    async def run(input: A) -> Refined[B]:
        rounds: list[Round[B]] = []
        with span(called, input=input) as written:
            try:
                while not _over(rounds, max_rounds):
                    rounds.append(await _round(generate, evaluate, input, rounds))
            except BaseException as error:
                _tell(error, rounds, called)
                raise
            finally:
                written.set({names.ROUNDS: len(rounds)})
            result = refined(rounds)
            written.set({names.BEST_ROUND: result.best.number, names.ACCEPTED: result.accepted})
            written.output(result.value)
            return result

    return named(called, run)


def _over(rounds: list[Round[Any]], max_rounds: int) -> bool:
    return len(rounds) == max_rounds or (bool(rounds) and rounds[-1].verdict.accepted)


async def _round(
    generate: Callable[[A, Round[B] | None], Awaitable[B]],
    evaluate: Callable[[A, B], Awaitable[Verdict] | Verdict],
    input: A,
    rounds: list[Round[B]],
) -> Round[B]:
    number = len(rounds) + 1
    with account() as used:
        value = await run_step(generate, input, rounds[-1] if rounds else None)
        with span(step_name(evaluate), "EVALUATOR", {names.ROUND: number}, input=value) as written:
            verdict = await answer_of(evaluate, input, value)
            check_verdict(verdict, step_name(evaluate))
            written.set({names.ACCEPTED: verdict.accepted, names.SCORE: float(verdict.score)})
            written.output(verdict)
    return Round(number=number, value=value, verdict=verdict, usage=used.usage)


def _tell(error: BaseException, rounds: list[Round[Any]], name: str) -> None:
    add_note(error, f"in round {len(rounds) + 1} of {name!r}")
    with suppress(Exception):  # somebody else's class, and what it raised must come through
        if not hasattr(error, "rounds"):  # those of a refinement inside this one are closer to it
            error.rounds = tuple(rounds)  # type: ignore[attr-defined]
