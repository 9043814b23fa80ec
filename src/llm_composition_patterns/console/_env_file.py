"""Keys and settings from a `.env` file, for commands only: importing the package reads nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigurationError
from ._terminal import say

_READER = "dotenv.main"


def load_env_file() -> str | None:
    """Set the variables of the nearest `.env` file, looked for from the working directory upwards.

    What is set already stays as it is. A line that is no setting is told of on stderr and left out. What is called so
    and is no file is passed over.

    Returns:
        The file's path, or None when there is none.

    Raises:
        ConfigurationError: It cannot be read.
    """
    from dotenv import load_dotenv  # noqa: PLC0415  # only commands need it

    path = _nearest()
    if path is None:
        return None
    try:
        with _remarks_about(path):
            load_dotenv(path, override=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {_reason(error)}; mend the file or remove it") from error
    return path


def _nearest() -> str | None:
    """The nearest one that is a file: reading a pipe may wait for ever."""
    here = Path.cwd()
    paths = (str(directory / ".env") for directory in (here, *here.parents))
    return next(filter(os.path.isfile, paths), None)  # unlike Path.is_file, never raises


@contextmanager
def _remarks_about(path: str) -> Iterator[None]:
    """Say what its reader logs, together with the file's name, which the reader leaves out."""

    def said(record: logging.LogRecord) -> bool:
        say(f"{path}: {record.getMessage()}; left out: write it as NAME=value")
        return False

    log = logging.getLogger(_READER)
    log.addFilter(said)
    try:
        yield
    finally:
        log.removeFilter(said)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return error.strerror or "no reason given"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return "a value in it has a NUL character, which no variable can hold"
