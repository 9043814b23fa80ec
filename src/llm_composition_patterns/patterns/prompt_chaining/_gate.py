"""`gate`: a check between the steps of a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...errors import GateRefused
from ...steps import Step, answer_of, name_or, named, refuse_what_cannot_be_called, step_name

A = TypeVar("A")


def gate(check: Callable[[A], bool | Awaitable[bool]], *, name: str | None = None) -> Step[A, A]:
    """Make a step that passes its input on if `check` says True, and refuses it if not.

    ```python
    answer = chain(gate(is_about_us), look_up, reply)
    ```

    Args:
        check: A function of the input, plain or async, that answers True or False.
        name: What the gate is called in messages and traces; by default as its check.

    Raises:
        GateRefused: From each call: the check said False. It carries the input.
        BaseException: From each call, what the check raised.
        TypeError: `check` cannot be called; or, from a call, it answered neither True nor False.
    """
    refuse_what_cannot_be_called("check", check, "a function of the gate's input")
    called = name_or(name, step_name(check))

    async def pass_on(input: A) -> A:
        passes = await answer_of(check, input)
        if not isinstance(passes, bool):
            raise TypeError(
                f"the check of gate {called!r} must answer True or False, not {type(passes).__name__}; "
                "return the bool itself, such as verdict.accepted"
            )
        if not passes:
            raise GateRefused(
                f"gate {called!r} refused its input; chain(..., otherwise=...) answers in its place",
                gate=called,
                input=input,
            )
        return input

    return named(called, pass_on)
