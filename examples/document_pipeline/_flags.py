"""The flags of the commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from llm_composition_patterns.console import add_common_flags, count, directory, seed

from ._embed import CHOICES
from ._pipeline import CONVERTERS

STORE: Final = Path("documents.db")
AT_ONCE: Final = 16
NEAREST: Final = 5

EXAMPLES: Final = {
    "run": """\
{prog} pdfs --output out
{prog} pdfs --model groq:openai/gpt-oss-20b --budget 5 --workers 4
{prog} pdfs letter.pdf --embedder hashed --trace phoenix""",
    "retry": "{prog} pdfs --store documents.db --output out",
    "status": "{prog} --store documents.db --json",
    "export": "{prog} --store documents.db --output out",
    "search": '{prog} "who may drive to the mill?"\n{prog} --questions pdfs/questions.jsonl',
    "speedup": "{prog}\n{prog} --workers 1 2 4 8 --files 40 --pages 200",
    "generate": "{prog} 60 --output pdfs",
}


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `run` and `retry`."""
    parser.add_argument("files", nargs="+", type=Path, metavar="PDFS", help="folders of PDFs, at any depth, or files")
    add_store_flag(parser)
    parser.add_argument("--output", type=directory, metavar="DIR", help="also export what is finished, at the end")
    parser.add_argument("--workers", type=count, metavar="N", help="processes that read files; default: one a core")
    parser.add_argument("--embedders", type=count, metavar="N", help="processes that embed; default: one a core")
    parser.add_argument(
        "--converter",
        choices=tuple(CONVERTERS),
        default="pypdfium2",
        help="what reads files; docling, for those who have it and its models, reads scans too; default: pypdfium2",
    )
    add_embedder_flag(parser)
    parser.add_argument("--at-once", type=count, default=AT_ONCE, metavar="N", help="documents at once; default: 16")
    parser.add_argument("--force", action="store_true", help="go on with a store of another model or embedder")
    add_common_flags(parser, timed="each document")


def add_store_flag(parser: argparse.ArgumentParser) -> None:
    """The batch's file."""
    parser.add_argument("--store", type=Path, default=STORE, metavar="FILE", help="the batch; default: documents.db")


def add_embedder_flag(parser: argparse.ArgumentParser) -> None:
    """What makes vectors."""
    parser.add_argument(
        "--embedder",
        choices=CHOICES,
        default="auto",
        help="minilm, a model, or hashed, TF-IDF of words; default: minilm where it is installed",
    )


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Of commands that only look."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def add_status_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `status`."""
    add_store_flag(parser)
    add_json_flag(parser)


def add_export_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    add_store_flag(parser)
    parser.add_argument("--output", type=directory, required=True, metavar="DIR", help="where the files go")
    add_json_flag(parser)


def add_search_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `search`."""
    parser.add_argument("question", nargs="?", help="in any words")
    parser.add_argument(
        "--questions", type=Path, metavar="FILE", help="JSON lines of a question and its file: how often it is found"
    )
    parser.add_argument("--nearest", type=count, default=NEAREST, metavar="N", help="chunks to show; default: 5")
    add_store_flag(parser)
    add_json_flag(parser)


def add_speedup_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `speedup`."""
    parser.add_argument(
        "--workers", type=count, nargs="+", default=[1, 2, 4], metavar="N", help="processes, beside 1; default: 1 2 4"
    )
    parser.add_argument("--files", type=count, default=40, metavar="N", help="PDFs to read; default: 40")
    parser.add_argument("--pages", type=count, default=150, metavar="N", help="pages of each; default: 150")
    parser.add_argument("--chunks", type=count, default=160, metavar="N", help="chunks to embed; default: 160")
    parser.add_argument("--turns", type=count, default=3, metavar="N", help="the best of so many counts; default: 3")
    add_embedder_flag(parser)
    add_json_flag(parser)


def add_generate_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate`."""
    parser.add_argument("count", type=count, metavar="COUNT", help="how many PDFs")
    parser.add_argument("--output", type=directory, required=True, metavar="DIR", help="where they go")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="for others; default: 0")
