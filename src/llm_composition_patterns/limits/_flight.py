"""A call on its way, as the laws see it."""

from __future__ import annotations

from typing import Any


class Flight:
    """One call that was sent."""

    __slots__ = ("answered", "asks", "in_flight", "law", "number", "probe", "sent_at", "tokens")

    def __init__(
        self,
        sent_at: float,
        tokens: float,
        in_flight: int,
        law: Any,
        answered: int = 0,
        *,
        probe: bool = False,
        number: int = 0,
    ) -> None:
        self.sent_at: float = sent_at
        self.tokens: float = tokens
        self.in_flight: int = in_flight
        self.law: Any = law
        self.answered: int = answered
        self.probe: bool = probe
        self.number: int = number
        self.asks: bool = False  # whether a pause was long enough
