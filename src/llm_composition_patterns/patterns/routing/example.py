"""Answers a question from the one source that it is about: a product, the company or the guarantee.

    python -m llm_composition_patterns.patterns.routing.example "Do you repair a torn zipper?"

README.md beside this file says when to use the pattern, what is printed and traced, and what happens when a part fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, Field

from ...console import Example, leave, run_example
from ...llm import ChatModel, Message, ask
from ...steps import Step
from .. import brindlehaw
from ..prompt_chaining import chain
from . import route

LEAST_CONFIDENCE = 0.6

SORT = (
    "You sort what customers of Brindlehaw ask, who make outdoor clothing and packs. What is this about, and how sure \
are you of that, from 0 to 1?"
)
REPLY = "You answer a customer of Brindlehaw in at most 75 words, from the source below and nothing else, and write as \
the brand does."
ASK_BACK = "It is not clear what the customer wants to know. Ask back: a product, the company, or the guarantee?"
NOTHING = "The catalog has nothing that fits the question."


class Topic(Enum):
    """What a question is about."""

    PRODUCT = "a product: what it is, what it does, which one to take"
    COMPANY = "the company: where it is, who works there, how it works"
    GUARANTEE = "the guarantee: repairs, replacements, returns"
    UNCLEAR = "unclear, or none of these"


class Sorted(BaseModel):
    """A topic, and how sure the model is of it; it has what `Choice` has."""

    label: Topic
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Brief:
    """A question, and what it is answered from."""

    question: str
    handler: str
    source: str


@dataclass(frozen=True)
class Reply:
    """An answer, and the handler that found its source."""

    handler: str
    text: str


def help_desk(model: ChatModel, conversation: Sequence[Message] = ()) -> Step[str, Reply]:
    """A route to the source of an answer, and one voice for all of them."""
    catalog, voice = brindlehaw.catalog().values(), brindlehaw.brand_voice()
    company, guarantee = brindlehaw.about_us(), brindlehaw.lifetime_guarantee()

    async def topic_of(question: str) -> Sorted:
        return await ask(model, [*conversation, user(question)], system=SORT, output=Sorted)

    async def about_product(question: str) -> Brief:
        found = brindlehaw.find_products(catalog, question)
        return Brief(question, "product", "\n".join(product.model_dump_json() for product in found) or NOTHING)

    async def about_company(question: str) -> Brief:
        return Brief(question, "company", company)

    async def about_guarantee(question: str) -> Brief:
        return Brief(question, "guarantee", guarantee)

    async def ask_back(question: str) -> Brief:
        return Brief(question, "unclear", ASK_BACK)

    async def reply(brief: Brief) -> Reply:
        system = f"{REPLY}\n\n{voice}\n\n# Source\n\n{brief.source}"
        return Reply(brief.handler, await ask(model, [*conversation, user(brief.question)], system=system))

    handlers = {Topic.PRODUCT: about_product, Topic.COMPANY: about_company, Topic.GUARANTEE: about_guarantee}
    by_topic = route(topic_of, handlers, default=ask_back, min_confidence=LEAST_CONFIDENCE, name="route_by_topic")
    return chain(by_topic, reply, name="answer_question")


def user(text: str) -> Message:
    """What a customer says."""
    return {"role": "user", "content": text}


SIGNS: dict[Topic, tuple[str, ...]] = {
    Topic.GUARANTEE: ("repair", "mend", "guarantee", "replace", "broke", "torn", "hole", "refund"),
    Topic.COMPANY: ("who", "where", "company", "workshop", "founded", "shop", "open", "lost anvil"),
}


def offline(request: Mapping[str, Any]) -> Any:
    """How the simulated model answers: words of a topic sort a question, and the source is quoted."""
    told, asked = request["messages"][0]["content"], request["messages"][-1]["content"]
    if told.startswith(SORT):
        return sort(asked)
    source = told.rpartition("# Source\n\n")[2]
    if source in {ASK_BACK, NOTHING}:
        return f"SIMULATED. We are not sure what you mean by {json.dumps(asked)}: a product, us, or the guarantee?"
    if source.startswith("{"):
        product = brindlehaw.Product.model_validate_json(source.splitlines()[0])
        return f"SIMULATED. From the record of the {product.name}: {'. '.join(product.facts[:4])}."
    texts = [text.strip("- \n") for text in re.split(r"\n\n|\n- ", source) if not text.startswith("#")]
    paragraphs = [" ".join(text.replace("**", "").split()) for text in texts]
    words = {word for word in asked.lower().replace("?", "").split() if len(word) > len("are")}
    return f"SIMULATED. {max(paragraphs, key=lambda text: sum(word in text.lower() for word in words))}"


def sort(question: str) -> dict[str, Any]:
    """A topic by its words: the surer, the more there are."""
    hits = {topic: sum(sign in question.lower() for sign in signs) for topic, signs in SIGNS.items()}
    topic = max(hits, key=lambda one: hits[one])
    if not hits[topic]:
        topic = Topic.PRODUCT if brindlehaw.find_products(brindlehaw.catalog().values(), question) else Topic.UNCLEAR
    return {"label": topic.value, "confidence": 0.4 if topic is Topic.UNCLEAR else 0.9}


EXAMPLE = Example(
    name="routing",
    description="Answer a customer's question from the source that it is about: product, company or guarantee.",
    commands="""\
{prog} "Do you repair a torn zipper?"
{prog} Where is your workshop?
{prog} --model groq:openai/gpt-oss-20b --trace phoenix "Which gloves are for work?"
{prog}""",
    asks_for="question",
    build=help_desk,
    show=lambda reply: [f"[{reply.handler}]", reply.text],
    record=lambda reply: {"handler": reply.handler, "answer": reply.text},
    says=lambda reply: reply.text,
    offline=offline,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    return run_example(EXAMPLE, argv)


if __name__ == "__main__":
    leave(main())
