"""Summarize 100 letters, check, and reply: pydantic-ai."""

import asyncio

from pydantic_ai import Agent
from pydantic_ai.models.concurrency import ConcurrencyLimitedModel
from pydantic_ai.models.groq import GroqModel
from pydantic_ai.providers.groq import GroqProvider

LETTERS = [f"Letter {n}: the zipper of order {1000 + n} is broken" for n in range(100)]
ASK_BACK = "Which order is it?"


def names_order(summary: str) -> bool:
    return "order" in summary.lower()


async def main(base_url: str | None = None) -> list[str]:
    groq = GroqModel("openai/gpt-oss-20b", provider=GroqProvider(base_url=base_url))
    model = ConcurrencyLimitedModel(groq, limiter=20)
    summarizer = Agent(model, instructions="Summarize it, with the order number.")
    replier = Agent(model, instructions="Write a reply to the customer.")

    async def answer(letter: str) -> str:
        summary = await summarizer.run(letter)
        if not names_order(summary.output):
            return ASK_BACK
        return (await replier.run(summary.output)).output

    return await asyncio.gather(*map(answer, LETTERS))


if __name__ == "__main__":
    print(asyncio.run(main()))
