"""Running a command to a good end, whatever ends it.

The first Ctrl-C (or SIGTERM, or the end of the terminal) cancels the command's coroutine, which then writes what is
finished in its `except` and `finally` blocks; the second ends the process at once. The handlers are plain signal
handlers, set before the loop starts: a handler of the loop runs only when the loop turns, and a second Ctrl-C is
pressed just when it does not.
`asyncio.Runner` leaves SIGINT alone where it finds a handler.

When the coroutine has ended, the command has: `leave` does not wait for threads that still work for nobody (a name
that is being resolved for a call long cancelled, say).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, NoReturn, Protocol, TypeAlias

from ..errors import AuthenticationFailed, ConfigurationError, LLMCompositionError, UnknownModel
from ._codes import BROKEN_PIPE, FAILED, INTERRUPTED, OK, USAGE
from ._providers import on_command_line
from ._signals import handling
from ._terminal import forget_unwritten, say, tolerate_narrow_encodings

Main: TypeAlias = Callable[[], Coroutine[Any, Any, int]]
Show: TypeAlias = Callable[[int], int]

STOPPING = "stopping: what is finished is kept (once more to end at once)"
TRACING_MAY_TAKE = 30.0
TRACING_MAY_TAKE_WHEN_STOPPED = 1.0
THREADS_MAY_TAKE = 0.3


class Closing(Protocol):
    """What has spans to hand over before the process ends, such as a `Tracing`."""

    def shutdown(self, timeout: float) -> object:
        """Hand over what is there, within `timeout` seconds."""


def run_command(
    main: Main, *, tracing: Closing | None = None, stopping: str = STOPPING, show: Show = lambda code: code
) -> int:
    """Run the coroutine that is a command, and give back its exit code.

    The first SIGINT, SIGTERM or SIGHUP cancels `main`, whose `except` and `finally` blocks may write what is finished;
    the code is then 130, 143 or 129, whatever `main` returns. The second ends the process at once. A known error
    becomes one line on stderr (see `ending_well`); what nobody foresaw is raised, because it is a bug.

    Args:
        main: Gives the coroutine to run; its result is the exit code.
        tracing: Shut down at the end: within a second after a signal, else within 30.
        stopping: Said at the first signal; nothing is said where it is empty.
        show: Given the code when the coroutine has ended; prints what is finished, and gives the exit code. A first
            signal does not cut that off.
    """
    signals = _Signals()
    with signals.handled():
        code = ending_well(lambda: _run(lambda: _stoppable(main, signals, stopping), tracing, signals))
        with signals.stopping_by(lambda: None):
            shown = ending_well(lambda: show(signals.code_or(code)))
            return signals.code_or(shown)


def ending_well(command: Callable[[], int]) -> int:
    """Call `command`, and turn what ends it into an exit code and at most one line on stderr.

    Errors of this package and of the operating system are a line each. Configuration that cannot work (a key, a
    model, a file) is code 2, the rest 1. A pipe that nobody reads any more ends quietly, and so does Ctrl-C.
    """
    tolerate_narrow_encodings()
    return flushed(_code_of(command))


def flushed(code: int) -> int:
    """Write what stdout still holds; `code`, or where that was 0 and it cannot be written, the code of that."""
    ended = _code_of(_flush_output)
    return code or ended


def leave(code: int) -> NoReturn:
    """End the process with `code`, without waiting for threads that nobody can stop; at once when a signal comes."""
    if threading.current_thread() is threading.main_thread():
        for number in _handled():
            signal.signal(number, lambda number, _frame: _end_at_once(128 + number))
    until = time.monotonic() + THREADS_MAY_TAKE
    for thread in _threads_at_work():
        thread.join(max(0.0, until - time.monotonic()))
    if _threads_at_work():
        _end_at_once(code)
    sys.exit(code)


def _run(main: Main, tracing: Closing | None, signals: _Signals) -> int:
    with asyncio.Runner(loop_factory=_CommandLoop) as runner:
        try:
            return ending_well(lambda: runner.run(main()))
        finally:
            if tracing is not None:
                tracing.shutdown(TRACING_MAY_TAKE if signals.received is None else TRACING_MAY_TAKE_WHEN_STOPPED)


async def _stoppable(main: Main, signals: _Signals, stopping: str) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        if stopping:
            say(stopping)
        if task is not None:
            task.cancel()

    with signals.stopping_by(lambda: loop.call_soon_threadsafe(stop)):
        try:
            return await main()
        except asyncio.CancelledError:
            if signals.received is None:
                raise
            return signals.code_or(OK)


class _CommandLoop(asyncio.SelectorEventLoop):
    """A loop that does not wait for its threads when it closes."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Leave it to `close`, which tells the threads to end and does not wait."""


class _Signals:
    """What SIGINT, SIGTERM and SIGHUP do while a command runs."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._stop: Callable[[], object] | None = None

    def handled(self) -> AbstractContextManager[None]:
        """Handle them inside.

        A SIGINT also where a shell started us with it ignored: who sends one means it. SIGHUP stays ignored where it
        is, because that is what `nohup` is for.
        """
        return handling(_handled(), self._receive)

    def code_or(self, code: int) -> int:
        """The exit code of the signal that came, if one did."""
        return code if self.received is None else 128 + self.received

    @contextmanager
    def stopping_by(self, stop: Callable[[], object]) -> Iterator[None]:
        """Let the first signal call `stop`; outside, it raises `KeyboardInterrupt` where the program stands."""
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            if number == signal.SIGHUP:  # a terminal that closes says so twice, by the kernel and by the shell
                return
            _end_at_once(128 + number)
        self.received = number
        if self._stop is None:
            raise KeyboardInterrupt
        self._stop()


def _handled() -> list[signal.Signals]:
    """The signals that stop a command."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def _code_of(command: Callable[[], int]) -> int:
    try:
        return command()
    except BrokenPipeError:
        _forget_unwritten()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (LLMCompositionError, OSError) as error:
        say(f"error: {_message(error)}")
        _forget_unwritten()
        return _exit_code(error)


def _exit_code(error: LLMCompositionError | OSError) -> int:
    if isinstance(error, (ConfigurationError, AuthenticationFailed, UnknownModel)):
        return USAGE
    return USAGE if isinstance(error, OSError) and error.filename is not None else FAILED


def _message(error: LLMCompositionError | OSError) -> str:
    message = on_command_line(str(error)) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    notes = getattr(error, "__notes__", ())
    return f"{message} ({'; '.join(notes)})" if notes else message


def _flush_output() -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    return OK


def _forget_unwritten() -> None:
    for stream in (sys.stdout, sys.stderr):
        forget_unwritten(stream)


def _threads_at_work() -> list[threading.Thread]:
    """Threads that the interpreter would wait for."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


def _end_at_once(code: int) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, b"\x1b[?25h")  # a progress bar hides the cursor
    os._exit(code)
