"""Command lines that teach: flags that commands share, checked values, and errors of one line."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

from ..errors import did_you_mean
from ..runs import Budget
from ._codes import OK, USAGE
from ._providers import AUTO
from ._run import flushed
from ._terminal import say

_MOST_PORT: Final = 65535


def command_parser(description: str, *, examples: str = "", prog: str | None = None) -> argparse.ArgumentParser:
    """Build a parser whose errors are one line with exit code 2, and whose help ends with examples.

    Args:
        description: What the command does for its user.
        examples: Command lines, one each line, with `{prog}` for the command's own name.
        prog: The command's name; by default as it was called.
    """
    prog = prog or _as_called()
    epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples.replace("{prog}", prog).splitlines())
    return _Parser(
        prog=prog,
        description=description,
        epilog=epilog if examples else None,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )


def add_common_flags(parser: argparse.ArgumentParser, *, timed: str = "each branch") -> None:
    """Add the flags that every command which calls models has.

    They arrive as `model` (None if not given), `max_concurrency`, `timeout`, `budget` (a `Budget`, or None), `seed`,
    `trace`, `timeline` (a path, or None) and `json`.

    Args:
        parser: What they are added to.
        timed: What `--timeout` is for.
    """
    group = parser.add_argument_group("model and calls")
    group.add_argument(
        "--model",
        type=model_name,
        metavar="PROVIDER:NAME",
        help="as groq:openai/gpt-oss-20b; 'auto' looks for a local server first; "
        "default: LLM_MODEL (auto there too), else the provider whose key is set, else simulated",
    )
    group.add_argument("--max-concurrency", type=count, metavar="N", help="most calls in flight to a model at once")
    group.add_argument("--timeout", type=seconds, metavar="S", help=f"seconds for {timed}, its retries included")
    group.add_argument("--budget", type=budget, metavar="USD", help="what the calls may cost at most, in US dollars")
    group.add_argument("--seed", type=seed, metavar="N", help="for repeatable answers, where the model offers them")
    group = parser.add_argument_group("output")
    group.add_argument(
        "--trace",
        default="auto",
        metavar="TARGET",
        help="where spans go: auto (the endpoint that the environment names, if any), phoenix, console, "
        "file:PATH or off; default: auto",
    )
    group.add_argument(
        "--timeline", type=Path, metavar="FILE.svg", help="also draw what ran when: each wait, attempt and failure"
    )
    group.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else there")


def count(text: str) -> int:
    """Read a whole number above 0, as the `type` of an argument."""
    return _whole(text, 1, "a whole number above 0")


def seed(text: str) -> int:
    """Read a whole number from 0, as the `type` of an argument."""
    return _whole(text, 0, "a whole number, 0 or more")


def seconds(text: str) -> float:
    """Read a time in seconds above 0, as the `type` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds above 0, as 30 or 2.5")
    return value


def budget(text: str) -> Budget:
    """Read an amount of US dollars above 0, as the `type` of an argument."""
    try:
        return Budget(usd=Decimal(text.removeprefix("$")))
    except (ArithmeticError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no budget; give US dollars above 0, as 5 or 0.25") from None


def port(text: str) -> int:
    """Read the number of a port, as the `type` of an argument."""
    return _port(text, least=1)


def port_or_any(text: str) -> int:
    """Read the number of a port, or 0 for any that is free, as the `type` of an argument."""
    return _port(text, least=0)


def model_name(text: str) -> str:
    """Read `provider:name` or `auto`, as the `type` of an argument. Whether there is such a model is seen later."""
    provider, colon, _ = text.partition(":")
    if text == AUTO or (provider and colon and not any(character.isspace() for character in text)):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no model; give provider:name, as groq:openai/gpt-oss-20b, or auto")


def directory(text: str) -> Path:
    """Read the name of a directory, as the `type` of an argument; whether it can be written to is seen later."""
    if text.strip():
        return Path(text)
    raise argparse.ArgumentTypeError("an empty name is no directory; give one, as translations")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors say in one line what is wrong and where to read on."""

    def error(self, message: str) -> NoReturn:
        """Write one line instead of the whole usage, and end with code 2."""
        ending = "" if message.endswith(("?", ".")) else f"; see {self.prog} --help"
        say(f"{self.prog}: error: {message}{ending}")
        self.exit(USAGE)

    def exit(self, status: int = OK, message: str | None = None) -> NoReturn:
        """End with `status`, once what was printed is written."""
        if message:
            say(message.rstrip())
        sys.exit(flushed(status))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and name the flag that an unknown one was probably meant to be."""
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = [flag for action in self._actions for flag in action.option_strings]
            word = unknown[0].partition("=")[0]
            self.error(f"unknown argument {unknown[0]}{did_you_mean(word, known)}")
        return arguments


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help that keeps its examples as they are and stays readable on very narrow and very wide terminals."""

    def __init__(self, prog: str, **settings: Any) -> None:
        width = min(max(shutil.get_terminal_size().columns - 2, 38), 100)
        super().__init__(prog, **{"width": width, "max_help_position": 28, **settings})


def _port(text: str, *, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from {least} to {_MOST_PORT}")
    return int(text)


def _whole(text: str, least: int, wanted: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text!r} is out of place; give {wanted}")
    return value


def _as_called() -> str:
    """Name the program as whoever called it did: `python -m package.module`, or the script's name."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return Path(sys.argv[0]).name
    return f"python -m {spec.name.removesuffix('.__main__')}"
