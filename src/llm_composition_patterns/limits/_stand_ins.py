# ruff: noqa: ARG002, FBT001
# mypy: ignore-errors
"""Laws that hold nothing back, until the real ones are there."""

from __future__ import annotations

from ._readings import Reading, Refusal, Unit


class Pacer:
    """Never holds."""

    def __init__(self, unit: Unit, *, per_minute: float | None = None) -> None:
        self.unit = unit
        self.rate = None if per_minute is None else per_minute / 60
        self.source: str | None = None if per_minute is None else "user"
        self.burst = 0.0

    def wait(self, now: float, cost: float) -> float:
        """Seconds until `cost` may be sent."""
        return 0.0

    def sent(self, now: float, cost: float) -> None:
        """A call was sent."""

    def corrected(self, now: float, cost: float, actual: float) -> None:
        """What a call cost is known."""

    def read(self, reading: Reading, *, sent_at: float, now: float) -> bool:
        """What a reply said."""
        return False

    def refused(self, refusal: Refusal, *, sent_at: float, now: float) -> bool:
        """A call was refused."""
        return False

    def remembered(self) -> dict[str, float]:
        """What is worth to be known next time."""
        return {}

    def restore(self, values: dict[str, float]) -> None:
        """What was remembered."""


class Gate:
    """Always open."""

    def wait(self, now: float) -> float:
        """Seconds until it opens."""
        return 0.0

    def refused(self, refusal: Refusal, now: float, jitter: float) -> None:
        """A call was refused."""


class Breaker:
    """Never open."""

    is_open = False
    since: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until the next probe."""
        return 0.0

    def sent(self, now: float) -> bool:
        """A call was sent."""
        return False

    def ended(self, now: float, ok: bool, probe: bool) -> None:
        """A call ended."""

    def ignored(self, now: float, probe: bool) -> None:
        """A call ended that tells nothing."""


class AdaptiveLaw:
    """Stays where it starts."""

    def __init__(
        self,
        *,
        start: int,
        local: bool = False,
        cap: int | None = None,
        remembered: object = None,
    ) -> None:
        self._start = start
        self.why = "start"
        self.set_cap(cap)

    def set_cap(self, cap: int | None) -> None:
        """Never more than this."""
        self.limit = self._start if cap is None else min(cap, self._start)

    def sent(self, now: float, *, in_flight: int) -> object:
        """A call was sent."""
        return None

    def succeeded(self, flight: object, now: float, *, output_tokens: int | None, waiting: int, lag: float) -> None:
        """A call succeeded."""

    def left(self, flight: object, now: float) -> None:
        """A call ended otherwise."""

    def refused(self, now: float, *, in_flight: int) -> None:
        """There were too many at once."""

    def remembered(self) -> dict[str, float]:
        """What is worth to be known next time."""
        return {}
