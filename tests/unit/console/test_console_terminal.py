"""What is written to terminals and to what is none."""

import io
import json
import sys

import pytest

from llm_composition_patterns.console import (
    Bar,
    ending_well,
    print_json,
    print_timeline,
    printable,
    say,
    say_in_place,
    terminal,
)
from llm_composition_patterns.timeline import Part

BARS = [
    Bar("[bold]spanish[/bold]", 0, 1.5, parts=(Part("queued", 0, 0.5),)),
    Bar(":smile:", 0, 1, "timeout"),
]


class Screen(io.StringIO):
    """A terminal that notes what is written to it."""

    encoding = "utf-8"

    def isatty(self):
        """It is one."""
        return True


@pytest.fixture
def shown(monkeypatch):
    """Print bars on a terminal of 60 columns, and give back what was written to it."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")

    def show(bars):
        screen = Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        print_timeline(bars)
        return screen.getvalue()

    return show


def test_a_line_is_said_on_stderr(capsys):
    """One line, with nothing in it that could steer a terminal."""
    say("model: x\x1b[2J\ny")
    assert capsys.readouterr() == ("", "model: x?[2J y\n")


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_nobody_to_talk_to_is_no_error(stream, monkeypatch, capsys):
    """A closed stderr never costs a result, and what is said goes nowhere else."""
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    say("hello")
    assert capsys.readouterr() == ("", "")


def test_joiners_stay():
    """They are letters of their words: Persian and Hindi are spelled with them."""
    joined = "\u0645\u06cc\u200c\u0634\u0648\u062f \u0915\u094d\u200d\u0937 ein\u00adlagig"
    assert printable(joined) == joined


def test_a_name_on_a_timeline_steers_nothing(shown):
    """Names of branches may come from anywhere."""
    out = shown([Bar("a\x1b]0;title\x07", 0, 1)])
    assert "a?]0;title?" in out
    assert "\x07" not in out


def test_text_becomes_printable():
    """White space becomes blanks, other control characters question marks, and letters of any script stay."""
    assert printable("  a\tb\r\nc \x07\u202e 中文 ñ ") == "a b c ?? 中文 ñ"


def test_a_terminal_gets_colors(shown):
    """Failed bars are red there."""
    assert "\x1b[31m" in shown(BARS)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_control_codes_gets_none(shown, monkeypatch, name, value):
    """Neither colors nor bold or dim text, and names are no markup."""
    monkeypatch.setenv(name, value)
    text = shown(BARS)
    assert "\x1b" not in text
    assert "[bold]spanish[/bold] " in text
    assert ":smile:" in text


def test_what_is_no_terminal_gets_text(capsys, monkeypatch):
    """In lines without blanks at their ends."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    print_timeline(BARS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    assert err.splitlines() == [line.rstrip() for line in err.splitlines()]


def test_a_stream_of_another_encoding_gets_ascii(monkeypatch):
    """What it could not write would be an error."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    print_timeline(BARS)
    stream.flush()
    assert b"#" in stream.buffer.getvalue()


def test_a_terminal_of_20_columns_is_enough(shown, monkeypatch):
    """No line is broken in two."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown([Bar("spanish", 0, 1)]).splitlines() == [
        "spanish 1.00 s",
        "1 branch",
        "makespan 1.00 s",
        "sum of branch times…",
        "speed-up 1.0×",  # noqa: RUF001  # the multiplication sign is meant
    ]


def test_a_closed_pipe_is_told_to_the_caller(monkeypatch):
    """Who prints decides how to end; rich alone would leave with code 1."""

    class Closed(Screen):
        def write(self, _text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        terminal(stderr=False).print("hello")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_half_a_character_costs_no_json(monkeypatch, encoding):
    """It comes out as its escape, and everything else as it is."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    print_json({"error": "bad \ud800", "text": "niño"})
    stream.flush()
    assert json.loads(stream.buffer.getvalue()) == {"error": "bad \ud800", "text": "niño"}


@pytest.mark.parametrize("errors", ["strict", "surrogateescape", "surrogatepass"])
@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "a??\n"), ("utf-8", "añ?\n")])
def test_what_cannot_be_shown_is_a_question_mark(monkeypatch, encoding, errors, shown):
    """Whatever the locale says about errors: the POSIX one wants `surrogateescape`."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)

    def command():
        terminal(stderr=False).print("añ\ud800")
        return 0

    assert ending_well(command) == 0
    assert stream.buffer.getvalue().decode(encoding) == shown


@pytest.mark.parametrize("show", [print_json, lambda value: terminal(stderr=False).print(value)])
def test_results_for_a_closed_stdout_are_a_failure(monkeypatch, capsys, show):
    """One line, because they went nowhere."""
    monkeypatch.setattr(sys, "stdout", None)
    assert ending_well(lambda: show("hello")) == 1
    assert capsys.readouterr().err.startswith("error: stdout is closed")


@pytest.mark.parametrize("columns", ["0", "00"])
def test_no_columns_at_all_means_that_nobody_knows(monkeypatch, capsys, columns):
    """Rich alone would print nothing."""
    monkeypatch.setenv("COLUMNS", columns)
    terminal(stderr=False).print("hello")
    assert capsys.readouterr().out == "hello\n"


def test_progress_is_shown_on_terminals_only(monkeypatch, capsys):
    """A log is not filled with it."""
    say_in_place("unseen")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    say_in_place("seen")
    assert capsys.readouterr().err == "\rseen \r"
