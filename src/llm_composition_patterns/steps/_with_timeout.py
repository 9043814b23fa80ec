"""`with_timeout`: a step that may run so long.

The clock of a step is that of a branch: it stands still while something inside the step waits for a permit and
nothing inside it holds one. So it keeps an account, as a branch does, which hears of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from ..errors import StepTimeout
from ..runs import Account, current_account, running_loop
from ._checks import check_seconds
from ._step import refuse_what_is_no_step, run_step, step_name, wrapping

P = ParamSpec("P")
T = TypeVar("T")


def with_timeout(step: Callable[P, Awaitable[T]], seconds: float) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make a step that is cancelled, and fails with `StepTimeout`, when a call of `step` has run for `seconds`.

    ```python
    search = with_timeout(ask_the_archive, 20.0)
    answer = await with_fallback(search, from_memory, on=StepTimeout)(question)
    ```

    As with the timeout of a branch, time that the step waits for permits does not count, so that a busy provider
    does not make calls fail which never had their turn; pauses between retries and everything else do.

    A step that goes on in spite of being cancelled is waited for. What it returns or raises then is the result.

    Args:
        step: An async function of any arguments.
        seconds: How long a call may run.

    Raises:
        StepTimeout: From each call, if it ran too long. A `TimeoutError` of the step's own is raised as it is.
        BaseException: From each call, what the step raised.
        TypeError: The step cannot be called, or `seconds` is no number; from a call, the step is not async.
        ValueError: `seconds` is not positive.
    """
    refuse_what_is_no_step(step)
    check_seconds("seconds", seconds)

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        own: BaseException | None = None
        try:
            async with asyncio.timeout(seconds) as limit:
                try:
                    with StepClock(current_account.get(), limit):
                        return await run_step(step, *args, **kwargs)
                except BaseException as error:
                    own = error
                    raise
        except TimeoutError as error:
            if error is own:
                raise
            raise _too_long(step, seconds) from None
        finally:
            own = None  # else the error and this frame hold each other

    return wrapping(step, run)


def _too_long(step: Callable[..., Any], seconds: float) -> StepTimeout:
    name = step_name(step)
    return StepTimeout(
        f"step {name!r} ran longer than {float(seconds):g} s; give it more time, or less to do",
        step=name,
        timeout=seconds,
    )


class StepClock(Account):
    """The clock of one call of a step: it stops a timeout while the step waits for permits."""

    def __init__(self, parent: Account | None, limit: asyncio.Timeout) -> None:
        super().__init__(parent)
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._left: float | None = None
        self._waiting = self._working = 0
        self._over = False

    def __enter__(self) -> None:
        self._token = current_account.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._over = True
        current_account.reset(self._token)

    def shift(self, *, waiting: int = 0, working: int = 0) -> None:
        """Change how many things inside the step wait for a permit, and how many work; stop or start its clock."""
        super().shift(waiting=waiting, working=working)
        if running_loop() is self._loop:
            self._count(waiting, working)
            return
        # A thread in which the step runs has a loop of its own, or none.
        with suppress(RuntimeError):  # ours is closed, and no clock is left
            self._loop.call_soon_threadsafe(self._count, waiting, working)

    def _count(self, waiting: int, working: int) -> None:
        self._waiting += waiting
        self._working += working
        if self._over or self._limit.expired():
            return
        waits = self._waiting > 0 and self._working <= 0
        if waits and self._left is None:
            self._left = max(0.0, (self._limit.when() or 0.0) - self._loop.time())
            self._limit.reschedule(None)
        elif not waits and self._left is not None:
            self._limit.reschedule(self._loop.time() + self._left)
            self._left = None
