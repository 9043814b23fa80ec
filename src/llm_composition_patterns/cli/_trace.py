"""`llm-patterns trace replay FILE`: send the spans of a `file:` trace to a collector."""

from __future__ import annotations

import argparse
import asyncio
import os

from ..console import FAILED, OK, counted, run_command, say, say_in_place
from ..errors import ConfigurationError
from ..tracing import AUTO, LOCAL_PHOENIX, OFF, Replay, resolve

_MORE = f"""\
FILE is what --trace file:FILE and setup_tracing("file:FILE") write: OTLP requests as JSON, one a line. It is read only
as fast as the collector takes spans. A line that cannot be read is named and skipped; the exit code is then 1, as it is
where spans were lost. Ctrl-C stops, and says how many lines went.

A Phoenix keeps the first span of each id: what is replayed twice, or was sent live before, is there once, in the
project that it came to first.

examples:
  llm-patterns trace replay spans.jsonl
  llm-patterns trace replay spans.jsonl --project night-run
  llm-patterns trace replay spans.jsonl --endpoint http://collector:4318
  llm-patterns trace replay spans.jsonl --to console

Phoenix is the server that PHOENIX_COLLECTOR_ENDPOINT names, else {LOCAL_PHOENIX}."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _MORE
    parser.add_argument("action", choices=("replay",), help="what to do with the file: send its spans once more")
    parser.add_argument("file", metavar="FILE", help="a file of spans")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", choices=("phoenix", "console"), default="phoenix", help="default: %(default)s")
    where.add_argument(
        "--endpoint", metavar="URL", help="a collector that takes OTLP over HTTP; PHOENIX_API_KEY does not go there"
    )
    parser.add_argument("--project", metavar="NAME", help="the project in Phoenix (default: as in the file)")


def run(arguments: argparse.Namespace) -> int:
    """Replay the file; gives the exit code."""
    # A key of Phoenix is for the one that the environment names.
    target = resolve(AUTO if arguments.endpoint else arguments.to, arguments.endpoint, os.environ)
    if target.kind == OFF:
        raise ConfigurationError("OTEL_SDK_DISABLED switches tracing off: unset it to replay a file")
    replay = Replay(
        arguments.file,
        target,
        arguments.project,
        on_damaged=lambda number, why: say(f"{arguments.file}, line {number} is skipped: {why}"),
        on_progress=lambda: say_in_place(f"{replay.statistics.exported:,} spans sent, {replay.read:.0%} of it read"),
    )
    return run_command(lambda: _run(replay, arguments.file, target.shown), stopping="")


async def _run(replay: Replay, file: str, where: str) -> int:
    try:
        await replay.run()
    except asyncio.CancelledError:
        say(f"stopped: {_done(replay, file, where)}")
        raise
    say(_done(replay, file, where))
    lost = replay.statistics.lost
    if not replay.complete:
        say(f"given up, the rest was not sent: {replay.reasons}")
    elif lost:
        say(f"lost {counted(lost, 'span')}: {replay.reasons}")
    return OK if replay.complete and not (lost or replay.damaged) else FAILED


def _done(replay: Replay, file: str, where: str) -> str:
    skipped = f"; skipped {replay.damaged:,}" if replay.damaged else ""
    sent = f"{counted(replay.lines, 'line')} ({counted(replay.statistics.exported, 'span')})"
    return f"{sent} of {file} went to {where}{skipped}"
