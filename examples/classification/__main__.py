"""`python -m examples.classification`: labels for reports about threats."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from llm_composition_patterns import errors
from llm_composition_patterns.console import USAGE, command_parser, ending_well, leave

from . import _flags, _look, _run, _sweep_command

Configure = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], int]

PROG: Final = "python -m examples.classification"

COMMANDS: Final[Mapping[str, tuple[str, Configure, Run]]] = {
    "run": (
        "classify what is left of some reports, and go on where an earlier run stopped",
        _flags.add_run_flags,
        _run.run,
    ),
    "sweep": (
        "measure a server at several numbers of calls in flight, and where more gain nothing",
        _flags.add_sweep_flags,
        _sweep_command.sweep,
    ),
    "report": ("say what came of a batch, and how often it is right", _flags.add_report_flags, _look.report),
    "generate": ("print invented reports", _flags.add_generate_flags, _look.generate),
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
        f"Classifies reports about threats as a durable batch.\n\ncommands:\n{rows}",
        examples="{prog} run data/threats\n{prog} run --help",
        prog=PROG,
    )
    parser.usage = f"{PROG} COMMAND [arguments]"
    return parser


def _command(name: str, given: Sequence[str]) -> int:
    text, configure, run = COMMANDS[name]
    parser = command_parser(text[:1].upper() + text[1:] + ".", examples=_flags.EXAMPLES[name], prog=f"{PROG} {name}")
    configure(parser)
    return ending_well(partial(run, parser.parse_args(given)))


if __name__ == "__main__":
    leave(main())
