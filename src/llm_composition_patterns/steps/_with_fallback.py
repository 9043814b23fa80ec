"""`with_fallback`: other steps for when one fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import BudgetExceeded, ConfigurationError, ModelError, add_note
from ..tracing import add_event, names
from ._checks import MISTAKES, check_errors
from ._made import Made
from ._step import refuse_what_is_no_step, run_step, step_name, wrapping

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

_A_MISTAKE: Final = "it is a mistake in the program, which another step would only hide"

NEVER: Final[dict[type[Exception], str]] = {
    BudgetExceeded: "another step has no more money than the one before",
    ConfigurationError: "a setting that cannot work is to be mended",
    **dict.fromkeys(MISTAKES, _A_MISTAKE),
}
"""What no fallback answers for, and why."""


def with_fallback(
    step: Callable[P, Awaitable[T]],
    *others: Callable[P, Awaitable[U]],
    on: type[Exception] | tuple[type[Exception], ...] = ModelError,
) -> Callable[P, Coroutine[Any, Any, T | U]]:
    """Make a step that gives its arguments to `step`, and if that fails to the `others`, in order, until one answers.

    ```python
    translate = with_fallback(translate_well, translate_locally, on=(ModelError, StepTimeout))
    ```

    Only the exceptions in `on` lead to the next step. Whatever `on` says, `BudgetExceeded`, `ConfigurationError` and
    mistakes in the program (`TypeError`, `AttributeError`, `NameError`, `AssertionError`, `ImportError`,
    `SyntaxError`) never do.

    Where another one answered, an event `fallback answered` on the current span says which.

    Args:
        step: An async function of any arguments.
        others: One or more async functions of the same arguments.
        on: The class of exceptions after which the next step is tried, or a tuple of such.

    Raises:
        BaseException: From each call, what the last step that was tried raised. Notes tell of those before, and
            `__context__` has the one before.
        TypeError: There are no others, one cannot be called, or `on` is no class of exceptions; from a call, a step is
            not async.
        ValueError: `on` names an exception that never leads to the next step.
    """
    if not others:
        raise TypeError("with_fallback needs another step: with_fallback(step, other)")
    steps = (step, *others)
    for one in steps:
        refuse_what_is_no_step(one)
    named = check_errors(on, verb="fall back on", never=NEVER)

    async def run(*args: P.args, **kwargs: P.kwargs) -> T | U:
        answer: T | U = await _first_answer(steps, [], named, args, kwargs)
        return answer

    return wrapping(step, run, Made(by="with_fallback", steps=steps, settings=named))


async def _first_answer(
    steps: tuple[Callable[..., Awaitable[Any]], ...],
    failed: list[tuple[str, Exception]],
    on: tuple[type[Exception], ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    step, *rest = steps
    try:
        answer = await run_step(step, *args, **kwargs)
    except Exception as error:
        if not rest or isinstance(error, tuple(NEVER)) or not isinstance(error, on):
            _tell(error, failed)
            raise
        # Inside `except`, so that what the next one raises has this error as its context.
        return await _first_answer(tuple(rest), [*failed, (step_name(step), error)], on, args, kwargs)
    if failed:
        _show(step, failed)
    return answer


def _tell(error: Exception, failed: list[tuple[str, Exception]]) -> None:
    for name, before in failed:
        with suppress(Exception):  # somebody else's class may not even have a text
            add_note(error, f"before it, step {name!r} failed with {type(before).__name__}: {before}")


def _show(step: Callable[..., Any], failed: list[tuple[str, Exception]]) -> None:
    errors = [type(before).__name__ for _, before in failed]
    add_event(names.FALLBACK_ANSWERED, {names.STEP: step_name(step), names.ERRORS: errors})
