"""`orchestrate`: plan subtasks, do them side by side, put the results together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, overload

from ...errors import TooManySubtasks
from ...outcome import Outcome
from ...steps import (
    Step,
    answer_of,
    check_count,
    name_or,
    named,
    refuse_what_cannot_be_called,
    refuse_what_is_no_step,
    step_name,
)
from ...tracing import names, span
from ..parallelization import OnError, outcomes_of, stops_on_failure

A = TypeVar("A")
B = TypeVar("B")
S = TypeVar("S")
R = TypeVar("R")


@overload
def orchestrate(
    plan: Callable[[A], Awaitable[Sequence[S]] | Sequence[S]],
    work: Step[S, R],
    *,
    synthesize: Callable[[A, Sequence[Outcome[R]]], Awaitable[B]],
    max_subtasks: int,
    on_error: OnError = "raise",
    name: str | None = None,
) -> Step[A, B]: ...
@overload
def orchestrate(
    plan: Callable[[A], Awaitable[Sequence[S]] | Sequence[S]],
    work: Step[S, R],
    *,
    synthesize: Callable[[A, Sequence[Outcome[R]]], B],
    max_subtasks: int,
    on_error: OnError = "raise",
    name: str | None = None,
) -> Step[A, B]: ...


def orchestrate(
    plan: Callable[[Any], Any],
    work: Step[Any, Any],
    *,
    synthesize: Callable[[Any, Sequence[Outcome[Any]]], Any],
    max_subtasks: int,
    on_error: OnError = "raise",
    name: str | None = None,
) -> Step[Any, Any]:
    """Make a step that plans subtasks for its input, does them side by side, and puts the results together.

    ```python
    advise = orchestrate(plan_outfit, find_garment, synthesize=recommend, max_subtasks=8, on_error="collect")
    ```

    An empty plan goes straight to the synthesis.

    Args:
        plan: A function of the input, async or plain, that answers the subtasks: whatever `work` takes.
        work: An async function of one subtask.
        synthesize: A function, async or plain, of the input and the outcomes, which are in the order of the plan.
        max_subtasks: How many subtasks a plan may have.
        on_error: `"raise"` ends at the first subtask that fails, and every outcome that `synthesize` is given is a
            `Success`; `"collect"` gives it failures too.
        name: What the orchestration is called in traces and messages; by default `orchestrate` and the planner's name.

    Raises:
        TooManySubtasks: From each call: the plan has more than `max_subtasks`; nothing of it was begun.
        BaseException: From each call, what the planner or the synthesis raised, and with `"raise"` what a worker did.
        TypeError: Something cannot be called, or is of the wrong type; from a call, the plan is no sequence.
        ValueError: A setting is out of its range.
    """
    refuse_what_cannot_be_called("plan", plan, "a function of the input that answers the subtasks")
    refuse_what_is_no_step(work)
    refuse_what_cannot_be_called("synthesize", synthesize, "a function of the input and the outcomes")
    check_count("max_subtasks", max_subtasks, least=1)
    stops_on_failure(on_error)
    called = name_or(name, f"orchestrate {step_name(plan)}")

    async def run(input: Any) -> Any:
        with span(called, input=input) as written:
            subtasks = await answer_of(plan, input)
            _check_plan(subtasks, max_subtasks, called)
            written.set({names.SUBTASKS: len(subtasks)})
            outcomes = await outcomes_of(work, subtasks, on_error=on_error) if subtasks else []
            output = await answer_of(synthesize, input, outcomes)
            written.output(output)
            return output

    return named(called, run)


def _check_plan(subtasks: Any, max_subtasks: int, name: str) -> None:
    if not isinstance(subtasks, Sequence) or isinstance(subtasks, str | bytes):
        raise TypeError(
            f"the planner of {name!r} must answer a sequence of subtasks, not {type(subtasks).__name__}; "
            "return the list itself, such as plan.subtasks"
        )
    if len(subtasks) > max_subtasks:
        raise TooManySubtasks(
            f"{name!r} planned {len(subtasks)} subtasks, and max_subtasks is {max_subtasks}; tell the planner how many "
            "it may have, or raise max_subtasks",
            subtasks=subtasks,
            max_subtasks=max_subtasks,
        )
