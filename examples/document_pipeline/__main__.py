"""`python -m examples.document_pipeline`: text, entities and embeddings of a folder of PDFs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from llm_composition_patterns import errors
from llm_composition_patterns.console import USAGE, command_parser, ending_well, leave

from . import _flags, _look, _run, _speedup

Configure = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], int]

PROG: Final = "python -m examples.document_pipeline"

COMMANDS: Final[Mapping[str, tuple[str, Configure, Run]]] = {
    "run": (
        "read what is left of a folder of PDFs, and go on where an earlier run stopped",
        _flags.add_run_flags,
        _run.run,
    ),
    "retry": ("run, and read files that were quarantined once more", _flags.add_run_flags, _run.run),
    "status": ("say how many documents are done, and what they cost", _flags.add_status_flags, _look.status),
    "export": ("write text, chunks, entities and embeddings", _flags.add_export_flags, _look.write),
    "search": ("find the chunks that are nearest to a question", _flags.add_search_flags, _look.search),
    "speedup": (
        "measure the same code at 1, 2 and 4 worker processes",
        _flags.add_speedup_flags,
        _speedup.run,
    ),
    "generate": ("write a folder of invented PDFs", _flags.add_generate_flags, _look.generate),
}
"""Each command: what it is for, its flags, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    if not given:
        parser.print_help(sys.stderr)
        return USAGE
    if given[0].startswith("-"):
        parser.parse_args(given)
        return USAGE
    if given[0] not in COMMANDS:
        parser.error(f"there is no command {given[0]!r}{errors.did_you_mean(given[0], COMMANDS)}")
    return _command(given[0], given[1:])


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {name:<9} {text}" for name, (text, _, _) in COMMANDS.items())
    parser = command_parser(
        f"Text, entities and embeddings of a folder of PDFs, as a durable batch.\n\ncommands:\n{rows}",
        examples="{prog} generate 60 --output pdfs\n{prog} run pdfs --output out\n{prog} run --help",
        prog=PROG,
    )
    parser.usage = f"{PROG} COMMAND [arguments]"
    return parser


def _command(name: str, given: Sequence[str]) -> int:
    text, configure, run = COMMANDS[name]
    parser = command_parser(text[:1].upper() + text[1:] + ".", examples=_flags.EXAMPLES[name], prog=f"{PROG} {name}")
    configure(parser)
    parser.set_defaults(retry=name == "retry")
    return ending_well(partial(run, parser.parse_args(given)))


if __name__ == "__main__":
    leave(main())
