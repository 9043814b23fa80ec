"""The laws of a limiter that learns nothing: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ._controller import FULL, NOTHING, Change, Hold, Learned
from ._endings import Ending
from ._flight import Flight


class FixedController:
    """A plain number of calls in flight: nothing is paced, nothing is learned."""

    __slots__ = ("average_tokens", "in_flight", "limit")

    why: Final = "fixed"

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.in_flight: int = 0
        self.average_tokens: float = 0.0

    def hold(self, now: float, tokens: float) -> Hold | None:  # noqa: ARG002 - as a learning one
        """Why a call may not be sent now."""
        return FULL if self.in_flight >= self.limit else None

    def sent(self, now: float, tokens: float) -> Flight:
        """A call was sent."""
        self.in_flight += 1
        return Flight(now, tokens, self.in_flight, None)

    def ended(self, flight: Flight, now: float, ending: Ending, **_: float) -> Sequence[Change]:  # noqa: ARG002 - as above
        """Learn nothing."""
        return NOTHING

    def is_behind_others(self, flight: Flight, now: float) -> bool:  # noqa: ARG002 - as above
        """Nothing is known of others."""
        return False

    def is_one_too_many(self, flight: Flight) -> bool:  # noqa: ARG002 - as above
        """It would change nothing."""
        return False

    def freed(self) -> None:
        """The room of a call is free for another."""
        self.in_flight -= 1

    def unsent(self, flight: Flight, now: float) -> None:  # noqa: ARG002 - as above
        """A call that had its room was not sent after all."""
        self.in_flight -= 1

    def is_closed(self, now: float) -> bool:  # noqa: ARG002 - as above
        """Never."""
        return False

    def outage(self) -> None:
        """Never."""

    def outages_over(self) -> tuple[range, ...]:
        """None: it knows of no outage."""
        return ()

    def remembered(self) -> dict[str, dict[str, float]]:
        """Nothing."""
        return {}

    def learned(self, now: float) -> Learned:  # noqa: ARG002 - as above
        """Nothing."""
        return Learned()
