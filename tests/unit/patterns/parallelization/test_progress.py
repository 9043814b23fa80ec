"""Progress: exact records for a callback, a bar on a terminal, and nothing that breaks a branch."""

import io
import logging
import sys

import pytest
import rich.progress  # noqa: F401 - imported here, for it reads the disk
from fan_out_steps import double, wait, wait_or_fail

from llm_composition_patterns.patterns.parallelization import parallelize, stream_outcomes
from llm_composition_patterns.runs import Progress


def record(total, started, done, succeeded, failed, elapsed):
    return Progress(
        total=total,
        started=started,
        done=done,
        succeeded=succeeded,
        failed=failed,
        in_flight=started - done,
        elapsed=elapsed,
    )


async def test_a_callback_gets_exact_records():
    """One at the start, one at each end."""
    seen = []
    await parallelize(wait_or_fail, [1, -2, 3], max_concurrency=2, on_error="collect", progress=seen.append)
    assert seen == [
        record(3, 0, 0, 0, 0, 0),
        record(3, 2, 1, 1, 0, 1),
        record(3, 3, 2, 1, 1, 2),
        record(3, 3, 3, 2, 1, 4),
    ]


async def test_a_source_of_unknown_length_has_no_total():
    """It is None."""
    seen = []
    await parallelize(wait, iter([1]), progress=seen.append)
    assert [progress.total for progress in seen] == [None, None]


async def test_cancelled_branches_have_failed():
    """So that everything adds up."""
    seen = []
    with pytest.raises(ValueError, match="-1"):
        await parallelize(wait_or_fail, [-1, 5, 6], progress=seen.append)
    assert seen[-1] == record(3, 3, 3, 0, 3, 1)


async def test_streams_report_too():
    """In the same way."""
    seen = []
    async with stream_outcomes(wait, [1, 2], progress=seen.append) as outcomes:
        async for _ in outcomes:
            pass
    assert seen[-1] == record(2, 2, 2, 2, 0, 2)


async def test_a_callback_that_raises_is_disabled_and_reported_once(caplog):
    """No branch is touched by it."""
    calls = []

    def broken(progress):
        calls.append(progress)
        raise ValueError("broken callback")

    with caplog.at_level(logging.ERROR, "llm_composition_patterns"):
        assert await parallelize(double, range(5), progress=broken) == [0, 2, 4, 6, 8]
    assert len(calls) == 1
    (message,) = caplog.records
    assert "is not called any more" in message.message
    assert "broken callback" in message.exc_text


async def test_a_callback_that_breaks_later_is_disabled_then():
    """What it was given before stays."""
    calls = []

    def breaks(progress):
        calls.append(progress.done)
        if progress.done == 2:
            raise ValueError

    await parallelize(double, range(5), progress=breaks)
    assert calls == [0, 1, 2]


# --- the bar


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def on(monkeypatch):
    """Put a stderr in place; to be called in the test, where pytest has put its own."""

    def place(stderr):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "stderr", stderr)
        return stderr

    return place


async def test_a_terminal_shows_a_bar(on):
    """With the fan-out's name, how many are done, and how many failed."""
    terminal = on(Terminal())
    await parallelize(wait_or_fail, [1, -2, 3], on_error="collect", progress=True, name="translate pages")
    shown = terminal.getvalue()
    assert "translate pages" in shown
    assert "3/3" in shown
    assert "1 failed" in shown


async def test_no_terminal_shows_nothing(capsys):
    """Neither on stderr nor on stdout."""
    await parallelize(double, range(3), progress=True)
    assert capsys.readouterr() == ("", "")


async def test_no_stderr_shows_nothing(on):
    """As in a program without a console."""
    on(None)
    assert await parallelize(double, range(3), progress=True) == [0, 2, 4]


async def test_without_progress_nothing_is_shown(on):
    """Not even on a terminal."""
    terminal = on(Terminal())
    await parallelize(double, range(3))
    assert terminal.getvalue() == ""


async def test_bars_inside_bars_break_nothing(on):
    """Whether or not both can be drawn, the results are what they are."""
    on(Terminal())

    async def outer(number):
        return await parallelize(wait, [number, number], progress=True)

    assert await parallelize(outer, [1, 2], progress=True) == [[1, 1], [2, 2]]


@pytest.mark.parametrize("error", [BrokenPipeError, ValueError])
async def test_a_terminal_that_goes_away_breaks_nothing(on, error):
    """A bar that cannot be drawn any more is given up, and nobody is told to exit."""

    class Gone(Terminal):
        def write(self, _):
            raise error

    on(Gone())
    assert await parallelize(double, range(3), progress=True) == [0, 2, 4]
