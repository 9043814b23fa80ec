"""How much of a call's latency the length of its answer explains."""

from __future__ import annotations

import math
from typing import Final

_MEMORY: Final = 200
"""Answers after which older ones begin to fade."""
_ENOUGH: Final = 8
"""Answers before which latency is taken to be proportional to length."""
_SPREAD: Final = 1e-4
"""Variance of log tokens below which all answers count as equally long."""


class Lengths:
    """The share of log latency that log tokens explain: the slope of a running regression, between 0 and 1.

    0: latency does not depend on how long the answer is; 1: it is proportional to it.

    Attributes:
        share: The slope.
    """

    __slots__ = ("_answers", "_covariance", "_first", "_log_latency", "_log_tokens", "_variance", "share")

    def __init__(self) -> None:
        self._first: float | None = None
        self._answers = 0
        self._log_tokens = self._log_latency = self._variance = self._covariance = 0.0
        self.share: float = 1.0

    def learn(self, tokens: int | None, log_latency: float) -> float:
        """Take an answer in; its log tokens, counted from those of the first answer (0 where they are not known)."""
        if not tokens or tokens < 0:
            return 0.0
        log_tokens = math.log(tokens)
        if self._first is None:
            self._first = log_tokens
        log_tokens -= self._first
        if self._answers < _MEMORY:
            self._answers += 1
        gain = 1 / self._answers
        off, late = log_tokens - self._log_tokens, log_latency - self._log_latency
        self._log_tokens += gain * off
        self._log_latency += gain * late
        self._variance += gain * ((1 - gain) * off * off - self._variance)
        self._covariance += gain * ((1 - gain) * off * late - self._covariance)
        if self._answers >= _ENOUGH:
            self.share = self._slope()
        return log_tokens

    def _slope(self) -> float:
        if self._variance < _SPREAD:
            return 0.0
        slope = self._covariance / self._variance
        return 0.0 if slope < 0.0 else 1.0 if slope > 1.0 else slope
