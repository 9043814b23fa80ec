"""The `llm-patterns` command: one module for each of its commands, imported when it is called.

A command is a row in `COMMANDS` below and a module with `configure(parser)` and `run(arguments) -> int`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from types import MappingProxyType
from typing import Protocol, cast

from ..console import USAGE, command_parser, ending_well, leave, load_env_file
from ..errors import did_you_mean

__all__ = ["COMMANDS", "main"]

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "batch": ("._batch", "look into the stores of batches, and join those of shards"),
        "doctor": ("._doctor", "say what is configured, reachable and missing"),
        "phoenix": ("._phoenix", "start a local Phoenix to see traces in"),
        "plan": ("._plan", "say how long a batch would take, what it would cost, and what would hold it up"),
        "rehearse": ("._rehearse", "run a batch against a simulated provider, in virtual time, and measure it"),
        "simulate": ("._simulate", "serve a simulated provider that the OpenAI and Groq clients can use"),
        "timeline": ("._timeline", "draw what ran when, from a trace file or a Phoenix"),
        "trace": ("._trace", "send the spans of a trace file to a collector"),
    }
)
"""Each command with its module, which is imported when it is called, and its help."""


class _Command(Protocol):
    def configure(self, parser: ArgumentParser) -> None: ...

    def run(self, arguments: Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run `llm-patterns` with `argv`, and give back its exit code.

    Without `argv` it is the process's own command line, and the process ends here.
    """
    if argv is None:
        leave(main(sys.argv[1:]))
    parser = _parser()
    first = argv[0] if argv else None
    if first is None:
        parser.print_help(sys.stderr)
        return USAGE
    if first in COMMANDS:
        return ending_well(lambda: _run(first, f"{parser.prog} {first}", argv[1:]))
    if not first.startswith("-"):
        parser.error(f"there is no command {first!r}{did_you_mean(first, COMMANDS)}")
    if parser.parse_args(argv).version:
        print(f"llm-patterns {_version()}")
    return 0


def _parser() -> ArgumentParser:
    rows = "\n".join(f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items())
    parser = command_parser(
        f"Tools for composing LLM calls.\n\ncommands:\n{rows}", examples="{prog} doctor\n{prog} simulate --help"
    )
    parser.usage = f"{parser.prog} COMMAND [arguments]"
    parser.add_argument("--version", action="store_true", help="say which version this is")
    return parser


def _run(name: str, prog: str, arguments: Sequence[str]) -> int:
    module, text = COMMANDS[name]
    command = cast(_Command, import_module(module, __name__))
    parser = command_parser(text[:1].upper() + text[1:] + ".", prog=prog)
    command.configure(parser)
    parsed = parser.parse_args(arguments)
    load_env_file()
    return command.run(parsed)


def _version() -> str:
    try:
        return metadata.version("llm-composition-patterns")
    except metadata.PackageNotFoundError:
        return "(not installed)"
