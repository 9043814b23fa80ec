"""Answers a customer's question: is it ours, what does the catalog say, and how does the brand say it.

    python -m llm_composition_patterns.patterns.prompt_chaining.example "Does the High Meadow hoodie fit a helmet?"

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ...console import Example, leave, run_example
from ...errors import GateRefused
from ...llm import ChatModel, Message, ask
from ...steps import Step
from .. import brindlehaw
from ..brindlehaw import Product
from . import chain, gate

MOST_WORDS = 75
NOT_OURS = "That is not for us to answer: we make clothing and packs. Ask us about those."

JUDGE = "You sort letters to Brindlehaw, who make outdoor clothing and packs. Is this one about them or what they make?"
REPLY = f"""\
You answer customers of Brindlehaw in at most {MOST_WORDS} words, from the records below and nothing else. If they do \
not say it, say that you do not know.

"""


class Subject(Enum):
    """Whose question it is."""

    OURS = "about Brindlehaw or its products"
    OTHER = "about something else"


@dataclass(frozen=True)
class Found:
    """A question, and the products that it may be about."""

    question: str
    products: list[Product]


def customer_service(model: ChatModel, conversation: Sequence[Message] = ()) -> Step[str, str]:
    """A chain that answers one question after the other of a conversation."""
    catalog, voice = brindlehaw.catalog().values(), brindlehaw.brand_voice()

    async def is_ours(question: str) -> bool:
        return await ask(model, [*conversation, user(question)], system=JUDGE, output=Subject) is Subject.OURS

    async def look_up(question: str) -> Found:
        return Found(question, brindlehaw.find_products(catalog, question))

    async def reply(found: Found) -> str:
        records = "\n".join(product.model_dump_json() for product in found.products)
        return await ask(model, [*conversation, user(found.question)], system=f"{REPLY}{voice}\n\n{records}")

    async def shorten(answer: str) -> str:
        if len(answer.split()) <= MOST_WORDS:
            return answer
        return await ask(model, f"Say this in at most {MOST_WORDS} words, and leave out the least needed:\n\n{answer}")

    return chain(gate(is_ours), look_up, reply, shorten, name="answer_customer", otherwise=decline)


def decline(_refused: GateRefused) -> str:
    """What is said to a question that is not ours."""
    return NOT_OURS


def user(text: str) -> Message:
    """What a customer says."""
    return {"role": "user", "content": text}


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: ours is what shares a word with the catalog, and that product is quoted."""
    told, asked = request["messages"][0]["content"], request["messages"][-1]["content"]
    found = brindlehaw.find_products(brindlehaw.catalog().values(), asked, most=1)
    if told == JUDGE:
        return {"value": (Subject.OURS if found else Subject.OTHER).value}
    if not found:
        return None
    return f"SIMULATED. From the record of the {found[0].name}: {'. '.join(found[0].facts[:4])}."


EXAMPLE = Example(
    name="prompt_chaining",
    description="Answer a customer's question from the catalog, in the brand's voice, if it is ours to answer.",
    commands="""\
{prog} "Does the High Meadow hoodie fit over a helmet?"
{prog} What is the capital of France?
{prog} --model groq:openai/gpt-oss-20b --trace phoenix "Which gloves are for work?"
{prog}""",
    asks_for="question",
    build=customer_service,
    show=lambda answer: [answer],
    record=str,
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
