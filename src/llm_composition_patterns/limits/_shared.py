"""One limiter for each endpoint, model and credential, shared by everything in the process that calls it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from ._limiter import UNKNOWN_START, Limiter, learning_limiter, set_cap

_lock: Final = threading.Lock()
_limiters: Final[WeakValueDictionary[Hashable, Limiter]] = WeakValueDictionary()
_caps: Final[WeakKeyDictionary[Limiter, list[int]]] = WeakKeyDictionary()


@contextmanager
def shared_limiter(
    *,
    endpoint: Hashable,
    model: str,
    credential: str | None = None,
    fingerprint: str | None = None,
    cap: int | None = None,
    start: int = UNKNOWN_START,
    local: bool = False,
    remembered: Mapping[str, Mapping[str, float]] | None = None,
) -> Iterator[Limiter]:
    """Use the one limiter of an endpoint, model and credential.

    Args:
        endpoint: What is called.
        model: The model's name there.
        credential: The key, of which only a hash is kept.
        fingerprint: That hash, where the key itself is elsewhere.
        cap: The most calls in flight that this user of the limiter wants. Of several caps the smallest holds, as long
            as its user is inside this context.
        start: Calls in flight to begin with, for the first user.
        local: The endpoint is on this machine; for the first user.
        remembered: What the limiter's `remembered` gave at the end of an earlier run; for the first user.
    """
    key = endpoint, model, fingerprint or key_fingerprint(credential)
    with _lock:
        limiter = _limiters.get(key)
        if limiter is None:
            limiter = _limiters[key] = learning_limiter(start=start, local=local, remembered=remembered)
            _caps[limiter] = []
        _change_caps(limiter, add=cap)
    try:
        yield limiter
    finally:
        with _lock:
            _change_caps(limiter, remove=cap)


def _change_caps(limiter: Limiter, *, add: int | None = None, remove: int | None = None) -> None:
    caps = _caps.get(limiter)
    if caps is None:  # the interpreter is ending, and weak references with it
        return
    if add is not None:
        caps.append(add)
    if remove is not None:
        caps.remove(remove)
    set_cap(limiter, min(caps, default=None))


def key_fingerprint(credential: str | None) -> str | None:
    """What tells one key from another, and from which it cannot be read back."""
    return credential and hashlib.sha256(credential.encode(errors="surrogatepass")).hexdigest()
