"""How much a simulated server can do at once: data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ._settings import check_choice, check_number, check_whole

Beyond = Literal["hard", "soft", "thrash"]
"""What becomes of the speed beyond the knee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Another capacity from some time on.

    Attributes:
        at: Seconds after the first request.
        factor: What `slots`, `knee` and `at_once` are multiplied by from then on: by what the scenario says of them, so
            that 1 is the whole capacity again. Slots and requests at once are rounded, and stay at least 1.
    """

    at: float
    factor: float

    def __post_init__(self) -> None:
        check_number("at", self.at)
        check_number("factor", self.factor, above=True, most=1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much a server can do at once. With slots others wait; with a knee all are worked on, each more slowly.

    With both, as vLLM has them, `slots` of them are worked on, and the knee says how fast.

    Attributes:
        slots: Requests worked on at once; the others wait in the order in which they came. None for any number.
        queue: Requests that may wait for a slot; one more is answered with 503. None for any number.
        knee: Requests that are worked on at full speed together; None for any number.
        beyond: How fast n requests get on beyond the knee. `hard`: together as fast as at the knee. `soft`: together
            n / (1 + n / knee) times as fast as one alone, a curve without a corner, on either side of the knee.
            `thrash`: as `hard`, but beyond 1.5 knees their speed together falls, by 1.5 knee / n.
        at_once: Requests taken at once, at work or waiting; one more is answered with a 429 that says no rate.
        changes: When this changes, in order of time.
    """

    slots: int | None = None
    queue: int | None = None
    knee: int | None = None
    beyond: Beyond = "hard"
    at_once: int | None = None
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        for name in ("slots", "knee", "at_once"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), least=1)
        if self.slots is None and self.knee is None and self.at_once is None:
            raise ValueError("slots, knee or at_once must be given to limit a capacity")
        self._check_queue()
        check_choice("beyond", self.beyond, get_args(Beyond))
        if self.beyond != "hard" and self.knee is None:
            raise ValueError(f"beyond = {self.beyond!r} has no meaning without a knee: give one, such as knee = 32")
        self._check_changes()

    def _check_queue(self) -> None:
        if self.queue is not None:
            check_whole("queue", self.queue, least=0)
            if self.slots is None:
                raise ValueError("queue has no meaning without slots to wait for: give some, such as slots = 1")

    def _check_changes(self) -> None:
        if not isinstance(self.changes, tuple) or not all(isinstance(change, Change) for change in self.changes):
            raise ValueError("changes must be a tuple of Change(...), such as (Change(at=60, factor=0.5),)")
        if list(self.changes) != sorted(self.changes, key=lambda change: change.at):
            raise ValueError("changes must be in order of time: sort them by `at`")
