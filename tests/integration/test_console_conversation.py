"""Examples in processes of their own, at a real terminal and at real pipes."""

import asyncio
import codecs
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from llm_composition_patterns.console._prompt import typed_lines

MODULE = "llm_composition_patterns.patterns.{}.example"
ARGV = [sys.executable, "-m", MODULE.format("routing"), "--model", "simulated:x", "--trace", "off"]
PROMPT = "\r\n> "
QUESTION = "Do you repair a torn zipper?"

pytestmark = pytest.mark.timeout(60)


class Terminal:
    """A command whose stdin, stdout and stderr are one terminal, as in a shell."""

    def __init__(self, environ, argv):
        self._ours, theirs = os.openpty()
        self.before = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nobody else is at work here
        )
        self._theirs = theirs
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""

    def wait_for(self, text, within=20.0):
        """Read until `text` is shown, after what was waited for before."""
        shown, until = "", time.monotonic() + within
        while text not in shown:
            ready, _, _ = select.select([self._ours], [], [], 0.05)
            if ready:
                shown += self._read()
            elif time.monotonic() > until:
                pytest.fail(f"{text!r} was not shown: {self.shown + shown!r}")
        self.shown += shown
        return shown

    def type(self, text):
        """Press these keys."""
        os.write(self._ours, text.encode())

    def end(self, within=10.0):
        """Wait for the end; give the exit code."""
        code = self.process.wait(within)
        while select.select([self._ours], [], [], 0.05)[0]:
            self.shown += self._read()
        return code

    def _read(self):
        return self._decoder.decode(os.read(self._ours, 4096))

    @property
    def settings(self):
        """What the terminal is set to now."""
        return termios.tcgetattr(self._theirs)

    def close(self):
        """Kill what is left."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal(clean_environ):
    """Starts a conversation, and waits for its prompt."""
    opened = []

    def start(example="routing", **environ):
        argv = [MODULE.format(example) if word == ARGV[2] else word for word in ARGV]
        made = Terminal({**clean_environ, "TERM": "xterm-256color", **environ}, argv)
        opened.append(made)
        made.wait_for(PROMPT)
        return made

    yield start
    for made in opened:
        made.close()


def test_a_conversation_on_a_terminal(terminal):
    """Two questions are answered, each below its own line; Ctrl-D ends it."""
    shell = terminal()
    shell.type(f"{QUESTION}\n")
    first = shell.wait_for(PROMPT)
    shell.type("Where is your workshop?\n")
    second = shell.wait_for(PROMPT)
    shell.type("\x04")
    assert shell.end() == 0
    assert "[guarantee]" in first
    assert "2 calls" in first
    assert "[company]" in second
    assert shell.shown.endswith("> \r\n")
    assert "Traceback" not in shell.shown


def test_lines_that_are_pasted_are_answered_one_by_one(terminal):
    """What was typed ahead waits for its turn; empty lines are none."""
    shell = terminal()
    shell.type(f"{QUESTION}\n\n  \nWhere is your workshop?\n\x04")
    assert shell.end(20) == 0
    assert shell.shown.index("[guarantee]") < shell.shown.index("[company]")
    assert shell.shown.count("SIMULATED. ") == 2


def test_a_last_line_without_an_end_counts(terminal):
    """Ctrl-D twice behind a question asks it, and ends."""
    shell = terminal()
    shell.type(f"{QUESTION}\x04\x04")
    assert shell.end(20) == 0
    assert "[guarantee]" in shell.shown


@pytest.mark.alone
def test_ctrl_c_at_the_prompt_ends_at_once(terminal):
    """With its code, nothing but a new line, and the terminal as it was."""
    shell = terminal()
    before = time.monotonic()
    shell.type("\x03")
    assert shell.end() == 130
    assert time.monotonic() - before < 2
    assert shell.shown.endswith("> ^C\r\n")
    assert shell.settings == shell.before


def test_ctrl_c_in_an_answer_ends_at_once(terminal):
    """What is being asked is of no use any more."""
    shell = terminal()
    shell.type(f"{QUESTION}\n")
    shell.wait_for("zipper?\r\n")
    shell.type("\x03")
    assert shell.end() == 130
    assert "Traceback" not in shell.shown
    assert shell.settings == shell.before


def test_a_hang_up_ends_the_conversation(terminal):
    """With its own code."""
    shell = terminal()
    shell.process.send_signal(signal.SIGHUP)
    assert shell.end() == 129
    assert "Traceback" not in shell.shown


@pytest.mark.parametrize(("environ", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colors_are_for_those_who_want_them(terminal, environ, colored):
    """With NO_COLOR nothing is sent to the terminal but text."""
    shell = terminal("voting", **environ)
    shell.type("It tore.\n")
    assert ("\x1b[" in shell.wait_for(PROMPT)) is colored


@pytest.mark.parametrize("argv", [[QUESTION], [QUESTION, "--json"]])
def test_a_reader_that_leaves_is_no_error_of_an_example(clean_environ, argv):
    """As in `| head -1`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*ARGV, *argv], env=clean_environ, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=30
    )
    os.close(write)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_question_comes_through_a_pipe(clean_environ):
    """And nothing on stdout is meant for a terminal."""
    done = subprocess.run(
        ARGV, env=clean_environ, input=f"{QUESTION}\n", capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0
    assert done.stdout.startswith("[guarantee]\nSIMULATED. ")
    assert "> " not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_an_empty_pipe_is_wrong_usage(clean_environ):
    """One line, and no call."""
    done = subprocess.run(
        ARGV, env=clean_environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("error: there is no question: ")


@pytest.fixture
def keyboard(monkeypatch):
    """Makes stdin a terminal; gives what presses its keys."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, encoding="utf-8") as stdin, os.fdopen(ours, "wb", buffering=0) as pressed:
        monkeypatch.setattr("sys.stdin", stdin)
        yield pressed


async def test_typed_lines_are_what_was_typed(keyboard, capsys):
    """One after the other, without the blanks around them, in the terminal's own encoding."""
    keyboard.write(" caf\N{LATIN SMALL LETTER E WITH ACUTE} \n\nsecond\nthird\x04\x04".encode())
    assert [line async for line in typed_lines()] == ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "second", "third"]
    assert capsys.readouterr().err == 4 * "\n> " + "\n"


async def test_a_loop_that_waits_for_a_line_is_free(keyboard, capsys):
    """Other things are done meanwhile; who is cancelled ends at once, on a new line."""
    waiting = asyncio.create_task(anext(typed_lines()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert capsys.readouterr().err == "\n> \n"
    keyboard.write(b"too late\n")  # so that the thread ends


async def test_a_terminal_that_is_gone_is_the_end_of_the_input(keyboard):
    """As where the window was closed and nobody sent a signal."""
    keyboard.close()
    assert [line async for line in typed_lines()] == []
