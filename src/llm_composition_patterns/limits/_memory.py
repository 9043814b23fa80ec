"""What limiters learned, remembered between runs: one small JSON file in the user's cache directory.

Nothing here is needed: a file that is missing, damaged, of another version or no file at all is as good as none, and
what cannot be written is not written. Keys and endpoints are not in it, only hashes of them. Several processes may
write at once: each reads what is there, puts its own entry in, and replaces the file as a whole.

All of this blocks: call it by `asyncio.to_thread`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

VERSION: Final = 1
KEPT_FOR: Final = 30 * 86400.0
"""Seconds after which an entry is dropped: by then the provider, or the machine, is another."""

MOST_ENTRIES: Final = 200
MOST_BYTES: Final = 1_000_000

_HUGE: Final = 1e300
_LOCK_TRIES: Final = 20
_LOCK_PAUSE: Final = 0.05
_writing: Final = threading.Lock()

Learned = dict[str, dict[str, float]]
"""What a limiter's `remembered` gives: numbers by name, by part."""


def memory_key(*, endpoint: object, model: str, credential: str | None) -> str:
    """Under which name a limiter is remembered: a hash, from which nothing can be read back.

    Args:
        endpoint: What is called; its `repr` must be the same in every run.
        model: The model's name there.
        credential: The key.
    """
    # The key is hashed with what it is for: equal keys at two places must not be recognised.
    told = json.dumps([repr(endpoint), model, credential])
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()


def default_path() -> Path | None:
    """The file in the user's cache directory; None under pytest, and where there is no such directory."""
    if "PYTEST_CURRENT_TEST" in os.environ:
        return None
    wanted = os.environ.get("XDG_CACHE_HOME", "")
    try:
        usual = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:
        usual = None
    base = Path(wanted) if os.path.isabs(wanted) else usual  # noqa: PTH117 - an empty string is no path
    return None if base is None else base / "llm-composition-patterns" / "limits.json"


def recall(key: str, *, path: Path | None = None, now: float | None = None) -> Learned | None:
    """What was remembered under `key`; None where there is nothing. Raises nothing.

    Args:
        key: From `memory_key`.
        path: The file; None for the default one.
        now: Seconds since the epoch; None for the system's.
    """
    path = path or default_path()
    if path is None:
        return None
    entry = _read(path, time.time() if now is None else now).get(key)
    return None if entry is None else _learned(entry.get("learned"))


def remember(key: str, learned: Mapping[str, Mapping[str, float]], *, path: Path | None = None) -> None:
    """Keep what was learned under `key`, in place of what was there. Raises nothing; see `recall`."""
    path, kept = path or default_path(), _learned(learned)
    if path is None or kept is None:
        return
    with suppress(OSError), _writing, _alone(path):
        if path.exists() and not path.is_file():
            return
        now = time.time()
        entries = _read(path, now)
        entries[key] = {"at": now, "learned": kept}
        newest = sorted(entries.items(), key=lambda item: item[1]["at"], reverse=True)[:MOST_ENTRIES]
        _replace(path, json.dumps({"version": VERSION, "limiters": dict(newest)}))


def _read(path: Path, now: float) -> dict[str, dict[str, Any]]:
    """The entries that are whole and not too old."""
    try:
        with _opened(path, os.O_RDONLY) as file:
            found = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get("version") != VERSION or not isinstance(found.get("limiters"), dict):
        return {}
    return {key: entry for key, entry in found["limiters"].items() if _is_fresh(entry, now)}


def _is_fresh(entry: object, now: float) -> bool:
    at: Any = entry.get("at") if isinstance(entry, dict) else None
    return _is_number(at) and abs(now - at) < KEPT_FOR


def _learned(found: object) -> Learned | None:
    """The parts with their numbers; None where there are none."""
    if not isinstance(found, Mapping):
        return None
    parts = {part: _numbers(values) for part, values in found.items() if isinstance(values, Mapping)}
    return {part: values for part, values in parts.items() if values} or None


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing; one that does not let go is not waited for longer than a second."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _opened(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT) as lock:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE)
            except OSError:  # a file system without locks
                break
        yield


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[BinaryIO]:
    """A file, and no pipe or device: to open one may wait for ever, to read it may never end."""
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
