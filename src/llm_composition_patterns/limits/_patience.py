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

from ._controller import A_MOMENT, ALL_ALIKE, OUTAGE, RATE_LIMITS, Hold, Opening, Outage
from ._permit import HeldUp, Ticket

Lost = Iterator[tuple[Ticket, HeldUp]]
"""Calls that give up, and why."""


class Patience:
    """What those who wait bear."""

    __slots__ = ("_accepted_at", "_held_since", "_least_for_outage", "_next_check")

    def __init__(self) -> None:
        self._next_check = inf  # nobody has waited for too long before that
        self._held_since: float | None = None  # by a rate limit
        self._accepted_at = -inf
        self._least_for_outage = inf

    def joined(self, ticket: Ticket) -> None:
        """A call waits."""
        if ticket.patience is not None:
            self._next_check = min(self._next_check, ticket.since - ticket.stuck_for + ticket.patience)
        if ticket.outage_patience is not None:
            self._least_for_outage = min(self._least_for_outage, ticket.outage_patience)

    def held(self, hold: Hold | None, now: float) -> float | None:
        """Note what holds the next call; when that must be looked at again."""
        if hold is None or hold.reason not in RATE_LIMITS:
            self._held_since = None
            return None if hold is None else hold.until
        if self._held_since is None:
            self._held_since = now
        return self._next_check if hold.until is None else min(hold.until, self._next_check)

    def accepted(self, now: float) -> None:
        """The provider accepted a call."""
        self._accepted_at = now

    def is_tried(self, now: float) -> bool:
        """Whether somebody may have been held for too long."""
        return now + A_MOMENT >= self._next_check

    def worn_out(
        self, queue: Iterable[Ticket], head: Ticket, hold: Hold, opening: Opening, now: float, *, idle: bool
    ) -> Lost:
        """Those of all who wait that do not bear a rate limit.

        Args:
            queue: Who waits.
            head: Who is next.
            hold: What holds that one.
            opening: When that ends.
            now: The time.
            idle: No call is in flight that may be accepted before that.
        """
        if hold.reason not in ALL_ALIKE:
            yield from self.over((head,), hold, opening, now, known=idle)
            if not head.queued:
                return  # the next may go
            idle = False  # for all that is known of the others
        if self.is_tried(now) or (idle and opening.at > self._next_check + A_MOMENT):
            self._next_check = inf
            yield from self.over(queue, hold, opening, now, known=idle)

    def over(self, waiting: Iterable[Ticket], hold: Hold, opening: Opening, now: float, *, known: bool) -> Lost:
        """Those of `waiting` that do not bear a rate limit: nobody is accepted for too long, or is known not to be."""
        held_since = now if self._held_since is None else self._held_since
        ends = inf if hold.until is None else hold.until
        for ticket in list(waiting):
            if ticket.patience is None:
                continue
            since = max(held_since, ticket.since, self._accepted_at)
            if self._accepted_at <= ticket.since - ticket.stuck_for + A_MOMENT:
                since -= ticket.stuck_for
            bears = since + ticket.patience
            is_tried = bears <= now + A_MOMENT
            if opening.at > bears + A_MOMENT and (known or is_tried):
                ahead = opening.asked - now if known else 0.0
                yield ticket, HeldUp(hold.reason, now - since, ahead, own=opening.own)
            else:
                self._next_check = min(self._next_check, ends if is_tried else bears)

    def over_with(self, outage: Outage | None, waiting: Iterable[Ticket], now: float) -> Lost:
        """Those for whom an outage has lasted too long."""
        if outage is None or outage.known < self._least_for_outage:
            return
        for ticket in list(waiting):
            bears = ticket.outage_patience
            if bears is not None and outage.known >= bears > now - outage.failed_at:
                yield ticket, HeldUp(OUTAGE, outage.known)
