"""Saying things on a terminal, or on what is none.

Progress and remarks go to stderr, data to stdout. Color is for terminals that want it; nothing is said by color
alone.
"""

from __future__ import annotations

import atexit
import errno
import io
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

from ..printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_RAISING = frozenset({"strict", "surrogateescape", "surrogatepass"})  # the second is what the POSIX locale sets


def say(line: str) -> None:
    """Write one line to stderr, without what could steer a terminal.

    What is said there is never worth a result: when stderr is closed or its disk full, nothing happens.
    """
    if sys.stderr is None:
        return
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except ValueError:
        return
    except OSError:
        # It is still in the buffer. Until the end it may be written after all, with what is said later.
        atexit.unregister(_forget_what_was_said)
        atexit.register(_forget_what_was_said)


def say_in_place(line: str) -> None:
    """Rewrite one line of a terminal; nothing where stderr is none."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r{printable(line)} \r")
        sys.stderr.flush()


def forget_unwritten(stream: TextIO | None) -> None:
    """Keep the interpreter from complaining at its end about what it could not write."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _forget_what_was_said() -> None:
    with suppress(ValueError):  # it was closed
        forget_unwritten(sys.stderr)


def print_json(value: object) -> None:
    """Print a value as JSON on stdout, in characters that its encoding has.

    Raises:
        OSError: There is no stdout, or it cannot be written to.
    """
    stdout = _stdout()
    print(_json(value, stdout, indent=2), file=stdout)


def print_json_line(value: object, stream: TextIO | None = None) -> None:
    """Write a value as one line of JSON on a stream, by default stdout, in characters that its encoding has.

    Raises:
        OSError: There is no stdout, or it cannot be written to.
    """
    stream = _stdout() if stream is None else stream
    stream.write(_json(value, stream, indent=None) + "\n")


def _json(value: object, stream: TextIO, *, indent: int | None) -> str:
    plain = (stream.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(value, ensure_ascii=plain, indent=indent)
    # Half a surrogate pair, which models and catalogs do hold, becomes its escape: JSON again, as in our files.
    return text.encode("utf-8", "backslashreplace").decode()


def tolerate_narrow_encodings() -> None:
    """Let a character that stdout or stderr cannot show come out as `?` rather than as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _RAISING:
            stream.reconfigure(errors="replace")


def terminal(*, stderr: bool = True, width: int | None = None) -> Console:
    """Build a rich console for stderr (or stdout) that writes no control codes where they are not wanted.

    With `NO_COLOR`, and where the output is no terminal, only text comes out. A closed pipe raises `BrokenPipeError`,
    which `run_command` ends quietly.

    Raises:
        OSError: It is for stdout, and there is none.
    """
    from rich.console import Console  # noqa: PLC0415  # 50 ms that --help need not pay

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # rich calls this from its handler, and would leave with code 1 by itself

    if not stderr:
        _stdout()
    colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    # No columns at all is how some say that they do not know.
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS" or value.strip("0")}
    return Terminal(
        stderr=stderr, width=width, color_system=colors, highlight=False, markup=False, emoji=False, _environ=environ
    )


def _stdout() -> TextIO:
    """Where data goes; what is printed on a closed stdout would be lost without a word."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed, so results cannot be printed: open it, or redirect it to a file")
    return sys.stdout
