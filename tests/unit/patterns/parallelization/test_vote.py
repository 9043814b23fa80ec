"""`vote`: ballots, groups, quorum, and early stops."""

import asyncio
import dataclasses
from dataclasses import dataclass

import pytest
from fan_out_steps import kinds, wait

from llm_composition_patterns.errors import NoQuorum
from llm_composition_patterns.patterns.parallelization import vote


class Ballots:
    """A step that says one value after the other, each a second later than the one before; errors are raised."""

    __name__ = "ballots"

    def __init__(self, *values, delays=None):
        self.values = values
        self.delays = delays or range(1, len(values) + 1)
        self.asked = []

    async def __call__(self, input):
        index = len(self.asked)
        self.asked.append(input)
        await asyncio.sleep(self.delays[index])
        value = self.values[index]
        if isinstance(value, Exception):
            raise value
        return value


async def test_the_largest_group_wins():
    """Its first value, its share, and everything that was said."""
    result = await vote(Ballots("a", "b", "b", "c", "b"), "question", n=5)
    assert (result.winner, result.share, result.decided) == ("b", 3 / 5, True)
    assert [ballot.value for ballot in result.ballots] == ["a", "b", "b", "c", "b"]


async def test_each_ballot_is_given_the_same_input(now):
    """At once."""
    step = Ballots("a", "a", "a", delays=[2, 2, 2])
    await vote(step, "question", n=3)
    assert step.asked == ["question"] * 3
    assert now() == 2


async def test_one_ballot_is_a_vote():
    """And decides."""
    result = await vote(Ballots("a"), "question", n=1)
    assert (result.winner, result.share, result.decided) == ("a", 1, True)


async def test_a_tie_goes_to_the_group_with_the_lowest_index():
    """Not to the one that was complete first."""
    result = await vote(Ballots("late", "early", "early", "late", delays=[9, 1, 1, 9]), "question", n=4)
    assert result.winner == "late"
    assert not result.decided


async def test_without_a_quorum_more_than_half_decides():
    """Half is not enough; the winner is given all the same."""
    assert not (await vote(Ballots("a", "a", "b", "c"), "question", n=4)).decided
    assert (await vote(Ballots("a", "a", "a", "c"), "question", n=4)).decided


async def test_the_share_counts_failed_ballots():
    """Of the n ballots, not of the valid ones."""
    result = await vote(Ballots("a", ValueError(), "a", ValueError()), "question", n=4)
    assert (result.winner, result.share, result.decided) == ("a", 0.5, False)
    assert kinds(result.ballots) == ["success", "error", "success", "error"]


async def test_values_need_not_be_hashable():
    """Equality is all that counts."""
    result = await vote(Ballots(["x"], {"y": 1}, {"y": 1}), "question", n=3)
    assert result.winner == {"y": 1}


async def test_by_says_what_is_compared():
    """The winner is still a whole value: the first of its group by index."""

    @dataclass
    class Verdict:
        label: str
        reason: str

    verdicts = [Verdict("no", "x"), Verdict("yes", "late"), Verdict("yes", "early")]
    result = await vote(Ballots(*verdicts, delays=[1, 3, 2]), "q", n=3, by=lambda verdict: verdict.label)
    assert result.winner == Verdict("yes", "late")


async def test_an_error_of_by_is_the_callers(still_running):
    """The rest is cancelled."""
    with pytest.raises(ZeroDivisionError):
        await vote(Ballots(0, 1, 2), "question", n=3, by=lambda value: 1 / value)
    assert still_running() == set()


async def test_a_quorum_ends_the_vote(now, still_running):
    """As soon as one group has reached it; the rest is cancelled, and among the ballots."""
    result = await vote(Ballots("a", "b", "a", "a", "a"), "question", n=5, quorum=2)
    assert now() == 3
    assert (result.winner, result.share, result.decided) == ("a", 2 / 5, True)
    assert kinds(result.ballots) == ["success", "success", "success", "cancelled", "cancelled"]
    assert [ballot.index for ballot in result.ballots] == [0, 1, 2, 3, 4]
    assert still_running() == set()


