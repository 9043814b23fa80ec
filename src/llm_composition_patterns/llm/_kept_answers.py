"""Answers that an endpoint keeps for the next run, and how a question that they did not answer lets go of them.

A question learns only after its last repair that it failed. Until then its answers must stay: the program may be
killed between two of them, and go on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Forget: TypeAlias = Callable[[], Awaitable[None]]

_of_question: ContextVar[list[Forget] | None] = ContextVar("answers kept of a question", default=None)


@contextmanager
def keeping_track() -> Generator[list[Forget], None, None]:
    """Within it, how to forget each answer that is kept is noted."""
    noted: list[Forget] = []
    token = _of_question.set(noted)
    try:
        yield noted
    finally:
        _of_question.reset(token)


def note(forget: Forget) -> None:
    """An answer is kept; `forget` ends that."""
    if (noted := _of_question.get()) is not None:
        noted.append(forget)
