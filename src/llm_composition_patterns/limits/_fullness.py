"""Whether a server that fails calls only means that it is full: pure.

Some servers of few slots answer 503 to what comes on top, and do not say why. Three things together tell that from an
outage: it fails calls that were sent when many were in flight, answers those that were sent when fewer were, and does
both at the same time. In an outage nothing is answered that was sent since it began, and what fails by chance, or for
what is in it, fails beside fewer others too.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

_FAILURES: Final = 64
"""Failures that are remembered: those of a few salvos, the first of which is wide."""
_FOR: Final = 120.0
"""Seconds for which they are: an outage that is over tells nothing of the slots."""
_ANSWERS: Final = 16
_LEAST_FAILURES: Final = 3
_LEAST_ANSWERS: Final = 2
_EXCEPTIONS: Final = 0.1
"""Answers where all should have failed, for each failure: a slot may become free while a call is on its way."""


class _Sent(NamedTuple):
    at: float
    in_flight: int


class Fullness:
    """Remembers beside how many others calls were sent that were answered, or failed."""

    __slots__ = ("_answered", "_failed")

    def __init__(self) -> None:
        self._answered: deque[_Sent] = deque(maxlen=_ANSWERS)
        self._failed: deque[_Sent] = deque(maxlen=_FAILURES)

    def answered(self, sent_at: float, in_flight: int) -> None:
        """A call was answered that had been sent when so many were in flight, itself included."""
        if self._failed:
            self._answered.append(_Sent(sent_at, in_flight))

    def failed(self, sent_at: float, in_flight: int) -> bool:
        """A call was failed; whether it was one too many."""
        while self._failed and self._failed[0].at < sent_at - _FOR:
            self._failed.popleft()
        self._failed.append(_Sent(sent_at, in_flight))
        if len(self._failed) < _LEAST_FAILURES or in_flight < 2:  # noqa: PLR2004 - alone
            return False
        since = self._failed[0].at
        least = min(sent.in_flight for sent in self._failed)
        meanwhile = [sent for sent in self._answered if sent.at > since]
        fewer = sum(sent.in_flight < least for sent in meanwhile)
        return fewer >= _LEAST_ANSWERS and len(meanwhile) - fewer <= _EXCEPTIONS * len(self._failed)
