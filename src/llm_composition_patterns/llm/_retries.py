"""Which failed attempts are worth another one, when, and at whose cost: pure.

A call may make so many attempts. Some that failed cost it none, because they say nothing about the call:

- its first refusal by a rate limit;
- a refusal while the provider goes on to take the calls of others, as a limiter that learns a rate must bring about;
- a failure while the provider fails altogether, as that of a call that is sent to see whether it is back.

Where nobody was ever answered there is no outage to sit out: then every failure counts. Where another call was
answered that was sent after this one's first failed attempt, its failures may be its own: they count, and are no sign
of an outage, unless it failed in one that is over; while others tell of an outage, they count no more. And where only
one or two calls fail, nobody can tell: then every failure counts, too, but what may still be tried is spread over as
long as most outages last, so that the last attempt finds the provider back. So it is where much fails for no outage.

A call that only ever meets refusals gives up when it was held up for a while in which the provider accepted nobody
else either.
"""

from __future__ import annotations

from typing import Final

from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited

FIRST_BACKOFF: Final = 0.5
LONGEST_BACKOFF: Final = 30.0

MOST_EXCUSED: Final = 5
"""Refusals that a call is excused, for each of its attempts: a provider may have something against this very call."""

DOUBTED: Final = 30.0
"""Seconds over which calls spread their attempts while only one or two tell of an outage, or where much fails."""

_MOST_COUNTED: Final = 100
"""Attempts of which more make no difference: their backoffs alone take most of an hour."""

LEAST_WAIT: Final = 5.0
"""Seconds that a call waits for a provider that fails and has never answered, at least."""


def is_worth_another(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    return isinstance(error, RateLimited | ModelTimeout | ModelUnavailable)


def delay_before(retry: int, error: ModelError, jitter: float) -> float:
    """Seconds to wait before a retry: what the provider wishes, else a backoff that doubles.

    Jitter only ever adds, up to a half of a backoff and a tenth of a wish, so that nobody comes before the time that
    the provider named.

    Args:
        retry: 1 for the first one.
        error: What the last attempt failed with.
        jitter: A random number from 0 to 1.
    """
    if error.retry_after is not None:
        return error.retry_after + jitter * max(0.1, error.retry_after / 10)
    return _backoff(retry) * (1 + jitter / 2)


def patience_at_first(attempts: int) -> float:
    """Seconds that a call waits for a provider that fails and has never answered: as long as trying would take."""
    return max(LEAST_WAIT, sum(_backoff(retry) for retry in range(1, min(attempts, _MOST_COUNTED))))


def _backoff(retry: int) -> float:
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(retry - 1, 16))


class Tries:
    """What one call may still try.

    Args:
        attempts: Attempts that it may make.

    Attributes:
        failed: Attempts that failed so far and say something about how long to wait.
        refusals: Those of them that a rate limit refused.
    """

    def __init__(self, attempts: int) -> None:
        self.failed = 0
        self.refusals = 0
        self._left = attempts
        self._excused = 1 + MOST_EXCUSED * attempts

    def refused(self, *, excused: bool = False) -> bool:
        """Count a refusal by a rate limit; False when that was the last attempt."""
        self.failed += 1
        self.refusals += 1
        if self.refusals == 1 or (excused and self.refusals <= self._excused):
            return True
        return self._spend()

    def broke(self, *, excused: bool = False) -> bool:
        """Count a failure of the provider; False when that was the last attempt."""
        if excused:
            return True
        self.failed += 1
        return self._spend()

    def spread(self, seconds: float) -> float:
        """The time between attempts where all that are left are made within so many seconds."""
        return max(0.0, seconds) / min(self._left, _MOST_COUNTED)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left > 0


class Patience:
    """How long a call has met nothing but refusals while the provider accepted nobody else either.

    Args:
        most: Seconds that it bears.

    Attributes:
        since: Since when; None before its first refusal.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self.since: float | None = None
        self._accepted = 0

    def refused(self, now: float, accepted: int) -> float:
        """The call was refused; give back the seconds that it will bear from now on.

        Args:
            now: The loop's time.
            accepted: Calls that the provider has accepted so far, by anybody.
        """
        if self.since is None or accepted != self._accepted:
            self.since, self._accepted = now, accepted
        return self.since + self._most - now
