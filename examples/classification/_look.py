"""`report` and `generate`: what looks at a batch, or makes reports."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from llm_composition_patterns import ConfigurationError, Success
from llm_composition_patterns.batch import iter_results
from llm_composition_patterns.console import (
    OK,
    check_apart,
    check_writable,
    print_json,
    run_command,
    say,
    writing_atomically,
)

from ._embedded import chosen
from ._invented import invented
from ._summary import read_labeled, show, summarize, summary_record


def report(arguments: argparse.Namespace) -> int:
    """What came of the batch so far."""
    check_file("--output", arguments.output, arguments.store)
    labeled, vectors = read_labeled(arguments.labeled), chosen(arguments.vectors)

    async def main() -> int:
        summary = await summarize(arguments.store, labeled, vectors)
        for key, why in summary.failures:
            say(f"failed: {key}: {why}")
        if arguments.json:
            print_json(summary_record(summary))
        else:
            show(summary)
        if arguments.output is not None:
            await asyncio.to_thread(write, arguments.store, arguments.output)
        return OK

    return run_command(main, stopping="")


def check_file(flag: str, path: Path | None, *read: Path) -> None:
    """Make sure, before anything is paid, that the file which `flag` names can be written and is none of those read.

    With None, do nothing.

    Raises:
        ConfigurationError: It cannot.
    """
    if path is None or (path.exists() and not path.is_file() and not path.is_dir()):  # as /dev/null
        return
    if path.is_dir():
        raise ConfigurationError(f"{flag} {path} is a directory: name a file")
    check_apart(path, *read)
    check_writable(path.resolve().parent)


def write(store: Path, path: Path) -> None:
    """Write what is classified as JSON lines, in the order in which it was begun. It blocks."""
    written = 0
    with writing_atomically(path) as file:
        for outcome in iter_results(store):
            if isinstance(outcome, Success):
                file.write(json.dumps({"id": outcome.key, **outcome.value}, ensure_ascii=False) + "\n")
                written += 1
    say(f"written into {path}: {written:,} reports")


def generate(arguments: argparse.Namespace) -> int:
    """Print invented reports."""
    for item in invented(arguments.count, seed=arguments.seed):
        left_out = set() if arguments.labels else {"labels"}
        sys.stdout.write(json.dumps(item.model_dump(mode="json", exclude=left_out), ensure_ascii=False) + "\n")
    return OK
