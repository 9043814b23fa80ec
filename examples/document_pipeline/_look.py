"""`status`, `export`, `search` and `generate`: what looks at a batch, or makes a folder."""

from __future__ import annotations

import argparse
import asyncio
import sys

from llm_composition_patterns import ConfigurationError
from llm_composition_patterns.batch import read_status
from llm_composition_patterns.console import OK, print_json, printable, run_command, say

from ._export import MANIFEST, export, summarize
from ._invented import QUESTIONS, write_folder
from ._run import check_installed
from ._summary import show, summary_record


def status(arguments: argparse.Namespace) -> int:
    """How far the batch has come."""

    async def main() -> int:
        counts = (await asyncio.to_thread(read_status, arguments.store)).counts
        summary = await summarize(arguments.store)
        if arguments.json:
            print_json(summary_record(summary, counts))
            return OK
        show(summary, counts)
        for reason in summary.reasons.values():
            sys.stdout.write(printable(f"quarantined: {reason}") + "\n")
        return OK

    return run_command(main, stopping="")


def write(arguments: argparse.Namespace) -> int:
    """Write the files of the finished documents."""
    check_installed()

    async def main() -> int:
        summary = await export(arguments.store, arguments.output)
        counts = (await asyncio.to_thread(read_status, arguments.store)).counts
        if arguments.json:
            print_json(summary_record(summary, counts))
        else:
            show(summary, counts)
        say(f"written into {arguments.output}: {MANIFEST} lists every file")
        return OK

    return run_command(main, stopping="")


def search(arguments: argparse.Namespace) -> int:
    """Show the chunks that are nearest to a question, or how well questions find their documents."""
    if (arguments.question is None) is (arguments.questions is None):
        raise ConfigurationError('give either a question, as "who may drive to the mill?", or --questions FILE')
    check_installed()
    from ._search import Index, read_questions  # noqa: PLC0415 - NumPy is an extra

    index = Index(arguments.store)
    say(f"embeddings: {index.embedder}")
    if arguments.questions is not None:
        scores = index.score(read_questions(arguments.questions), arguments.nearest)
        told = {"embedder": index.embedder, **scores.record(arguments.nearest)}
        text = "".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in told.items())
    else:
        hits = index.ranked(arguments.question)[: arguments.nearest]
        told = {"embedder": index.embedder, "hits": [hit.record() for hit in hits]}
        text = "".join(f"{hit}\n" for hit in hits)
    if arguments.json:
        print_json(told)
    else:
        sys.stdout.write(text)
    return OK


def generate(arguments: argparse.Namespace) -> int:
    """Write invented PDFs."""
    write_folder(arguments.output, arguments.count, seed=arguments.seed)
    say(f"written into {arguments.output}: {arguments.count} PDFs, and the questions in {QUESTIONS}")
    return OK
