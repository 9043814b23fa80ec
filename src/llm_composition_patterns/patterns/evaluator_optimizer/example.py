"""Writes a sales pitch, judges it, and writes it again with the remarks, three times at most.

    python -m llm_composition_patterns.patterns.evaluator_optimizer.example 5

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel

from ...console import Example, leave, run_example, table
from ...errors import ConfigurationError
from ...llm import ChatModel, Message, ask
from ...steps import Step
from .. import brindlehaw
from ..brindlehaw import Product
from . import Refined, Round, refine

if TYPE_CHECKING:
    from rich.console import RenderableType

LEAST_WORDS, MOST_WORDS = 75, 100
MOST_ROUNDS = 3
GOOD = 4
WORDS_A_POINT = 5

WRITE = f"You write sales pitches of {LEAST_WORDS} to {MOST_WORDS} words for Brindlehaw, from the record of a product \
and nothing else, as the brand writes. Answer with the pitch alone."
JUDGE = "You judge sales pitches of Brindlehaw by the record of the product and by how the brand writes. Give each \
criterion 1 to 5, and say in a few sentences what to change."

Score = Literal[1, 2, 3, 4, 5]


class Scores(BaseModel):
    """The six criteria, and what to change."""

    true_to_the_record: Score
    says_what_it_does: Score
    numbers_instead_of_praise: Score
    says_what_it_does_not_do: Score
    plain_words: Score
    voice: Score
    feedback: str


class Verdict(BaseModel):
    """What the rounds are compared by: the sum of the criteria, less a point for five words too few or too many."""

    accepted: bool
    score: int
    feedback: str
    words: int
    criteria: dict[str, int]


def pitch_writer(model: ChatModel, _conversation: Sequence[Message] = ()) -> Step[str, Refined[str]]:
    """A writer and a judge of pitches for the product that an id or words name."""
    catalog, voice = brindlehaw.catalog(), brindlehaw.brand_voice()
    pitches = brindlehaw.sales_pitches()

    async def write(product: Product, previous: Round[str] | None) -> str:
        request = product.model_dump_json()
        if previous is not None:
            request += f"\n\n# Your last pitch\n\n{previous.value}\n\n# Change this\n\n{previous.verdict.feedback}"
        return await ask(model, request, system=f"{WRITE}\n\n{voice}\n\n{models_for(product, pitches)}")

    async def judge(product: Product, pitch: str) -> Verdict:
        request = f"{product.model_dump_json()}\n\n# The pitch\n\n{pitch}"
        scores = await ask(model, request, system=f"{JUDGE}\n\n{voice}", output=Scores)
        return verdict_of(scores, len(pitch.split()))

    write_pitch = refine(write, judge, max_rounds=MOST_ROUNDS, name="write_pitch")

    async def pitch(wanted: str) -> Refined[str]:
        return await write_pitch(product_of(catalog, wanted))

    return pitch


def models_for(product: Product, pitches: Mapping[int, str]) -> str:
    """Two pitches of other products, to show the writer how one sounds."""
    others = [pitch for number, pitch in pitches.items() if number != product.product_id]
    return "\n\n".join(["# Two pitches of other products", *others[:2]])


def product_of(catalog: Mapping[int, Product], wanted: str) -> Product:
    """The product that an id or words name."""
    if not (found := _numbered(catalog, wanted) or brindlehaw.find_products(catalog.values(), wanted, most=1)):
        known = f"{min(catalog)} to {max(catalog)}"
        raise ConfigurationError(
            f"there is no product {reprlib.repr(wanted)}; give an id, {known}, or words of its name"
        )
    return found[0]


def _numbered(catalog: Mapping[int, Product], wanted: str) -> list[Product]:
    with suppress(KeyError, ValueError):  # a number of thousands of digits is not even read
        return [catalog[int(wanted)]] if wanted.isdecimal() else []
    return []


def verdict_of(scores: Scores, words: int) -> Verdict:
    """The verdict: code counts the words, because models cannot."""
    criteria: dict[str, int] = scores.model_dump(exclude={"feedback"})
    off = max(LEAST_WORDS - words, words - MOST_WORDS, 0)
    length = f"It has {words} words; write {LEAST_WORDS} to {MOST_WORDS}." if off else ""
    return Verdict(
        accepted=not off and min(criteria.values()) >= GOOD,
        score=max(0, sum(criteria.values()) - ceil(off / WORDS_A_POINT)),
        feedback=f"{scores.feedback} {length}".strip(),
        words=words,
        criteria=criteria,
    )


def outcome_of(refined: Refined[str]) -> str:
    """Which round it is, in a line."""
    if refined.accepted:
        return f"round {refined.best.number}: accepted"
    return f"round {refined.best.number}: the best of {len(refined.rounds)}, none of which was accepted"


def rounds_of(refined: Refined[str]) -> RenderableType:
    """A table with a column for each round."""
    verdicts = [cast(Verdict, one.verdict) for one in refined.rounds]
    rows = [[name.replace("_", " "), *[one.criteria[name] for one in verdicts]] for name in verdicts[0].criteria]
    rows += [
        [f"words ({LEAST_WORDS} to {MOST_WORDS})", *[one.words for one in verdicts]],
        ["score", *[f"{one.score} of {5 * len(one.criteria)}" for one in verdicts]],
        ["verdict", *["accepted" if one.accepted else "not accepted" for one in verdicts]],
        ["to change", *[one.feedback for one in verdicts]],
    ]
    return table(["", *[f"round {one.number}" for one in refined.rounds]], rows)


def record(refined: Refined[str]) -> dict[str, Any]:
    """The result as JSON."""
    rounds = [{"pitch": one.value, **cast(Verdict, one.verdict).model_dump()} for one in refined.rounds]
    return {"pitch": refined.value, "accepted": refined.accepted, "best": refined.best.number, "rounds": rounds}


BOAST = "The ultimate thing to wear, and revolutionary!"


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: its first pitch boasts and is short, and it mends what it is told to mend."""
    told, asked = request["messages"][0]["content"], request["messages"][-1]["content"]
    product = Product.model_validate_json(asked.partition("\n\n")[0])
    if told.startswith(JUDGE):
        return scores(asked.partition("# The pitch\n\n")[2])
    feedback = asked.partition("# Change this\n\n")[2]
    boast = [BOAST] if not feedback or (BOAST in asked and "praise" not in feedback) else []
    parts = ["SIMULATED.", *boast, f"This is the {product.name}, and it costs {product.price}."]
    for fact in product.facts:
        if len(" ".join(parts).split()) < (LEAST_WORDS if "words" in feedback else LEAST_WORDS // 2):
            parts.append(f"{fact[0].upper()}{fact[1:]}.")
    return " ".join(parts)


def scores(pitch: str) -> dict[str, Any]:
    """What the simulated judge thinks of a pitch."""
    if BOAST not in pitch:
        return {**dict.fromkeys(Scores.model_fields, 5), "plain_words": 4, "feedback": "Good."}
    bad = {"true_to_the_record": 3, "numbers_instead_of_praise": 2, "voice": 1}
    return {**dict.fromkeys(Scores.model_fields, 4), **bad, "feedback": "Leave out the praise."}


EXAMPLE = Example(
    name="evaluator_optimizer",
    description="Write a sales pitch for a product, and judge and rewrite it until it is good.",
    commands="""\
{prog} 5
{prog} rain poncho
{prog} --model groq:openai/gpt-oss-20b --trace phoenix 34
{prog}""",
    asks_for="product",
    build=pitch_writer,
    show=lambda made: [made.value, "", outcome_of(made), "", rounds_of(made)],
    record=record,
    says=lambda made: made.value,
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
