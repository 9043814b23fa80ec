"""`python -m examples.paper_translation`: an archive of papers in another language."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from llm_composition_patterns import errors
from llm_composition_patterns.console import USAGE, command_parser, ending_well, leave

from . import _flags, _look, _plan, _run, _sweep, _watch

Configure = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], int]

PROG: Final = "python -m examples.paper_translation"

COMMANDS: Final[Mapping[str, tuple[str, Configure, Run]]] = {
    "run": (
        "translate what is left of an archive, and go on where an earlier run stopped",
        _flags.add_run_flags,
        _run.run,
    ),
    "retry": ("run, and translate papers that failed once more", _flags.add_run_flags, _run.run),
    "plan": ("say how long an archive would take, and what it would cost", _flags.add_plan_flags, _plan.show_plan),
    "watch": ("show how a run goes on, from another terminal", _flags.add_watch_flags, _watch.watch),
    "sweep": (
        "plan and rehearse the original's four strategies, beside what it published",
        _flags.add_sweep_flags,
        _sweep.sweep,
    ),
    "status": ("say how many papers are done, and what they cost", _flags.add_status_flags, _look.status),
    "failed": ("list the papers that failed, or were flagged, with the reasons", _flags.add_failed_flags, _look.failed),
    "export": ("write the finished papers as JSON, bilingual Markdown and TMX", _flags.add_export_flags, _look.write),
    "generate": ("print an invented archive of any size", _flags.add_generate_flags, _look.generate),
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
        f"Translates an archive of scientific papers as a durable batch.\n\ncommands:\n{rows}",
        examples="{prog} run data/papers --output translated\n{prog} run --help",
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
