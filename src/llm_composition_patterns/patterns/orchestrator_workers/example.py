"""Advises a shopper: plans what is needed, finds each thing at the same time, and puts it together.

    python -m llm_composition_patterns.patterns.orchestrator_workers.example "I count trout in cold rivers, and get wet"

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from ...console import Example, leave, run_example, table
from ...errors import LLMCompositionError
from ...llm import ChatModel, Message, ask
from ...outcome import Failure, Outcome, Success
from ...steps import Step
from .. import brindlehaw
from ..brindlehaw import Product
from . import orchestrate

MOST_ERRANDS = 6

PLAN = f"""\
You plan what a shopper needs from Brindlehaw, who make outdoor clothing and packs: 2 to {MOST_ERRANDS} things. Say of \
each what to look for in the catalog, in a few words, and why this shopper needs it."""
CHOOSE = "Which of these products suits best? Answer its product_id, or null if none does, and why in one sentence."
ADVISE = """\
Recommend these products to the shopper in at most 150 words, from the notes below and nothing else, and write as the \
brand does. Say plainly which things were not found, and which could not be looked up."""


class Errand(BaseModel):
    """One thing to look for."""

    look_for: str
    why: str


class Pick(BaseModel):
    """One product of several, or none."""

    product_id: int | None
    reason: str


class NothingFound(LLMCompositionError):
    """The catalog has nothing for an errand."""


@dataclass(frozen=True)
class Found:
    """What an errand brought."""

    product: Product
    reason: str


@dataclass(frozen=True)
class Advice:
    """What is recommended, and what became of each errand."""

    text: str
    errands: Sequence[Outcome[Found]]


def shopping_assistant(model: ChatModel, conversation: Sequence[Message] = ()) -> Step[str, Advice]:
    """An orchestrator of errands in the catalog."""
    catalog, voice = brindlehaw.catalog().values(), brindlehaw.brand_voice()

    async def plan(profile: str) -> list[Errand]:
        return await ask(model, [*conversation, user(profile)], system=PLAN, output=list[Errand])

    async def run_errand(errand: Errand) -> Found:
        products = {one.product_id: one for one in brindlehaw.find_products(catalog, errand.look_for)}
        if not products:
            raise NothingFound(f"nothing in the catalog is like {errand.look_for!r}")
        records = "\n".join(product.model_dump_json() for product in products.values())
        pick = await ask(model, f"{errand.look_for}: {errand.why}\n\n{records}", system=CHOOSE, output=Pick)
        if pick.product_id not in products:
            raise NothingFound(f"nothing in the catalog is right for {errand.look_for!r}")
        return Found(products[pick.product_id], pick.reason)

    async def advise(profile: str, errands: Sequence[Outcome[Found]]) -> Advice:
        failures = [errand for errand in errands if isinstance(errand, Failure)]
        if failures and len(failures) == len(errands):
            raise failures[0].error
        notes = json.dumps([note(errand) for errand in errands], ensure_ascii=False)
        text = await ask(model, f"{profile}\n\n{notes}", system=f"{ADVISE}\n\n{voice}")
        return Advice(text, errands)

    return orchestrate(
        plan, run_errand, synthesize=advise, max_subtasks=MOST_ERRANDS, on_error="collect", name="advise_shopper"
    )


def note(errand: Outcome[Found]) -> dict[str, Any]:
    """An errand in JSON, for the synthesis and for `--json`."""
    if not isinstance(errand, Success):
        return {"wanted": errand.input.look_for, "missing": missing(errand)}
    product, reason = errand.value.product, errand.value.reason
    named = {"product_id": product.product_id, "product": product.name, "price": product.price}
    return {"wanted": errand.input.look_for, **named, "reason": reason, "facts": product.facts}


def row(errand: Outcome[Found]) -> list[str]:
    """An errand as a line of a table."""
    if not isinstance(errand, Success):
        return [errand.input.look_for, missing(errand), "", ""]
    found = errand.value
    return [errand.input.look_for, found.product.name, found.product.price, found.reason]


def missing(errand: Failure) -> str:
    """Whether there is no such product, or nobody knows."""
    return "not found" if isinstance(errand.error, NothingFound) else f"not looked up ({errand.kind})"


def user(text: str) -> Message:
    """What a shopper says."""
    return {"role": "user", "content": text}


NEEDS: dict[str, tuple[str, ...]] = {
    "insulated jacket": ("cold", "winter", "snow", "frost", "mountain"),
    "rain jacket": ("rain", "wet", "storm", "river"),
    "gloves": ("cold", "work", "fence", "wood", "hands"),
    "double-knee pants": ("work", "build", "kneel", "fence", "wood"),
    "sun shirt": ("sun", "summer", "hot", "desert", "trail"),
    "pack": ("walk", "hike", "carry", "trail", "days"),
    "tent": ("camp", "sleep", "overnight", "nights"),
}


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: words call for things, and the first product found is as good as any."""
    told, asked = request["messages"][0]["content"], request["messages"][-1]["content"]
    if told.startswith(PLAN):
        called = {thing: [word for word in words if word in asked.lower()] for thing, words in NEEDS.items()}
        errands = [{"look_for": thing, "why": f"you said {words[0]}"} for thing, words in called.items() if words]
        return {"value": errands[:MOST_ERRANDS] or [{"look_for": "cap", "why": "everybody needs one"}]}
    if told.startswith(CHOOSE):
        errand, _, records = asked.partition("\n\n")
        thing, _, why = errand.partition(": ")
        products = [Product.model_validate_json(line) for line in records.splitlines()]
        words = {word.removesuffix("s") for word in thing.split()}
        fitting = [product for product in products if words & {*product.kind.removesuffix("s").split("-")}]
        return {"product_id": fitting[0].product_id if fitting else None, "reason": why}
    notes = json.loads(asked.rpartition("\n\n")[2])
    return " ".join(["SIMULATED.", *(recommendation(one) for one in notes)])


def recommendation(errand: Mapping[str, Any]) -> str:
    """What the simulated model says of one errand."""
    if "missing" in errand:
        return f"Your {errand['wanted']} was {errand['missing']}."
    return f"As your {errand['wanted']}, take the {errand['product']} ({errand['price']})."


EXAMPLE = Example(
    name="orchestrator_workers",
    description="Advise a shopper: plan what is needed, find each thing in the catalog, recommend.",
    commands="""\
{prog} "I mend fences in winter and count trout in summer"
{prog} "I walk five days in the sun and sleep in a tent"
{prog} --model groq:openai/gpt-oss-20b --trace phoenix "I build trails in the rain"
{prog}""",
    asks_for="profile",
    build=shopping_assistant,
    show=lambda advice: [advice.text, "", table(["wanted", "product", "price", "because"], map(row, advice.errands))],
    record=lambda advice: {"advice": advice.text, "errands": [note(errand) for errand in advice.errands]},
    says=lambda advice: advice.text,
    outcomes=lambda advice: [replace(errand, name=errand.input.look_for) for errand in advice.errands],
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
