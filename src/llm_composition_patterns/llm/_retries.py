"""Which failed attempts are worth another one, and when: pure.

A call may make so many attempts; the first refusal by a rate limit costs none of them, because it says nothing about
the call. Apart from that, a call that only ever meets refusals gives up when it was held up for a while in which the
provider accepted nobody else either.
"""

from __future__ import annotations

from typing import Final

from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited

FIRST_BACKOFF: Final = 0.5
LONGEST_BACKOFF: Final = 30.0


def is_worth_another(error: ModelError) -> bool:
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
    backoff = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(retry - 1, 16))
    return backoff * (1 + jitter / 2)


class Tries:
    """What one call may still try.

    Args:
        attempts: Attempts that it may make.

    Attributes:
        failed: Attempts that failed so far.
    """

    def __init__(self, attempts: int) -> None:
        self.failed = 0
        self._left = attempts
        self._free_refusals = 1

    def spend(self, error: ModelError) -> bool:
        """Count a failed attempt; False when it was the last one."""
        self.failed += 1
        if isinstance(error, RateLimited) and self._free_refusals:
            self._free_refusals -= 1
            return True
        self._left -= 1
        return self._left > 0


class HeldUp:
    """How long a call has met nothing but refusals while the provider accepted nobody else either.

    Args:
        most: Seconds that it bears.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._since: float | None = None
        self._accepted = 0

    def refused(self, now: float, accepted: int) -> float:
        """The call was refused; give back the seconds that it will bear from now on.

        Args:
            now: The loop's time.
            accepted: Calls that the provider has accepted so far, by anybody.
        """
        if self._since is None or accepted != self._accepted:
            self._since, self._accepted = now, accepted
        return self._since + self._most - now
