"""How far a fan-out has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a fan-out has come, as given to a `progress` callback.

    Attributes:
        total: The number of inputs, or None while it is unknown.
        started: Branches started so far.
        done: Branches ended so far, and inputs that were given up before they had one.
        succeeded: Branches that returned.
        failed: All others that are done.
        in_flight: Branches running now.
        elapsed: Seconds since the fan-out's start.
    """

    total: int | None
    started: int
    done: int
    succeeded: int
    failed: int
    in_flight: int
    elapsed: float
