"""Flags that commands share, and errors of one line."""

import argparse
import os
import sys
from pathlib import Path

import pytest

from llm_composition_patterns.console import add_common_flags, command_parser, port, port_or_any
from llm_composition_patterns.runs import Budget


def parser():
    made = command_parser("Does things.", examples="{prog} --model groq:x\n{prog} --json", prog="tool")
    add_common_flags(made)
    return made


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


def test_without_flags_there_are_defaults():
    """Nothing is capped, and tracing decides by itself."""
    assert vars(parser().parse_args([])) == {
        "model": None,
        "max_concurrency": None,
        "timeout": None,
        "budget": None,
        "seed": None,
        "trace": "auto",
        "timeline": None,
        "json": False,
    }


def test_flags_are_read():
    """Numbers arrive as numbers."""
    line = "--model ollama:qwen3:8b --max-concurrency 8 --timeout 2.5 --seed 0 --trace file:spans.jsonl --json"
    line += " --budget 0.25 --timeline timeline.svg"
    assert vars(parser().parse_args(line.split())) == {
        "model": "ollama:qwen3:8b",
        "max_concurrency": 8,
        "timeout": 2.5,
        "budget": Budget(usd=0.25),
        "seed": 0,
        "trace": "file:spans.jsonl",
        "timeline": Path("timeline.svg"),
        "json": True,
    }


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--timeout", "0"], "seconds above 0"),
        (["--timeout", "nan"], "seconds above 0"),
        (["--timeout", "inf"], "seconds above 0"),
        (["--timeout=-1"], "seconds above 0"),
        (["--timeout", "soon"], "seconds above 0"),
        (["--max-concurrency", "0"], "a whole number above 0"),
        (["--max-concurrency", "2.5"], "a whole number above 0"),
        (["--seed=-1"], "a whole number, 0 or more"),
        (["--budget", "0"], "US dollars above 0"),
        (["--budget=-1"], "US dollars above 0"),
        (["--budget", "nan"], "US dollars above 0"),
        (["--budget", "inf"], "US dollars above 0"),
        (["--budget", "cheap"], "US dollars above 0"),
        (["--model", "gpt"], "give provider:name"),
        (["--model", ":gpt"], "give provider:name"),
        (["--model", "groq:a b"], "give provider:name"),
        (["--model", ""], "give provider:name"),
    ],
)
def test_nonsense_is_refused_in_one_line(arguments, wanted, capsys):
    """The line names the flag and what to give instead."""
    (line,) = refused(arguments, capsys)
    assert line.startswith(f"tool: error: argument {arguments[0].partition('=')[0]}: ")
    assert wanted in line


def test_a_mistyped_flag_is_guessed(capsys):
    """The likeliest one is named."""
    assert refused(["--modl", "groq:x"], capsys) == ["tool: error: unknown argument --modl; did you mean '--model'?"]


def test_an_unknown_flag_points_to_the_help(capsys):
    """Where nothing is close, the help knows more."""
    assert refused(["--zzz"], capsys) == ["tool: error: unknown argument --zzz; see tool --help"]


def test_flags_cannot_be_abbreviated(capsys):
    """What is short today may be ambiguous tomorrow."""
    assert refused(["--time", "3"], capsys) == ["tool: error: unknown argument --time; did you mean '--timeout'?"]


def test_an_error_cannot_steer_the_terminal(capsys):
    """What was typed is shown, on one line, without control characters."""
    (line,) = refused(["--zz\x1b[2J\nz"], capsys)
    assert line == "tool: error: unknown argument --zz?[2J z; see tool --help"


@pytest.mark.parametrize("columns", ["1", "20", "80", "400"])
def test_help_teaches_at_any_width(columns, monkeypatch):
    """Every flag is explained and the examples stay as they are, on very narrow terminals too."""
    monkeypatch.setenv("COLUMNS", columns)
    text = parser().format_help()
    assert "--max-concurrency N" in text
    assert "examples:\n  tool --model groq:x\n  tool --json\n" in text


def test_the_program_is_named_as_it_was_called(monkeypatch):
    """A script by its name, a module by `python -m`."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/llm-patterns"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert command_parser("x").prog == "llm-patterns"
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", os.__spec__)
    assert command_parser("x").prog == "python -m os"


@pytest.mark.parametrize(("read", "least"), [(port, 1), (port_or_any, 0)])
def test_a_port_is_a_number_of_16_bits(read, least):
    """Only who listens may leave the choice to the system, with 0."""
    assert [read(str(number)) for number in (least, 65535)] == [least, 65535]
    for wrong in (str(least - 1), "65536", "http", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{wrong}' is no port; give a number from {least} to"):
            read(wrong)
