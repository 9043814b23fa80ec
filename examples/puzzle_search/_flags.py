"""The flags of the commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from llm_composition_patterns.console import add_common_flags, count, seed

EXAMPLES: Final = {
    "solve": """\
{prog}
{prog} --candidates model --model groq:openai/gpt-oss-120b --budget 1
{prog} path/to/ARC/data/training/*.json --workers 8""",
    "levels": "{prog} --plot levels.svg\n{prog} --puzzles 40 --workers 4 --json",
    "generate": "{prog} 400 > puzzles.jsonl",
}

_LIMIT: Final = 5.0


def add_solve_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `solve`."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="of ARC (.json), or lines of such (.jsonl)")
    parser.add_argument("--puzzles", type=count, default=20, metavar="N", help="how many to invent; default: 20")
    parser.add_argument(
        "--candidates",
        choices=("enumerated", "model"),
        default="enumerated",
        help="every program of one or two operations (the default), or those that a model proposes",
    )
    _add_workers(parser)
    add_common_flags(parser, timed=f"each sample, or each candidate; waiting for a process not counted; {_LIMIT:g}")
    parser.set_defaults(timeout=_LIMIT)


def add_levels_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `levels`."""
    parser.add_argument("--puzzles", type=count, default=400, metavar="N", help="how many to invent; default: 400")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="for other puzzles; default: 0")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="also draw the speed-ups")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")
    _add_workers(parser)


def add_generate_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate`."""
    parser.add_argument("count", type=count, metavar="COUNT", help="how many puzzles")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="for other puzzles; default: 0")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=count, metavar="N", help="processes, or threads; default: one for each core")
