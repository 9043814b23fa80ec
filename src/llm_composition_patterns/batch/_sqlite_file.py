"""The file of a batch: what tables it has, and what is refused before a byte of it is touched."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from ..errors import BatchError
from ._sqlite_rows import FINGERPRINT, IDENTITY, read_fact, write_fact

APPLICATION: Final = 0x4C434242
"""What SQLite's `application_id` is in our files, so that no other file is taken for one."""

SCHEMA: Final = 1
"""The version of the tables, in `user_version`."""

PATIENCE: Final = 30.0
"""Seconds for which a reader is waited for."""

Fingerprint = Mapping[str, str | None]
"""What decides the results of a batch, by name."""

_TABLES: Final = """
CREATE TABLE batch (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    place INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, state TEXT NOT NULL, executions INTEGER NOT NULL,
    deaths INTEGER NOT NULL, in_doubt INTEGER NOT NULL, repeated INTEGER NOT NULL, kind TEXT, error TEXT,
    run INTEGER NOT NULL, elapsed REAL NOT NULL, usage TEXT
);
CREATE TABLE results (place INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE steps (item TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (item, key));
"""


def connected(path: Path, fingerprint: Fingerprint, *, force: bool) -> sqlite3.Connection:
    """Open a batch's file for its dispatcher, or make it.

    Raises:
        BatchError: It is no file of ours, is damaged, belongs to another batch, or cannot be written.
    """
    try:
        connection = _opened(path, fingerprint, force=force)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error
    return connection


def read_only(path: Path, *, still: bool = False) -> sqlite3.Connection:
    """Open a batch's file to look at it.

    Args:
        path: The file.
        still: Nobody writes it meanwhile, so that nothing has to be made beside it to read it.

    Raises:
        BatchError: It is missing, no file of ours, or damaged.
    """
    if not path.is_file():
        raise BatchError(f"there is no store {path}")
    try:
        try:
            return _found(path, _how(path) if still else "mode=ro")
        except sqlite3.OperationalError:
            if _log_of(path).exists():
                raise
            return _found(path, "immutable=1")  # no log can be made beside it, so nobody writes it either
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


def read_fingerprint(connection: sqlite3.Connection, path: Path) -> Fingerprint:
    """What decides the results of the batch in a file.

    Raises:
        BatchError: The file does not say it.
    """
    try:
        known: Fingerprint = json.loads(read_fact(connection, FINGERPRINT) or "")
    except ValueError as error:
        raise BatchError(f"{path} is damaged: it does not say what batch it holds. Give another path") from error
    return known


def differences(known: Fingerprint, wanted: Fingerprint) -> str:
    """What two batches differ in, for an error."""
    differ = [name for name in {**known, **wanted} if known.get(name) != wanted.get(name)]
    return ", ".join(f"{name} {known.get(name)!r} and not {wanted.get(name)!r}" for name in differ)


def unusable(path: Path, error: Exception) -> BatchError:
    """What is said of a file that SQLite cannot use."""
    return BatchError(
        f"the store {path} cannot be used ({error}): give a path that can be written; a file that is damaged is "
        "left as it is"
    )


def _found(path: Path, how: str) -> sqlite3.Connection:
    connection = _looking(path, how)
    try:
        if not _is_ours(connection, path):
            raise BatchError(f"{path} is empty: no batch was run with it yet")
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(path: Path, fingerprint: Fingerprint, *, force: bool) -> sqlite3.Connection:
    ours = path.exists() and path.stat().st_size > 0 and _is_usable(path, fingerprint, force=force)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        if not ours:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        write_fact(connection, FINGERPRINT, json.dumps(dict(fingerprint)))
        write_fact(connection, IDENTITY, read_fact(connection, IDENTITY) or secrets.token_hex(16))
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_usable(path: Path, fingerprint: Fingerprint, *, force: bool) -> bool:
    """Whether a file is this batch's already; False for a new one. Nothing is changed, not even by closing it."""
    with closing(_looking(path, _how(path))) as connection:
        ours = _is_ours(connection, path)
        if ours:
            _check(connection, path, fingerprint, force=force)
        return ours


def _log_of(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(f"{real.name}-wal")


def _how(path: Path) -> str:
    """How a file that nobody writes is opened so that nothing is changed.

    Who may write tidies the log of a run that died into the file; and where there is no log, to read makes one.
    """
    return "mode=ro" if _log_of(path).exists() else "immutable=1"


def _looking(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=PATIENCE, isolation_level=None)


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is a batch already; False for a new one."""
    application, schema = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application == APPLICATION and schema == SCHEMA:
        return True
    if application == APPLICATION:
        raise BatchError(
            f"{path} was written by another version of this package (schema {schema}, not {SCHEMA}): give another path"
        )
    if application or schema or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise BatchError(f"{path} is an SQLite file, but no batch of this package: give another path")
    return False


def _check(connection: sqlite3.Connection, path: Path, fingerprint: Fingerprint, *, force: bool) -> None:
    known = read_fingerprint(connection, path)
    if known == dict(fingerprint) or force:
        return
    raise BatchError(
        f"{path} holds another batch: {differences(known, fingerprint)}. Give another store, or, where its results are "
        "as good for this one, force=True (--force)"
    )
