"""The flags of the commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from llm_composition_patterns.console import add_common_flags, count, seconds, seed

from ._embedded import CHOICES
from ._pack import MOST

STORE: Final = Path("threats.db")
LABELED: Final = Path(__file__).parents[2] / "data" / "threats" / "labeled.jsonl"
ITEMS: Final = 1_525
ITEMS_OF_A_SERVER: Final = 100
"""Where calls take time, and may cost money."""

SETTINGS: Final = ("1", "5", "50", "100", "200", "auto")
PATIENCE: Final = 60.0

EXAMPLES: Final = {
    "run": """\
{prog} data/threats
{prog} reports.jsonl data/threats --model ollama:qwen3:8b --pack 5
{prog} reports.jsonl --model ollama:qwen3:8b --endpoint http://gpu-1:11434 http://gpu-2:11434
{prog} reports.jsonl --model groq:openai/gpt-oss-20b --budget 2 --output classified.jsonl""",
    "sweep": """\
{prog} --plot sweep.svg
{prog} --model ollama:qwen3:8b --items 200 --plot sweep.svg
{prog} --model ollama:qwen3:8b --endpoint http://gpu-1:11434 --concurrency 1 2 4 8 auto""",
    "report": "{prog} --store threats.db --labeled data/threats/labeled.jsonl --output classified.jsonl",
    "generate": "{prog} 1525 > reports.jsonl",
}


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `run`."""
    parser.add_argument(
        "reports", nargs="+", type=Path, metavar="REPORTS", help="files of JSON lines, or directories of them"
    )
    _add_report_flags(parser)
    parser.add_argument(
        "--endpoint",
        nargs="+",
        default=[None],
        metavar="URL",
        help="servers that have the model, each with its limiter",
    )
    _add_pack_flag(parser)
    parser.add_argument("--retry", action="store_true", help="also classify once more what failed")
    parser.add_argument("--force", action="store_true", help="go on with a store of another model or prompt")
    parser.add_argument(
        "--patience",
        type=seconds,
        default=PATIENCE,
        metavar="S",
        help="seconds that a call waits for a server that is away, before another one or the next run has it; "
        f"default: {PATIENCE:g}",
    )
    add_common_flags(parser, timed="each call")


def add_sweep_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `sweep`."""
    parser.add_argument("--endpoint", metavar="URL", help="the server")
    parser.add_argument(
        "--concurrency",
        nargs="+",
        type=_setting,
        default=SETTINGS,
        metavar="N",
        help=f"calls in flight, or auto; default: {' '.join(SETTINGS)}",
    )
    parser.add_argument(
        "--items",
        type=count,
        metavar="N",
        help=f"reports for each of them; default: {ITEMS_OF_A_SERVER}, of the simulated model {ITEMS:,}",
    )
    _add_pack_flag(parser)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="also draw it")
    add_common_flags(parser, timed="each call")


def add_report_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `report`."""
    _add_report_flags(parser)
    parser.add_argument(
        "--vectors",
        choices=CHOICES,
        default="auto",
        help="what the baseline compares: auto is an embedding model where one is installed, else words",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def add_generate_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate`."""
    parser.add_argument("count", type=count, metavar="COUNT", help="how many reports")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="for other ones; default: 0")
    parser.add_argument("--labels", action="store_true", help="with what they were made for, as labels")


def _add_report_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=STORE, metavar="FILE", help=f"the batch; default: {STORE}")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write what is classified, as JSON lines")
    parser.add_argument(
        "--labeled",
        type=Path,
        default=LABELED,
        metavar="FILE",
        help="reports with labels, which the accuracy is told by; default: the sample in data/threats",
    )


def _add_pack_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pack", type=_pack, default=1, metavar="N", help=f"reports in a call, 1 to {MOST}; default: 1"
    )


def _pack(text: str) -> int:
    number = count(text)
    if number > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is out of place; give a whole number from 1 to {MOST}")
    return number


def _setting(text: str) -> str:
    return text if text == "auto" else str(count(text))
