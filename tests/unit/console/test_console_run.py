"""How commands end: codes, lines, signals and the spans' last chance."""

import asyncio
import os
import signal
import threading

import pytest

from llm_composition_patterns.console import _run, ending_well, leave, run_command
from llm_composition_patterns.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ModelUnavailable,
    UnknownModel,
)


class Spans:
    """Tracing that notes how long it was given."""

    def __init__(self, shutting_down=None):
        self.timeouts = []
        self._shutting_down = shutting_down

    def shutdown(self, timeout):
        """Note it, and do what else a test wants done by then."""
        self.timeouts.append(timeout)
        if self._shutting_down:
            self._shutting_down()


async def fine():
    return 3


async def waiting():
    await asyncio.Event().wait()


def signalled(number, main=waiting):
    """A command that gets a signal while it runs `main`."""

    async def command():
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        return await main()

    return command


def raising(error):
    async def command():
        raise error

    return command


def test_the_result_of_the_coroutine_is_the_code(capsys):
    """Nothing is said about a command that ends by itself."""
    spans = Spans()
    assert run_command(fine, tracing=spans) == 3
    assert capsys.readouterr() == ("", "")
    assert spans.timeouts == [_run.TRACING_MAY_TAKE]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigurationError("no such file"), 2, "error: no such file"),
        (AuthenticationFailed("set GROQ_API_KEY"), 2, "error: set GROQ_API_KEY"),
        (UnknownModel("use another"), 2, "error: use another"),
        (ModelUnavailable("the network\nis down"), 1, "error: the network is down"),
        (ConnectionRefusedError(111, "Connection refused"), 1, "error: Connection refused"),
        (TimeoutError(), 1, "error: TimeoutError"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "error: /x/y: Permission denied"),
    ],
)
def test_a_known_error_is_one_line(error, code, line, capsys):
    """What the user can mend is 2, what failed is 1, and nobody sees a traceback."""
    spans = Spans()
    assert run_command(raising(error), tracing=spans) == code
    assert capsys.readouterr().err == line + "\n"
    assert len(spans.timeouts) == 1


def test_notes_are_part_of_the_line(capsys):
    """They say which branch it was."""
    error = ModelUnavailable("down")
    error.add_note("in branch french")
    assert run_command(raising(error)) == 1
    assert capsys.readouterr().err == "error: down (in branch french)\n"


def test_a_bug_is_raised():
    """Its traceback is wanted; spans are handed over all the same."""
    spans = Spans()
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()), tracing=spans)
    assert len(spans.timeouts) == 1


def test_a_cancellation_without_a_signal_is_a_bug():
    """Nobody asked for it, so it is not an interruption."""
    with pytest.raises(asyncio.CancelledError):
        run_command(raising(asyncio.CancelledError()))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_cancels_the_command(number, code, capsys):
    """It may clean up, spans get a second, and the code says which signal it was."""
    ended = []

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    spans = Spans()
    assert run_command(signalled(number, main), tracing=spans) == code
    assert ended == ["cleaned up"]
    assert spans.timeouts == [_run.TRACING_MAY_TAKE_WHEN_STOPPED]
    assert capsys.readouterr().err == f"{_run.STOPPING}\n"


def test_a_stopped_command_says_so_whatever_it_returns():
    """It writes what is finished and returns; the code is still that of the signal."""

    async def main():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 0

    assert run_command(signalled(signal.SIGINT, main)) == 130


def test_an_error_while_stopping_is_shown(capsys):
    """What could not be written is said, and the code is that of the signal."""

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            raise PermissionError(13, "Permission denied", "/out")

    assert run_command(signalled(signal.SIGTERM, main)) == 143
    assert capsys.readouterr().err.splitlines()[1:] == ["error: /out: Permission denied"]


def test_handlers_are_put_back():
    """After the command, signals mean what they meant before, also where SIGINT was ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_command(signalled(signal.SIGINT)) == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_terminal_that_closes_may_say_so_twice(monkeypatch):
    """The kernel does, and then the shell; what is finished is still written."""
    monkeypatch.setattr(os, "_exit", lambda _: pytest.fail("it ended at once"))
    ended = []

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(signal.SIGHUP)
            ended.append("cleaned up")

    assert run_command(signalled(signal.SIGHUP, main)) == 129
    assert ended == ["cleaned up"]


def test_a_command_that_ignores_hang_ups_goes_on():
    """As `nohup` starts it."""

    async def main():
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        return 3

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_command(main) == 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_second_signal_ends_at_once(monkeypatch):
    """Whatever the command is doing by then."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(signal.SIGTERM)

    run_command(signalled(signal.SIGINT, main))
    assert codes == [143]


def test_a_signal_cuts_the_wait_for_spans_short():
    """When the command itself has ended, there is nothing to cancel, and the wait is given up."""
    spans = Spans(shutting_down=lambda: signal.raise_signal(signal.SIGINT))
    assert run_command(fine, tracing=spans) == 130


def test_outside_of_the_main_thread_signals_are_left_alone():
    """Only the main thread may handle them."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run_command(fine)))
    thread.start()
    thread.join()
    assert codes == [3]


def test_threads_are_not_waited_for():
    """What works for nobody does not hold the command up."""
    release = threading.Event()

    async def main():
        asyncio.get_running_loop().run_in_executor(None, release.wait)
        return 0

    try:
        assert run_command(main) == 0
    finally:
        release.set()


@pytest.fixture
def handlers():
    """Put back what `leave` changes for good."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_the_process_is_left_with_its_code():
    """As `sys.exit` does it, when nothing is in the way."""
    with pytest.raises(SystemExit) as ended:
        leave(3)
    assert ended.value.code == 3


@pytest.mark.usefixtures("handlers")
def test_a_thread_at_work_does_not_keep_the_process(monkeypatch):
    """It gets a moment, then the process ends."""
    codes, release = [], threading.Event()
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(_run, "THREADS_MAY_TAKE", 0.01)
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        with pytest.raises(SystemExit):
            leave(3)
    finally:
        release.set()
        thread.join()
    assert codes == [3]


def test_ctrl_c_in_a_plain_command_is_quiet(capsys):
    """Commands without a loop end well too."""

    def command():
        raise KeyboardInterrupt

    assert ending_well(command) == 130
    assert capsys.readouterr().err == ""


def test_a_broken_pipe_is_quiet(capsys):
    """Nobody reads any more, so there is nobody to tell."""

    def command():
        raise BrokenPipeError(32, "Broken pipe")

    assert ending_well(command) == 141
    assert capsys.readouterr().err == ""
