"""One dispatcher for each store: a lock that ends with its process, whatever ends that.

It lies on a file beside the store, because to close any other handle of a database's own file would let go of SQLite's
locks on it. The file says who holds it, and stays: to remove it would let two take it at once.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Self

from ..errors import BatchError

_TAKEN = frozenset({errno.EACCES, errno.EAGAIN})


class StoreLock:
    """The right to be the one dispatcher of a store."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    @classmethod
    def taken(cls, store: Path) -> Self:
        """Take the lock of a store.

        Raises:
            BatchError: Somebody else has it, or it cannot be written.
        """
        if store.is_dir():
            raise BatchError(f"the store {store} is a directory: give the path of a file")
        path = _beside(store)
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BatchError(f"the store {store} cannot be written: {error.strerror}: {path}") from error
        _lock(file, store, signed=True)
        return cls(file)

    @classmethod
    def kept_still(cls, store: Path) -> Self:
        """Let nobody run a batch whose store is read, which may be where nothing can be written.

        Nothing is made: a store without a lock is one that nobody runs.

        Raises:
            BatchError: Somebody runs it.
        """
        path = _beside(store)
        signed = os.access(path, os.W_OK)
        try:
            file = os.open(path, (os.O_RDWR if signed else os.O_RDONLY) | os.O_CLOEXEC)
        except FileNotFoundError:
            return cls(None)
        except OSError as error:
            raise BatchError(f"the store {store} cannot be locked: {error.strerror}: {path}") from error
        _lock(file, store, signed=signed)
        return cls(file)

    def release(self) -> None:
        """Let others have it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def is_held(store: Path) -> bool:
    """Whether the process that took the lock of a store last is there still, as far as can be told from here.

    Nothing is locked to find out: somebody who wants the lock just now would not get it.
    """
    try:
        known = json.loads(_beside(store).read_text())
        if known["host"] == socket.gethostname():
            os.kill(known["process"], 0)
    except (ProcessLookupError, FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    except OSError:
        return True  # it is another user's
    return True


def _beside(store: Path) -> Path:
    """Where the lock is: of one file, by whatever link it is reached."""
    return Path(f"{os.path.realpath(store)}.lock")


def _lock(file: int, store: Path, *, signed: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if signed:
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps({"process": os.getpid(), "host": socket.gethostname()}).encode(), 0)
    except OSError as error:
        holder = _holder(file)
        os.close(file)
        if error.errno in _TAKEN:
            raise BatchError(f"the store {store} is in use by {holder}: wait for that run, or end it") from error
        raise BatchError(f"the store {store} cannot be locked: {error.strerror}") from error


def _holder(file: int) -> str:
    try:
        known = json.loads(os.pread(file, 4096, 0))
        return f"process {known['process']} on {known['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