async def test_a_quorum_out_of_reach_ends_the_vote(now):
    """As soon as no group can reach it any more."""
    with pytest.raises(NoQuorum, match=r"'vote ballots' missed its quorum of 4: at most 1 of 5") as caught:
        await vote(Ballots("a", "b", "c", "d", "e"), "question", n=5, quorum=4)
    assert now() == 3
    assert caught.value.quorum == 4
    assert kinds(caught.value.ballots) == ["success"] * 3 + ["cancelled"] * 2


async def test_failed_ballots_put_a_quorum_out_of_reach(now):
    """They are never votes."""
    with pytest.raises(NoQuorum):
        await vote(Ballots(ValueError(), ValueError(), "a", "a"), "question", n=4, quorum=3)
    assert now() == 2


async def test_a_quorum_of_all_needs_all(now):
    """And is reached by the last."""
    assert (await vote(Ballots("a", "a", "a"), "question", n=3, quorum=3)).decided
    assert now() == 3


async def test_ballots_that_never_suspend_are_all_there():
    """Those that the quorum kept from starting are cancelled ones."""

    async def say(_):
        return "a"

    result = await vote(say, "question", n=400, quorum=1)
    assert len(result.ballots) == 400
    assert [ballot.index for ballot in result.ballots] == list(range(400))


@pytest.mark.parametrize("quorum", [None, 1])
async def test_no_valid_ballot_is_no_quorum(quorum):
    """The message and the ballots say why."""
    with pytest.raises(NoQuorum, match="not one of its 2 ballots returned") as caught:
        await vote(Ballots(ValueError(), ValueError()), "question", n=2, quorum=quorum, name="which?")
    assert kinds(caught.value.ballots) == ["error", "error"]


async def test_a_ballot_that_is_none_is_a_vote():
    """A value like any other."""
    assert (await vote(Ballots(None, None, "a"), "question", n=3)).winner is None


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"n": 0}, ValueError),
        ({"n": 1.0}, TypeError),
        ({"n": 3, "quorum": 0}, ValueError),
        ({"n": 3, "quorum": 4}, ValueError),
        ({"n": 3, "quorum": True}, TypeError),
        ({"n": 3, "name": 5}, TypeError),
    ],
    ids=str,
)
async def test_settings_are_checked(wrong, error):
    """Before anything runs."""
    step = Ballots("a")
    with pytest.raises(error, match=list(wrong)[-1]):
        await vote(step, "question", **wrong)
    assert step.asked == []


async def test_what_by_raises_ends_the_vote(still_running):
    """It is the caller's own, and no ballot that failed."""
    with pytest.raises(ZeroDivisionError):
        await vote(wait, 1, n=3, by=lambda seconds: seconds / 0)
    assert still_running() == set()


async def test_a_step_that_is_not_async_is_refused():
    """It is no ballot that failed."""
    with pytest.raises(TypeError, match="print is not async"):
        await vote(print, "question", n=3)


async def test_cancelling_a_vote_cancels_its_ballots(still_running):
    """As any fan-out."""
    caller = asyncio.ensure_future(vote(wait, 9, n=3))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert still_running() == set()


async def test_a_vote_is_a_value():
    """It cannot be changed."""
    result = await vote(Ballots("a"), "question", n=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.winner = "b"


@pytest.mark.parametrize("by", ["label", asyncio.sleep])
async def test_what_compares_ballots_is_checked_before_any_is_paid(by):
    """A name, or an async function, compares nothing."""
    asked = []

    async def judge(text: str) -> str:
        asked.append(text)
        return text

    with pytest.raises(TypeError, match="by must be a plain function"):
        await vote(judge, "text", n=3, by=by)
    assert asked == []
