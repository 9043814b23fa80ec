"""Summarize 100 letters, check, and reply: llm-composition-patterns."""

import asyncio

from llm_composition_patterns import ask, chain, connect, gate, parallelize

LETTERS = [f"Letter {n}: the zipper of order {1000 + n} is broken" for n in range(100)]
ASK_BACK = "Which order is it?"


def names_order(summary: str) -> bool:
    return "order" in summary.lower()


async def main(base_url: str | None = None) -> list[str]:
    async with connect("groq:openai/gpt-oss-20b", base_url=base_url) as model:

        async def summarize(letter: str) -> str:
            return await ask(model, f"Summarize it, with the order number.\n\n{letter}")

        async def reply(summary: str) -> str:
            return await ask(model, f"Write a reply to the customer.\n\n{summary}")

        answer = chain(summarize, gate(names_order), reply, otherwise=lambda _: ASK_BACK)
        return await parallelize(answer, LETTERS, max_concurrency=20)


if __name__ == "__main__":
    print(asyncio.run(main()))
