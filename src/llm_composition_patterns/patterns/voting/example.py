"""Has several judges decide whether a customer's review is held back for a person to read.

    python -m llm_composition_patterns.patterns.voting.example "Call me at 555 0142, the zipper tore and I bled"

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from pydantic import BaseModel

from ...console import Example, leave, run_example, table
from ...errors import NoQuorum
from ...llm import ChatModel, Message, ask
from ...outcome import Failure, Outcome, Success
from ...steps import Step
from . import Vote, vote

TASK = """\
You read customers' reviews of an outdoor brand before they are published. A review is held back when a person should \
read it first, and published when not. Harsh words about a product are no reason to hold it back. You look at it """
JUDGES = {
    "safety": "as the one who answers for injuries: is anybody hurt, or could be?",
    "privacy": "as the one who answers for privacy: does it tell who somebody is, or how to reach them?",
    "manners": "as the one who answers for the tone: does it insult or threaten somebody?",
    "honesty": "as the one who answers for the truth: is it an advertisement, or about something else?",
    "reader": "as a customer who reads it: would you rather not have read it here?",
}
QUORUM = 3


class Ruling(Enum):
    """What becomes of a review."""

    PUBLISH = "publish"
    HOLD_BACK = "hold back"


class Ballot(BaseModel):
    """What one judge says."""

    ruling: Ruling
    reason: str


def jury(model: ChatModel, _conversation: Sequence[Message] = ()) -> Step[str, Vote[Ballot]]:
    """A vote of judges who each look at a review in their own way."""

    async def flag(review: str) -> Vote[Ballot]:
        views = iter(JUDGES.values())

        async def judge(review: str) -> Ballot:
            return await ask(model, review, system=TASK + next(views), output=Ballot)

        try:
            return await vote(judge, review, n=len(JUDGES), by=ruling_of, quorum=QUORUM, name="flag_review")
        except NoQuorum as missed:  # two rulings, five judges: only because some of them failed
            raise next(one.error for one in missed.ballots if failed(one)) from missed

    return flag


def ruling_of(ballot: Ballot) -> Ruling:
    """What is compared: two judges agree whatever their reasons."""
    return ballot.ruling


def failed(ballot: Outcome[Ballot]) -> bool:
    """Whether a judge failed, and was not only not needed any more."""
    return isinstance(ballot, Failure) and ballot.kind != "cancelled"


def row(judge: str, ballot: Outcome[Ballot]) -> list[str]:
    """A ballot as a line of a table."""
    if isinstance(ballot, Success):
        return [judge, ballot.value.ruling.value, ballot.value.reason]
    return [judge, "not needed" if ballot.kind == "cancelled" else f"failed ({ballot.kind})", ""]


def record(result: Vote[Ballot]) -> dict[str, Any]:
    """The vote as JSON."""
    ballots = [row(*named) for named in zip(JUDGES, result.ballots, strict=True)]
    return {
        "ruling": result.winner.ruling.value,
        "share": result.share,
        "ballots": [dict(zip(("judge", "ballot", "reason"), ballot, strict=True)) for ballot in ballots],
    }


def said(result: Vote[Ballot]) -> str:
    """The outcome in a line."""
    agree = round(result.share * len(result.ballots))
    return f"{result.winner.ruling.value}: {agree} of {len(result.ballots)} judges, {QUORUM} were needed"


SIGNS: dict[str, tuple[str, ...]] = {
    "safety": ("hurt", "injur", "bled", "blood", "burn", "broke my", "dangerous"),
    "privacy": ("@", "phone", "call me", "address", "street", "555"),
    "manners": ("idiot", "stupid", "liar", "shut up", "you people"),
    "honesty": ("http", "www", "discount code", "buy from", "my shop"),
}


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: each judge knows some words, and the reader knows all of them."""
    told, review = request["messages"][0]["content"], request["messages"][-1]["content"].lower()
    judge = next(name for name, view in JUDGES.items() if told.startswith(TASK + view))
    known = [*SIGNS.get(judge, ()), *(sign for signs in SIGNS.values() for sign in signs if judge == "reader")]
    heard = [sign for sign in known if sign in review]
    if not heard:
        return {"ruling": Ruling.PUBLISH.value, "reason": "SIMULATED: nothing against it"}
    return {"ruling": Ruling.HOLD_BACK.value, "reason": f"SIMULATED: it says {', '.join(map(repr, heard))}"}


EXAMPLE = Example(
    name="voting",
    description="Have several judges decide whether a review is published or held back for a person.",
    commands="""\
{prog} "The zipper tore on the second day. Never again."
{prog} "It tore and I bled. You idiots can call me at 555 0142."
{prog} --model groq:openai/gpt-oss-20b --trace phoenix "Buy from my shop instead"
{prog}""",
    asks_for="review",
    build=jury,
    show=lambda result: [
        said(result),
        "",
        table(["judge", "ballot", "because"], [row(*named) for named in zip(JUDGES, result.ballots, strict=True)]),
    ],
    record=record,
    says=said,
    outcomes=lambda result: [replace(ballot, name=judge) for judge, ballot in zip(JUDGES, result.ballots, strict=True)],
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
