"""The flags of the commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from llm_composition_patterns.batch import Shard
from llm_composition_patterns.console import add_common_flags, count, directory, seed

from ._export import FORMATS

STORE: Final = Path("papers.db")
WORKERS: Final = 64

EXAMPLES: Final = {
    "run": """\
{prog} data/papers --output translated
{prog} papers.jsonl --model groq:openai/gpt-oss-20b --budget 5 --workers 100
{prog} papers.jsonl --dry-run
{prog} papers.jsonl --shard 3/20 --store shard-3.db
{prog} archive.xml --source ja --target de --glossary words.tsv --cache answers.db""",
    "retry": "{prog} papers.jsonl --store papers.db --output translated",
    "status": "{prog} --store papers.db --json",
    "failed": "{prog} --store papers.db --flagged",
    "export": "{prog} --store papers.db --output translated --formats md --reference human.jsonl",
    "generate": "{prog} 34237 --no-bodies > papers.jsonl",
}


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `run` and `retry`."""
    parser.add_argument(
        "records", nargs="+", type=Path, metavar="RECORDS", help="files (.json, .jsonl, .xml) or directories of them"
    )
    add_store_flag(parser)
    parser.add_argument("--output", type=directory, metavar="DIR", help="also export what is finished, at the end")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS, help="what is exported; default: all")
    parser.add_argument("--source", default="zh", metavar="LANGUAGE", help="of the papers; default: zh")
    parser.add_argument("--target", default="en", metavar="LANGUAGE", help="to translate into; default: en")
    parser.add_argument("--glossary", type=Path, metavar="FILE", help="lines of a term, a tab and its translation")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keep answers there, for other batches too")
    parser.add_argument("--workers", type=count, default=WORKERS, metavar="N", help="papers at once; default: 64")
    parser.add_argument("--limit", type=count, metavar="N", help="the first N papers only")
    parser.add_argument("--shard", type=_shard, metavar="K/N", help="the K-th of N shares, by the papers' ids")
    parser.add_argument("--dry-run", action="store_true", help="read and count, call no model")
    parser.add_argument("--strict", action="store_true", help="flagged papers make the exit code 3")
    parser.add_argument("--force", action="store_true", help="go on with a store of another model, prompt or glossary")
    add_common_flags(parser, timed="each paper")


def add_store_flag(parser: argparse.ArgumentParser) -> None:
    """The batch's file."""
    parser.add_argument("--store", type=Path, default=STORE, metavar="FILE", help="the batch; default: papers.db")


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Of commands that only look."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def add_failed_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `failed`."""
    add_store_flag(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--flagged", action="store_true", help="those that a person should look at, in place of failed")
    which.add_argument("--pending", action="store_true", help="those that wait for another run, in place of failed")
    add_json_flag(parser)


def add_status_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `status`."""
    add_store_flag(parser)
    add_json_flag(parser)


def add_export_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    add_store_flag(parser)
    parser.add_argument("--output", type=directory, required=True, metavar="DIR", help="where the files go")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS, help="which files; default: all")
    parser.add_argument(
        "--reference", type=Path, metavar="FILE", help="translations by people (JSON lines: id, title_en, abstract_en)"
    )
    add_json_flag(parser)


def add_generate_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate`."""
    parser.add_argument("count", type=count, metavar="COUNT", help="how many records")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="for another archive; default: 0")
    parser.add_argument("--no-bodies", action="store_true", help="titles and abstracts only")


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
