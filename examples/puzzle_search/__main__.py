"""`python -m examples.puzzle_search`: puzzles, searched at every level of parallelism."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from llm_composition_patterns.console import USAGE, command_parser, ending_well, leave
from llm_composition_patterns.errors import did_you_mean

from . import _compare, _flags, _solve

PROG: Final = "python -m examples.puzzle_search"

COMMANDS: Final[
    Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]]
] = {
    "solve": ("search puzzles, with every program or with a model's candidates", _flags.add_solve_flags, _solve.solve),
    "levels": ("measure the search at each level of parallelism", _flags.add_levels_flags, _compare.levels),
    "generate": ("print invented puzzles", _flags.add_generate_flags, _compare.generate),
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
        parser.error(f"there is no command {given[0]!r}{did_you_mean(given[0], COMMANDS)}")
    return _command(given[0], given[1:])


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {name:<9} {text}" for name, (text, _, _) in COMMANDS.items())
    parser = command_parser(
        f"Searches small grid programs that explain puzzles.\n\ncommands:\n{rows}",
        examples="{prog} solve\n{prog} levels --plot levels.svg",
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
