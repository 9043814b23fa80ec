"""Summarize 100 letters, check, and reply: plain asyncio over the groq SDK."""

import asyncio

from groq import AsyncGroq

LETTERS = [f"Letter {n}: the zipper of order {1000 + n} is broken" for n in range(100)]
ASK_BACK = "Which order is it?"


def names_order(summary: str) -> bool:
    return "order" in summary.lower()


async def main(base_url: str | None = None) -> list[str]:
    semaphore = asyncio.Semaphore(20)
    async with AsyncGroq(base_url=base_url) as client:

        async def complete(prompt: str) -> str:
            async with semaphore:
                completion = await client.chat.completions.create(
                    model="openai/gpt-oss-20b", messages=[{"role": "user", "content": prompt}]
                )
            return completion.choices[0].message.content or ""

        async def answer(letter: str) -> str:
            summary = await complete(f"Summarize it, with the order number.\n\n{letter}")
            if not names_order(summary):
                return ASK_BACK
            return await complete(f"Write a reply to the customer.\n\n{summary}")

        return await asyncio.gather(*map(answer, LETTERS))


if __name__ == "__main__":
    print(asyncio.run(main()))
