"""Accounts: where the calls made inside one scope are added up, and who waits for a permit.

Every scope that wants to know what was used inside it (a `track`, a branch of a fan-out) opens an `Account` whose
parent is the account around it, and makes it current in its own context. An attempt at a provider settles its usage
on the current account, which passes it on to its parents.

The same chain tells a branch when its clock stands still. A branch waits when something inside it waits for a permit
and nothing inside it holds one; an inner fan-out counts as one thing, which waits when all of its own branches wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final

from ..usage import NO_USAGE, Usage

_settling = threading.Lock()


class Account:
    """What was used inside one scope so far."""

    __slots__ = ("parent", "usage")

    # The fan-out whose branch this is. Not in __slots__: only branches have one.
    fan_out: object | None = None

    def __init__(self, parent: Account | None) -> None:
        self.parent: Final = parent
        self.usage: Usage = NO_USAGE

    def shift(self, *, waiting: int = 0, working: int = 0) -> None:
        """Change how many things inside this scope wait for a permit, and how many work without waiting."""
        if self.parent is not None:
            self.parent.shift(waiting=waiting, working=working)

    def hear(self, seconds: float, limiter: object, *, accepted: bool) -> None:
        """An attempt inside this scope is over: how long it took, what let it through, and whether it was accepted."""
        if self.parent is not None:
            self.parent.hear(seconds, limiter, accepted=accepted)


current_account: ContextVar[Account | None] = ContextVar("llm_composition_account", default=None)
"""The account of the innermost scope."""


class account:  # noqa: N801 - used like the function it reads as
    """Account what is used inside the `with` block, for the scopes around it too."""

    def __enter__(self) -> Account:
        inside = Account(current_account.get())
        self._token = current_account.set(inside)
        return inside

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        current_account.reset(self._token)


def fairness_group() -> object | None:
    """The outermost fan-out around the caller, or None: who waits for permits is served in turn by these."""
    group = None
    account = current_account.get()
    while account is not None:
        if account.fan_out is not None:
            group = account.fan_out
        account = account.parent
    return group


def settle(usage: Usage) -> None:
    """Add what one attempt used to every scope around it."""
    with _settling:
        account = current_account.get()
        while account is not None:
            account.usage = account.usage + usage
            account = account.parent


@contextmanager
def waiting_for_permit() -> Iterator[None]:
    """Say that the caller waits for a permit: the clocks of the branches around it stand still if nobody works."""
    account = current_account.get()
    if account is None:
        yield
        return
    account.shift(waiting=1)
    try:
        yield
    finally:
        account.shift(waiting=-1)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that the caller runs on; None in a thread without one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
