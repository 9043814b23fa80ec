"""`with_retry`: a step that is called again after certain errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import BudgetExceeded, ConfigurationError, ModelError, add_note
from ..tracing import add_event, names
from ._checks import MISTAKES, check_count, check_errors, check_seconds, is_plain_function
from ._step import refuse_what_is_no_step, run_step, step_name, wrapping

P = ParamSpec("P")
T = TypeVar("T")

NEVER: Final[dict[type[Exception], str]] = {
    BudgetExceeded: "a call that the budget cannot pay for is not paid by calling again",
    **dict.fromkeys(MISTAKES, "it is a mistake in the program, which calling again does not mend"),
}
ONLY_IF_NAMED: Final = (ModelError, ConfigurationError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """A pause before each retry: a random part of one that doubles, so that callers do not come back together.

    Attributes:
        first: The longest pause before the first retry, in seconds.
        longest: No pause is longer.
    """

    first: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        check_seconds("first", self.first)
        check_seconds("longest", self.longest)

    def __call__(self, attempt: int) -> float:
        """Seconds to wait after the failure of that attempt, counted from 1."""
        most = min(self.longest, self.first * 2.0 ** min(attempt - 1, 64))
        return random.uniform(0, most)  # noqa: S311 - nobody is kept out by it


DEFAULT_BACKOFF: Final = Backoff()


def with_retry(
    step: Callable[P, Awaitable[T]],
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    attempts: int = 3,
    backoff: Callable[[int], float] | float = DEFAULT_BACKOFF,
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make a step that calls `step` again when it raises one of the exceptions in `on`.

    ```python
    fetch = with_retry(download, on=(ConnectionError, TimeoutError), attempts=5)
    pages = await parallelize(fetch, addresses)
    ```

    Models repeat their own attempts. So a `ModelError`, which says that this was to no avail, is repeated only if `on`
    names exactly its class; a class above it is not enough. The same holds for a `ConfigurationError`.
    `BudgetExceeded`, cancellation and mistakes in the program (`TypeError`, `AttributeError`, `NameError`,
    `AssertionError`, `ImportError`, `SyntaxError`) are never repeated, whatever `on` says.

    Each retry is an event `step retried` on the current span. A pause counts as running for every timeout around.

    Args:
        step: An async function of any arguments; each attempt is given the same ones.
        on: The class of exceptions to retry, or a tuple of such.
        attempts: How often the step is called at most, the first time included.
        backoff: The pause before a retry: a number of seconds, or a function of the number of the attempt that failed,
            from 1, that gives it. By default a random part of 0.5, 1, 2 ... seconds, 30 at most.

    Raises:
        BaseException: From each call, what the last attempt raised; a note says how often it was tried.
        TypeError: The step cannot be called, or a setting is of the wrong type; from a call, the step is not async, or
            `backoff` gave no number.
        ValueError: A setting is out of its range, or `on` names what is never repeated; from a call, `backoff` gave a
            number that is no pause.
    """
    refuse_what_is_no_step(step)
    named = check_errors(on, verb="retry", never=NEVER)
    check_count("attempts", attempts, least=1)
    pause = _pause(backoff)

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        attempt = 1
        while True:
            try:
                return await run_step(step, *args, **kwargs)
            except Exception as error:
                if attempt == attempts or not is_repeated(error, named):
                    _tell(error, step, attempt)
                    raise
                seconds = pause(attempt)
                _show(error, step, attempt, seconds)
            await asyncio.sleep(seconds)
            attempt += 1

    return wrapping(step, run)


def is_repeated(error: Exception, named: tuple[type[Exception], ...]) -> bool:
    """Whether an error is one to call again after."""
    if isinstance(error, tuple(NEVER)):
        return False
    if isinstance(error, ONLY_IF_NAMED):
        return type(error) in named
    return isinstance(error, named)


def _pause(backoff: Callable[[int], float] | float) -> Callable[[int], float]:
    if not callable(backoff):
        check_seconds("backoff", backoff, or_zero=True)
        return lambda _: float(backoff)
    if not is_plain_function(backoff):
        raise TypeError(f"backoff must be a plain function of the attempt that failed, not {backoff!r}")

    def asked(attempt: int) -> float:
        seconds = backoff(attempt)
        check_seconds(f"what backoff gives for attempt {attempt}", seconds, or_zero=True)
        return float(seconds)

    return asked


def _tell(error: Exception, step: Callable[..., Any], attempt: int) -> None:
    if attempt > 1:
        add_note(error, f"step {step_name(step)!r} was tried {attempt} times")


def _show(error: Exception, step: Callable[..., Any], attempt: int, seconds: float) -> None:
    add_event(
        names.STEP_RETRIED,
        {
            names.STEP: step_name(step),
            names.ATTEMPT: attempt,
            names.ERROR: type(error).__name__,
            names.BACKOFF_SECONDS: seconds,
        },
    )
