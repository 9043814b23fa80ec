"""One item of a batch, as the store knows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import FailureKind
from ..usage import NO_USAGE, Usage
from ._states import Event, State, after


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is known of an item. Its value is kept apart, because it may be large.

    Attributes:
        key: What it is known by.
        state: What became of it so far.
        executions: How many times it was started, over all runs.
        deaths: How many of those ended with their process or worker.
        in_doubt: Whether it was in flight when a run died, and was not executed since: it may have been paid.
        repeated: Whether it was executed again after that, so that it may have been paid twice.
        kind: Why it failed, as one word; None where it has not.
        error: What it failed with, as text.
        run: The number of the run that started it last; 0 before the first.
        elapsed: How long its last execution took, in seconds.
        usage: What the calls inside it used, over all runs, as far as that was recorded.
    """

    key: str
    state: State = "pending"
    executions: int = 0
    deaths: int = 0
    in_doubt: bool = False
    repeated: bool = False
    kind: FailureKind | None = None
    error: str | None = None
    run: int = 0
    elapsed: float = 0.0
    usage: Usage = NO_USAGE

    def started(self, run: int) -> Item:
        """The item, with one more execution under way."""
        return replace(
            self,
            state=after(self.state, "start"),
            executions=self.executions + 1,
            run=run,
            in_doubt=False,
            repeated=self.repeated or self.in_doubt,
            kind=None,
            error=None,
        )

    def succeeded(self, elapsed: float, usage: Usage) -> Item:
        """The item, done."""
        return replace(self, state=after(self.state, "succeed"), elapsed=elapsed, usage=self.usage + usage)

    def failed(self, kind: FailureKind, error: str, elapsed: float, usage: Usage) -> Item:
        """The item, which failed by a fault of its own."""
        return self._ended("fail", kind, error, elapsed, usage)

    def deferred(self, kind: FailureKind, error: str, elapsed: float, usage: Usage) -> Item:
        """The item, which waits for another run."""
        return self._ended("defer", kind, error, elapsed, usage)

    def died(self, error: str, *, most: int, elapsed: float = 0.0, usage: Usage = NO_USAGE) -> Item:
        """The item, whose process or worker died: in doubt, and given up after `most` of those."""
        deaths = self.deaths + 1
        item = self._ended("give up" if deaths >= most else "die", "provider", error, elapsed, usage)
        return replace(item, deaths=deaths, in_doubt=True)

    def asked_again(self) -> Item:
        """The item, which is to be executed though it was finished; its deaths are forgiven."""
        return replace(self, state=after(self.state, "ask again"), deaths=0)

    def _ended(self, event: Event, kind: FailureKind, error: str, elapsed: float, usage: Usage) -> Item:
        state = after(self.state, event)
        return replace(self, state=state, kind=kind, error=error, elapsed=elapsed, usage=self.usage + usage)
