"""When a call has waited for longer than it bears.

Rate limits try a call's patience only while the provider accepts nobody at all: a long queue that moves does not. Where
they are known to hold everybody for longer than a call bears, and no call is in flight whose acceptance could show
otherwise, it gives up at once. What jitter adds to a wait that it bears tries it no further.

An outage tries it for as long as it is known to last, from its first failure to the last one: after a rest in which
nobody asked, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from ._controller import A_MOMENT, OUTAGE, RATE_LIMITS, Hold, Outage
from ._permit import HeldUp, Ticket

Lost = Iterator[tuple[Ticket, HeldUp]]
"""Calls that give up, and why."""


class Patience:
    """What those who wait bear.

    Attributes:
        next_check: When the first of them may have waited for too long.
    """

    __slots__ = ("_least", "_least_for_outage", "_stuck_since", "next_check")

    def __init__(self) -> None:
        self.next_check = inf
        self._stuck_since: float | None = None  # held by a rate limit, and nobody accepted since then
        self._least = self._least_for_outage = inf

    def joined(self, ticket: Ticket) -> None:
        """A call waits."""
        if ticket.patience is not None:
            self.next_check = min(self.next_check, ticket.since + ticket.patience)
            self._least = min(self._least, ticket.patience)
        if ticket.outage_patience is not None:
            self._least_for_outage = min(self._least_for_outage, ticket.outage_patience)

    def held(self, hold: Hold | None, now: float) -> float | None:
        """Note what holds the next call; when that must be looked at again."""
        if hold is None or hold.reason not in RATE_LIMITS:
            self._stuck_since = None
            return None if hold is None else hold.until
        if self._stuck_since is None:
            self._stuck_since = now
        return self.next_check if hold.until is None else min(hold.until, self.next_check)

    def accepted(self, now: float) -> None:
        """The provider accepted a call."""
        if self._stuck_since is not None:
            self._stuck_since = now

    def in_vain(self, waiting: Iterable[Ticket], hold: Hold, ends_at: float, now: float) -> Lost:
        """Those who are held by a rate limit that is known to end too late for them."""
        stuck = now if self._stuck_since is None else self._stuck_since
        if ends_at <= stuck + self._least + A_MOMENT:
            return
        for ticket in list(waiting):
            since = max(stuck, ticket.since)
            if ticket.patience is not None and ends_at > since + ticket.patience + A_MOMENT:
                yield ticket, HeldUp(hold.reason, now - since, ends_at - now)

    def over(self, waiting: Iterable[Ticket], hold: Hold, ends_at: float, now: float) -> Lost:
        """Those who were held by rate limits for too long."""
        stuck = self._stuck_since
        if stuck is None or now + A_MOMENT < self.next_check:
            return
        self.next_check = inf
        for ticket in list(waiting):
            if ticket.patience is None:
                continue
            since = max(stuck, ticket.since)
            bears = since + ticket.patience
            if bears > now + A_MOMENT:
                self.next_check = min(self.next_check, bears)
            elif hold.until is not None and ends_at <= bears + A_MOMENT and now <= hold.until + A_MOMENT:
                self.next_check = min(self.next_check, hold.until)
            else:
                yield ticket, HeldUp(hold.reason, now - since)

    def over_with(self, outage: Outage | None, waiting: Iterable[Ticket], now: float) -> Lost:
        """Those for whom an outage has lasted too long."""
        if outage is None or outage.known < self._least_for_outage:
            return
        for ticket in list(waiting):
            bears = ticket.outage_patience
            if bears is not None and outage.known >= bears > now - outage.failed_at:
                yield ticket, HeldUp(OUTAGE, outage.known)
