"""Candidates that a model proposes, and the check of one of them: a plain function that may never return."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field

from llm_composition_patterns import ChatModel, ask

from ._grids import Grid, NotApplicable
from ._operations import OPERATIONS
from ._programs import parse, run
from ._tasks import Pair, Task, drawn

MOST: Final = 8
"""Candidates of one puzzle."""

SYSTEM: Final = f"""\
You find the rule by which grids are changed. Cells are digits, 0 is the background. A program is one to three of \
these operations, each applied to what the one before made, joined by " | ":
{", ".join(OPERATIONS)}.
until_stable(operation) applies it until nothing changes. Propose up to {MOST} different programs, each of which may \
turn every input into its output, the likeliest first."""


class Proposal(BaseModel):
    """Programs, the likeliest first."""

    programs: list[str] = Field(max_length=MOST)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program, and the puzzle that it may explain."""

    program: str
    task: Task

    def __str__(self) -> str:
        return self.program


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a candidate did.

    Attributes:
        program: The candidate.
        explained: How many demonstrations it explains.
        answers: What it makes of the tests; None where it cannot be applied. Empty if it does not explain all.
    """

    program: str
    explained: int
    answers: tuple[Grid | None, ...]


async def propose(model: ChatModel, task: Task) -> list[Candidate]:
    """Ask a model for programs; each once."""
    proposal = await ask(model, question(task), system=SYSTEM, output=Proposal)
    return [Candidate(program, task) for program in dict.fromkeys(proposal.programs)]


def question(task: Task) -> str:
    """The demonstrations, as a model reads them."""
    return "\n\n".join(map(drawn, task.shown))


def check(candidate: Candidate) -> Verdict:
    """Try a candidate on each demonstration, and apply it to the tests if it explains them all.

    Raises:
        NoProgram: It is no program.
    """
    program, task = parse(candidate.program), candidate.task
    explained = sum(_made(program, pair) == pair.wanted for pair in task.shown)
    fits = explained == len(task.shown)
    return Verdict(candidate.program, explained, tuple(_made(program, pair) for pair in task.tests if fits))


def _made(program: Any, pair: Pair) -> Grid | None:
    try:
        return run(program, pair.given)
    except NotApplicable:
        return None


RUNAWAY: Final = "until_stable(shift_right)"
"""A program that never ends on most grids."""


def rehearsed(tasks: Sequence[Task]) -> Callable[[Mapping[str, Any]], Any]:
    """How the simulated model answers: it knows the rules, keeps some to itself, and proposes nonsense too.

    One of six puzzles gets a program that never ends, and one of six a program that is none.
    """
    rules = {question(task): task.program for task in tasks}

    def answer(request: Mapping[str, Any]) -> Any:
        asked = request["messages"][1]["content"]
        rule = rules.get(asked)
        if rule is None:
            return None
        chance = random.Random(asked)  # noqa: S311 - no secret
        programs = [" | ".join(chance.sample([*OPERATIONS], k=2)) for _ in range(3)]
        programs += [rule] if chance.random() < _KNOWN else []
        programs += [[RUNAWAY], ["fold_paper"], [], [], [], []][chance.randrange(6)]
        return {"programs": chance.sample(programs, k=len(programs))}

    return answer


_KNOWN: Final = 0.8
