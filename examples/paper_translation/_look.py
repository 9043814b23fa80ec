"""`status`, `failed`, `export` and `generate`: what looks at a batch, or makes an archive."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from llm_composition_patterns import Failure, Success, read_results
from llm_composition_patterns.batch import iter_pending, read_status
from llm_composition_patterns.console import OK, print_json, printable, run_command, say

from ._export import export, summarize
from ._invented import invented
from ._results import PaperTranslation
from ._scores import score
from ._summary import show, summary_record, waiting_record


def status(arguments: argparse.Namespace) -> int:
    """How far the batch has come."""

    async def main() -> int:
        summary = await summarize(arguments.store)
        waiting = (await asyncio.to_thread(read_status, arguments.store)).waiting
        if arguments.json:
            print_json({**summary_record(summary), **waiting_record(waiting)})
        else:
            show(summary, waiting)
        return OK

    return run_command(main, stopping="")


def failed(arguments: argparse.Namespace) -> int:
    """Which papers failed, or were flagged, and why."""

    async def main() -> int:
        if arguments.pending:
            rows = await asyncio.to_thread(lambda: [_failure_row(failure) for failure in iter_pending(arguments.store)])
        else:
            found = [row async for row in _not_done(arguments.store)]
            rows = [row for row in found if arguments.flagged is (row["kind"] == "flagged")]
        if arguments.json:
            print_json({"papers": rows})
        for row in () if arguments.json else rows:
            for reason in row["reasons"]:
                sys.stdout.write(printable(f"{row['id']}: {row['kind']}: {reason}") + "\n")
        return OK

    return run_command(main, stopping="")


async def _not_done(store: Path) -> AsyncIterator[dict[str, Any]]:
    async for outcome in read_results(store, output=PaperTranslation):
        match outcome:
            case Failure():
                yield _failure_row(outcome)
            case Success(value=paper) if paper.findings:
                yield {"id": outcome.key, "kind": "flagged", "reasons": list(paper.findings)}


def _failure_row(failure: Failure) -> dict[str, Any]:
    return {"id": failure.key, "kind": failure.kind, "reasons": [str(failure.error)]}


def write(arguments: argparse.Namespace) -> int:
    """Write the files of the finished papers."""

    async def main() -> int:
        summary = await export(arguments.store, arguments.output, arguments.formats)
        scores = None if arguments.reference is None else await score(arguments.store, arguments.reference)
        if arguments.json:
            scored = {} if scores is None else {"texts": scores.texts, "chrf2++": scores.chrf, "bleu": scores.bleu}
            print_json({**summary_record(summary), **scored})
            return OK
        show(summary)
        if scores is not None:
            sys.stdout.write(f"{scores.texts:,} texts: chrF2++ {scores.chrf:.1f}, BLEU {scores.bleu:.1f}\n")
        say(f"written into {arguments.output}: {summary.done} in done, {summary.flagged} in flagged")
        return OK

    return run_command(main, stopping="")


def generate(arguments: argparse.Namespace) -> int:
    """Print invented records."""
    records = invented(arguments.count, seed=arguments.seed, bodies=not arguments.no_bodies)
    for record in records:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    return OK
