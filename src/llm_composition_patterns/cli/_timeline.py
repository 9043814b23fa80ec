"""`llm-patterns timeline`: draw what ran when, of a trace that is in a file or in a Phoenix."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from ..console import OK, count, counted, print_timeline, say, terminal
from ..errors import ConfigurationError
from ..printable import printable
from ..timeline import MAX_ROWS, FinishedSpan, Timeline, one_trace, read_phoenix, read_trace_file
from ..tracing import DEFAULT_PROJECT, named_project, phoenix_server

_FILE: Final = "file:"
_PHOENIX: Final = "phoenix"
_ADDRESS: Final = re.compile(
    r"(?P<server>https?://[^?#]*?)(?:/redirects)?(?:/projects/(?P<project>[^/?#]+))?"
    r"(?:/traces/(?P<trace>[0-9a-fA-F]{32}))?/?(?:[?#].*)?"
)
_EXAMPLES: Final = """\
examples:
  {prog} trace.jsonl
  {prog} trace.jsonl --output timeline.svg --max-rows 100
  {prog} phoenix --project llm-composition-patterns
  {prog} http://localhost:6006/redirects/traces/0af7651916cd43dd8448eb211c80319c

A row is a branch: when it waited for a permit, ran, tried again, failed. Where there are more branches than rows,
the failed and the longest have one; above them stands how many of all ran and waited at once, and when some failed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.epilog = _EXAMPLES.replace("{prog}", parser.prog)
    parser.add_argument(
        "trace",
        metavar="TRACE",
        help="a file that --trace file:PATH has written; phoenix, for the one that the environment names or that runs "
        "here; or the address of a Phoenix or of a trace in it",
    )
    parser.add_argument(
        "--project", metavar="NAME", help=f"the project in Phoenix; default: $PHOENIX_PROJECT, else {DEFAULT_PROJECT}"
    )
    parser.add_argument("--trace-id", metavar="ID", help="which trace; default: the one that started last")
    parser.add_argument("--output", type=Path, metavar="FILE.svg", help="also write it as a picture")
    parser.add_argument(
        "--max-rows", type=count, default=MAX_ROWS, metavar="N", help="how many rows at most (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw; gives the exit code."""
    spans = _spans(arguments)
    timeline = Timeline.of_spans(spans, max_rows=arguments.max_rows)
    if arguments.output is not None:
        timeline.save(arguments.output)
    console = terminal(stderr=False)
    console.print(printable(f"{timeline.title} (trace {spans[0].trace_id})"), markup=False, highlight=False)
    print_timeline(timeline.bars, console=console, max_rows=timeline.max_rows)
    if arguments.output is not None:
        say(f"written: {arguments.output}")
    return OK


def _spans(arguments: argparse.Namespace) -> list[FinishedSpan]:
    address = _ADDRESS.fullmatch(arguments.trace)
    if address is None and arguments.trace != _PHOENIX:
        return _of_file(arguments)
    url, project, trace_id = address.group("server", "project", "trace") if address else (None, None, None)
    project = arguments.project or (project and unquote(project)) or named_project(os.environ) or DEFAULT_PROJECT
    return read_phoenix(phoenix_server(url, os.environ), project, arguments.trace_id or trace_id)


def _of_file(arguments: argparse.Namespace) -> list[FinishedSpan]:
    if arguments.project is not None:
        raise ConfigurationError("--project is for a Phoenix; a file has none: leave it out")
    path = arguments.trace.removeprefix(_FILE)
    spans, damaged = read_trace_file(path)
    if not spans:
        raise ConfigurationError(f"{path} holds no spans: write some by --trace file:PATH")
    if damaged:
        say(f"left out {counted(damaged, 'line')} of {path} that could not be read")
    return one_trace(spans, arguments.trace_id)
