"""`vote`: the same question several times, and what most answers say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Generic, TypeVar

from ...errors import NoQuorum
from ...outcome import Outcome, Success
from ...steps import Step, check_count, is_plain_function, step_name
from ...tracing import names
from ._settings import given_or
from ._stream_outcomes import OutcomeStream, stream_outcomes

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote(Generic[B]):
    """What a vote came to.

    Attributes:
        winner: The first value of the largest group of ballots; of equal groups, the one with the lowest index.
        share: The winner's share of all the ballots that were asked for, failed and cancelled ones included; 0 to 1.
        ballots: What became of each ballot, in the order of their index.
        decided: Whether the quorum was reached; without a quorum, whether more than half agree.
    """

    winner: B
    share: float
    ballots: tuple[Outcome[B], ...]
    decided: bool


async def vote(
    step: Step[A, B],
    input: A,
    *,
    n: int,
    by: Callable[[B], Any] | None = None,
    quorum: int | None = None,
    name: str | None = None,
) -> Vote[B]:
    """Run `step(input)` `n` times at once and take what most ballots say.

    Ballots that are equal form a group. With a quorum, the vote ends as soon as one group has reached it, or no group
    can any more; ballots that still run are cancelled. A ballot that failed counts for no group.

    Args:
        step: An async function of one input.
        input: What each ballot is given.
        n: How many ballots there are.
        by: What of a value is compared, such as `lambda verdict: verdict.label`; by default the value itself.
        quorum: How many equal ballots decide, at most `n`.
        name: What the vote is called in traces; by default `vote` and the step's name.

    Raises:
        NoQuorum: The quorum was missed, or every ballot failed. It carries the ballots.
        BaseException: What `by` raises, or comparing what it gives; the ballots that still run are cancelled.
        TypeError: The step is not async, or `n`, `quorum` or `name` is of the wrong type.
        ValueError: `n` or `quorum` is less than 1, or the quorum more than `n`.
    """
    check_count("n", n, least=1)
    if by is not None and not is_plain_function(by):
        raise TypeError(f"by must be a plain function of a ballot's value, such as len, not {by!r}")
    if quorum is not None:
        check_count("quorum", quorum, least=1)
        if quorum > n:
            raise ValueError(f"quorum is {quorum}, but there are only {n} ballots; it could never be reached")
    called = given_or(name, f"vote {step_name(step)}")
    tally = Tally(n, quorum, by)
    inputs = list(repeat(input, n))
    async with stream_outcomes(step, inputs, name=called, branch_name=step_name(step), max_concurrency=n) as ballots:
        async for ballot in ballots:
            tally.add(ballot)
            if tally.over():
                ballots.stop()
        return _result(tally, ballots, called)


def _result(tally: Tally[B], ballots: OutcomeStream[B], name: str) -> Vote[B]:
    group = tally.largest()
    count = len(group)
    ballots.set_attributes({names.BALLOTS: tally.n, names.SHARE: count / tally.n, names.DECIDED: tally.decided()})
    if tally.quorum is not None:
        ballots.set_attributes({names.QUORUM: tally.quorum})
    if not group or (tally.quorum is not None and count < tally.quorum):
        raise NoQuorum(_missed(tally, count, name), ballots=tally.in_order(), quorum=tally.quorum)
    return Vote(
        winner=min(group, key=lambda ballot: ballot.index).value,
        share=count / tally.n,
        ballots=tuple(tally.in_order()),
        decided=tally.decided(),
    )


def _missed(tally: Tally[Any], count: int, name: str) -> str:
    if not count:
        return f"{name!r} has no winner: not one of its {tally.n} ballots returned; see `ballots` of this error"
    return (
        f"{name!r} missed its quorum of {tally.quorum}: at most {count} of {tally.n} ballots agree; ask for more "
        "ballots, compare less of them with by=..., or lower the quorum"
    )


class Tally(Generic[B]):
    """Ballots, grouped by what they say."""

    def __init__(self, n: int, quorum: int | None, by: Callable[[B], Any] | None) -> None:
        self.n = n
        self.quorum = quorum
        self._by = by or (lambda value: value)
        self._ballots: list[Outcome[B]] = []
        # Values need not be hashable: groups are found by equality.
        self._groups: list[tuple[Any, list[Success[B]]]] = []

    def add(self, ballot: Outcome[B]) -> None:
        """Count one ballot; a failed one only as given."""
        self._ballots.append(ballot)
        if not isinstance(ballot, Success):
            return
        says = self._by(ballot.value)
        for said, group in self._groups:
            if said == says:
                group.append(ballot)
                return
        self._groups.append((says, [ballot]))

    def largest(self) -> list[Success[B]]:
        """The largest group; of equal ones that with the lowest index; empty if no ballot is valid."""
        groups = (group for _, group in self._groups)
        return max(groups, key=lambda group: (len(group), -min(ballot.index for ballot in group)), default=[])

    def decided(self) -> bool:
        """Whether the quorum is reached; without one, whether more than half of all ballots agree."""
        count = len(self.largest())
        return count >= self.quorum if self.quorum is not None else 2 * count > self.n

    def over(self) -> bool:
        """Whether the rest of the ballots can change nothing: the quorum is reached, or out of reach."""
        if self.quorum is None:
            return False
        outstanding = self.n - len(self._ballots)
        return not self.quorum - outstanding <= len(self.largest()) < self.quorum

    def in_order(self) -> list[Outcome[B]]:
        """The ballots in the order of their index."""
        return sorted(self._ballots, key=lambda ballot: ballot.index)
