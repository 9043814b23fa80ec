"""An event loop whose clock jumps: what waits for time takes none.

Time belongs to the loop. Whatever waits with `asyncio.sleep`, a timeout or `call_at` waits for the loop's clock, so
code under test or in a rehearsal needs no clock of its own. When everything waits, the clock jumps to the next timer
instead of sleeping; a day passes in milliseconds, in exact steps, in the same order every time.

Work that does not wait for the loop's clock is waited for in real time: while a thread of `run_in_executor`
(`asyncio.to_thread` uses it) is at work, or a call announced with `outstanding`, the clock stands still. A program in
which everything waits for something that cannot come is told so instead of hanging.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

T = TypeVar("T")

EPOCH: Final = 1_735_689_600.0
"""When every virtual-time loop was made, in seconds since 1970: the first of January 2025."""

NOTHING_CAN_HAPPEN = (
    "everything on this virtual-time loop waits for ever: no timer is set and no thread is at work, so nothing can "
    "wake it. Look for an event that is never set, or for I/O: sockets need a loop in real time"
)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and jumps to the next timer when everything waits."""

    def __init__(self) -> None:
        self._selector_of_time = _JumpingSelector(self)
        super().__init__(self._selector_of_time)
        self._outstanding = 0
        self._set_clock(0.0)

    def time(self) -> float:
        """The virtual time, in seconds since the loop was made."""
        return self._now

    @contextmanager
    def outstanding(self) -> Iterator[None]:
        """Hold the clock while something works that does not wait for it, such as a thread.

        Enter on the loop; the end must be reported on the loop too (`call_soon_threadsafe` wakes it).
        """
        self._outstanding += 1
        try:
            yield
        finally:
            self._outstanding -= 1

    def run_in_executor(  # type: ignore[override]  # typeshed gives the future of its own TypeVarTuple
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run `func` in a thread; the clock stands still until it has returned."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        held = self.outstanding()
        held.__enter__()
        future.add_done_callback(lambda _: held.__exit__(None, None, None))
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002 - asyncio's own
        """Wait for the threads in real time: a virtual `timeout` would have passed at once."""
        with self.outstanding():
            await super().shutdown_default_executor()

    def _jump(self, seconds: float) -> None:
        # To the timer's own value: adding the difference to the clock could miss it by a rounding error.
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        self._set_clock(max(self._now, scheduled[0].when()) if scheduled else self._now + seconds)

    def _set_clock(self, now: float) -> None:
        self._now = now
        # A timer is due when it lies before now + resolution: the smallest step makes that "not later than now".
        self._clock_resolution = math.ulp(now)


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the real selector without waiting; where it would have to wait, the clock jumps."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self._loop._outstanding:  # noqa: SLF001 - two halves of one clock
            return super().select(None)
        if timeout is None:
            raise RuntimeError(NOTHING_CAN_HAPPEN)
        self._loop._jump(timeout)  # noqa: SLF001
        return ready


def date() -> float:
    """Seconds since 1970: by the running loop's clock where that is virtual, else by the system's."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.time()
    return EPOCH + loop.time() if isinstance(loop, VirtualTimeLoop) else time.time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` like `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
