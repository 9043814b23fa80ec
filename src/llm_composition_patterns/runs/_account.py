"""Accounts: where the calls made inside one scope are added up.

Every scope that wants to know what was used inside it (a `track`, a branch of a fan-out) opens an `Account` whose
parent is the account around it, and makes it current in its own context. An attempt at a provider settles its usage
on the current account, which passes it on to its parents. The same chain carries the news that a call waits for a
permit, so that time spent waiting does not count against the timeout of the branch that waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from ..usage import NO_USAGE, Usage

_settling = threading.Lock()


class Account:
    """What was used inside one scope so far."""

    __slots__ = ("parent", "usage")

    def __init__(self, parent: Account | None) -> None:
        self.parent: Final = parent
        self.usage: Usage = NO_USAGE

    def pause(self) -> None:
        """A call in this scope starts to wait for a permit."""
        if self.parent is not None:
            self.parent.pause()

    def resume(self) -> None:
        """A call in this scope has waited for a permit."""
        if self.parent is not None:
            self.parent.resume()


current_account: ContextVar[Account | None] = ContextVar("llm_composition_account", default=None)
"""The account of the innermost scope."""


def settle(usage: Usage) -> None:
    """Add what one attempt used to every scope around it."""
    with _settling:
        account = current_account.get()
        while account is not None:
            account.usage = account.usage + usage
            account = account.parent


@contextmanager
def waiting_for_permit() -> Iterator[None]:
    """Stop the clocks of the branches around the caller while it waits for a permit."""
    account = current_account.get()
    if account is None:
        yield
        return
    account.pause()
    try:
        yield
    finally:
        account.resume()
