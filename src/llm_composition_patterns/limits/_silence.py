"""What a refusal tells by the calls around it, where the provider tells nothing. Pure.

It is taken for a cap on calls in flight, unless that cannot be: it is the third that was sent since another was
refused, and none of those was accepted; or calls that are alone in flight are refused about as often as accepted. Then
a rate limit refuses. One that speaks of calls at once is a cap's in any case.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Final

from ._readings import Refusal

SURE: Final = 3
"""Refused calls, sent since the first refusal, that are no cap's."""

FORGIVEN: Final = 0.25
OFTEN: Final = 2.0
"""Refusals of calls that were alone, each acceptance counting as so much of one less: then they are no accident."""


class Silence:
    """Tells a rate limit from a cap."""

    __slots__ = ("_alone", "_began", "_refused")

    def __init__(self) -> None:
        self._began = inf  # nobody's call was accepted that was sent since
        self._refused = 0
        self._alone = 0.0

    def accepted(self, sent_at: float) -> None:
        """A call was accepted."""
        if self._alone:
            self._alone = max(0.0, self._alone - FORGIVEN)
        if sent_at > self._began:
            self._began, self._refused = inf, 0

    def heard(self, refusal: Refusal, *, in_flight: int, sent_at: float, now: float) -> Refusal:
        """What a refusal tells that was sent when so many were in flight, itself among them."""
        if refusal.tells_rate or refusal.daily or refusal.too_large or refusal.concurrent:
            return refusal
        if sent_at >= self._began:
            self._refused += 1
        if in_flight <= 1:
            self._alone += 1.0
        if self._refused < SURE and self._alone < OFTEN:
            self._began = min(self._began, now)
            return refusal
        return replace(refusal, exhausted=refusal.exhausted or "requests", concurrent=None)
