"""What each task must come to, whichever library does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ._facts import NEVER_VALID, TOO_LONG, number, ruling

CALLS = {"classify": 200, "chain": 190, "vote": 200}
"""Calls that a task takes where none is repeated."""

_TICKETS, _LETTERS, _REVIEWS = 200, 100, 40


def check(task: str, result: object) -> None:
    """Judge what a snippet returned.

    Raises:
        RuntimeError: An answer is missing or wrong, or a failure is not told.
    """
    wrong = {"classify": _classified, "chain": _chained, "vote": _voted}[task](result)
    if wrong:
        raise RuntimeError(f"{task}: {wrong}")


def _classified(result: object) -> str | None:
    answers, failures = _pair(result)
    lost = {number("Ticket", ticket) for ticket in failures}
    if lost != {*TOO_LONG, NEVER_VALID} or not all(isinstance(error, BaseException) for error in failures.values()):
        return f"the failures are of {sorted(lost)}"
    if len(answers) != _TICKETS - len(lost):
        return f"{len(answers)} answers"
    wrong = [answer for answer in answers.values() if (answer.topic, answer.urgent) != ("repair", False)]
    return f"wrong answers {wrong[:1]}" if wrong else None


def _chained(result: object) -> str | None:
    expected = ["Which order is it?" if letter % 10 == 0 else "We will mend it." for letter in range(_LETTERS)]
    return _compared(result, expected)


def _voted(result: object) -> str | None:
    return _compared(result, [ruling(review) for review in range(_REVIEWS)])


def _compared(result: object, expected: Sequence[str]) -> str | None:
    return None if result == expected else f"{result}"


def _pair(result: object) -> tuple[Mapping[str, _Triage], Mapping[str, object]]:
    if not isinstance(result, tuple):
        raise RuntimeError(f"classify: {result}")  # noqa: TRY004 - of one kind with the rest
    return result


class _Triage:
    topic: str
    urgent: bool
