"""Output files that are there whole or not at all, and directories checked before anything is paid."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from .errors import ConfigurationError


def write_atomically(path: str | Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old content or the new one, never a part.

    A link is followed, and what is there keeps its permissions. What is no regular file (`/dev/null`, a pipe) is
    written to as it is. The call blocks: in a coroutine, use `asyncio.to_thread`.

    Raises:
        OSError: It could not be written; nothing is left behind, and an old file is as it was.
    """
    with writing_atomically(path) as file:
        file.write(text)


@contextmanager
def writing_atomically(path: str | Path) -> Iterator[TextIO]:
    """Open `path` for what is too much for `write_atomically`: a reader sees the old content until the block ends well.

    Raises:
        OSError: It could not be written; nothing is left behind, and an old file is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as file:
            yield file
        return
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with _writing_durably(part) as file:
            yield file
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        _remove(part)
    _sync(target.parent)


def check_writable(directory: str | Path) -> Path:
    """Make sure that files can be written into `directory`, which is created if missing.

    Call it before the first call to a model is paid.

    Returns:
        The directory.

    Raises:
        ConfigurationError: It cannot be created or written to, or its disk is full.
    """
    target = Path(directory)
    probe = target / f".{secrets.token_hex(8)}.part"
    try:
        target.mkdir(parents=True, exist_ok=True)
        try:
            with _writing_durably(probe) as file:
                file.write("can this be written?")
        finally:
            _remove(probe)
    except OSError as error:
        raise ConfigurationError(f"cannot write into {target}: {_reason(error, target)}") from error
    return target


def check_apart(output: str | Path, *read: str | Path) -> None:
    """Make sure that writing `output` overwrites none of the files that are read.

    Raises:
        ConfigurationError: It is one of them, by whatever link.
    """
    written = os.path.realpath(output)
    for path in read:
        if os.path.realpath(path) == written:
            raise ConfigurationError(f"{output} is read, and would be overwritten by what is written: name another")


@contextmanager
def _writing_durably(path: Path) -> Iterator[TextIO]:
    # Opened by hand, because a file of `tempfile` is for its owner alone, whatever the umask says. Half a surrogate
    # pair, which models do send, becomes its escape, so that one character never costs the whole file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:  # noqa: PTH123
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make a new name durable, where the file system can; the content is already."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _reason(error: OSError, target: Path) -> str:
    in_the_way = next((path for path in (target, *target.parents) if os.path.isfile(path)), None)  # noqa: PTH113
    if in_the_way is not None:
        return f"{in_the_way} is a file; give a directory"
    return f"{(error.strerror or 'no reason given').lower()}; give another directory, or make room and rights there"
