"""One branch: its account, its clock, its outcome, and running a step in its own context without a Task of its own.

A Task for every branch would cost more than the rest of a fan-out together. A runner's Task runs one branch after the
other instead: it steps the branch's coroutine by hand, inside the branch's own copy of the context, and passes what
the coroutine waits for on to the event loop as if it were waiting itself. Cancelling the runner's Task cancels the
branch that it is at.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import TYPE_CHECKING, Any

from ...errors import FailureKind
from ...outcome import Failure, Success
from ...runs import Account, running_loop
from ...usage import NO_USAGE

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from ...tracing._item_traces import Item  # not offered by its package: it brings the SDK along
    from ._fan_out import FanOut


class Branch(Account):
    """One branch of a fan-out while it runs.

    Attributes:
        runner: The Task that runs it.
        started: When it started, on the loop's clock.
        queued: How long it has waited for permits so far, in seconds.
        waiting_since: When it began to wait for a permit; None while its clock runs.
        expired: Whether its timeout has cancelled it.
        raised: The error that a fan-out inside it raised last.
        span: Its span, or None when nobody listens.
        item: The trace that its span is the root of, where that may be sampled out; else None.
        over: Whether it has ended.
    """

    # What most branches never change stands here: setting it for each would cost as much as running one.
    fan_out: FanOut[Any, Any]
    name: str = ""
    queued: float = 0.0
    waiting_since: float | None = None
    expired: bool = False
    raised: BaseException | None = None
    span: Span | None = None
    item: Item | None = None
    over: bool = False
    _waiting: int = 0
    _working: int = 0

    def __init__(
        self,
        parent: Account | None,
        fan_out: FanOut[Any, Any],
        runner: asyncio.Task[None],
        index: int,
        key: Any,
        input: Any,
        started: float,
    ) -> None:
        # What Account sets, without the call.
        self.parent = parent  # type: ignore[misc]
        self.usage = NO_USAGE
        self.fan_out = fan_out
        self.runner = runner
        self.index = index
        self.key = key
        self.input = input
        self.started = started

    def shift(self, *, waiting: int = 0, working: int = 0) -> None:
        """Change how many things inside the branch wait for a permit, and how many work; stop or start its clock.

        A thread in which a step runs has an event loop of its own, or none: its shifts are handed over.
        """
        if running_loop() is not self.fan_out.loop:
            self._hand_over(waiting, working)
            return
        self._waiting += waiting
        self._working += working
        self._set_clock(waits=self._waiting > 0 and self._working <= 0 and not self.over)

    def _hand_over(self, waiting: int, working: int) -> None:
        with suppress(RuntimeError):  # the loop is closed, and no clock is left
            self.fan_out.loop.call_soon_threadsafe(lambda: self.shift(waiting=waiting, working=working))

    def success(self, value: Any) -> Success[Any]:
        """End with what the step returned; what is left running behind changes nothing any more."""
        # Nearly every branch ends here: a call or a tuple in between would cost a tenth of it.
        self.over = True
        if self.waiting_since is not None:
            self._set_clock(waits=False)
        fan_out, started, queued, usage = self.fan_out, self.started, self.queued, self.usage
        fan_out.now = now = fan_out.clock()
        attempts = 0 if usage is NO_USAGE else usage.attempts
        return Success(
            value, self.index, self.key, self.name, self.input,
            attempts, started - fan_out.began, now - started - queued, queued, usage,
        )  # fmt: skip

    def failure(self, error: BaseException, kind: FailureKind) -> Failure:
        """End with an error."""
        ended = self.success(None)
        return Failure(
            error, kind, ended.index, ended.key, ended.name, ended.input,
            ended.attempts, ended.started, ended.elapsed, ended.queued, ended.usage,
        )  # fmt: skip

    def _set_clock(self, *, waits: bool) -> None:
        if waits and self.waiting_since is None:
            self.waiting_since = self.fan_out.clock()
            self.fan_out.clock_stopped()
        elif not waits and self.waiting_since is not None:
            self.queued += self.fan_out.clock() - self.waiting_since
            self.waiting_since = None
            self.fan_out.clock_started(self)


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The loop's clock, without the Python call around asyncio's own."""
    return time.monotonic if getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time else loop.time


def enclosing_branch(account: Account | None) -> Branch | None:
    """The branch that an account lies in, if any."""
    while account is not None and not isinstance(account, Branch):
        account = account.parent
    return account


def clock_around(account: Account | None) -> Account | None:
    """The innermost account that keeps a clock, a branch's or a step's, if any."""
    while account is not None and type(account).shift is Account.shift:
        account = account.parent
    return account


def coroutine_of(made: object) -> Coroutine[Any, Any, Any] | None:
    """What a step gave instead of a coroutine, as one; None if it cannot be awaited."""
    return _awaited(made) if inspect.isawaitable(made) else None


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@coroutine
def drive(run: Callable[..., Any], running: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Step a coroutine that waits for `waits_for` to its end, each time through `run`, a context's own."""
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as thrown:  # noqa: BLE001 - cancellation too belongs to the coroutine
                waits_for = run(running.throw, thrown)
            else:
                waits_for = run(running.send, sent)
    except StopIteration as returned:
        return returned.value


async def absorb_cancellation(runner: asyncio.Task[None]) -> None:
    """Take back a cancellation that was meant for a branch which has ended, delivered or not."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        pass
    finally:
        while runner.cancelling():
            runner.uncancel()
