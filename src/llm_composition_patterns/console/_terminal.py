"""Saying things on a terminal, or on what is none.

Progress and remarks go to stderr, data to stdout. Color is for terminals that want it; nothing is said by color
alone.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console


def say(line: str) -> None:
    """Write one line to stderr, without what could steer a terminal.

    What is said there is never worth a result: when stderr is closed, nothing happens.
    """
    if sys.stderr is None:
        return
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def print_json(value: object) -> None:
    """Print a value as JSON on stdout, in characters that its encoding has."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    print(json.dumps(value, ensure_ascii=plain, indent=2))


def tolerate_narrow_encodings() -> None:
    """Let a character that stdout or stderr cannot show come out as `?` rather than as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def printable(text: str) -> str:
    """Give `text` back on one line, each run of white space as one blank, other control characters as `?`."""
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))


def terminal(*, stderr: bool = True, width: int | None = None) -> Console:
    """Build a rich console for stderr (or stdout) that writes no control codes where they are not wanted.

    With `NO_COLOR`, and where the output is no terminal, only text comes out. A closed pipe raises `BrokenPipeError`,
    which `run_command` ends quietly.
    """
    from rich.console import Console  # noqa: PLC0415  # 50 ms that --help need not pay

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # rich calls this from its handler, and would leave with code 1 by itself

    colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Terminal(stderr=stderr, width=width, color_system=colors, highlight=False, markup=False, emoji=False)
