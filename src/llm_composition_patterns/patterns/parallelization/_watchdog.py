"""The watchdog: one timer that keeps the timeout of every branch of a fan-out."""

from __future__ import annotations

import asyncio
import math

from ._branch import Branch


class Watchdog:
    """Cancels each branch that has run for `timeout` seconds, its waiting for permits not counted.

    All branches of a fan-out have the same timeout, so a branch that starts later never expires earlier: one timer
    for the earliest of them serves all, and starting a branch sets none while there is one.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._watched: dict[Branch, None] = {}  # in the order of their start
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def watch(self, branch: Branch) -> None:
        """Keep the timeout of a branch that starts."""
        self._watched[branch] = None
        if self._timer is None:
            self._set_timer(branch.started + self._timeout)

    def forget(self, branch: Branch) -> None:
        """Stop keeping the timeout of a branch that has ended."""
        self._watched.pop(branch, None)

    def resumed(self, branch: Branch) -> None:
        """Mind a branch whose clock runs again: it may be the next to expire."""
        due = self._due(branch)
        if self._timer is None or due < self._timer.when():
            self._set_timer(due)

    def close(self) -> None:
        """Cancel nothing any more: what still runs has been cancelled, and cleans up undisturbed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _due(self, branch: Branch) -> float:
        return branch.started + branch.queued + self._timeout

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._closed else self._loop.call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        now, nearest = self._loop.time(), math.inf
        for branch in self._watched:
            if branch.expired or branch.waiting_since is not None:
                continue
            if (due := self._due(branch)) <= now:
                branch.expired = True
                branch.runner.cancel()
            else:
                nearest = min(nearest, due)
        if nearest < math.inf:
            self._set_timer(nearest)
