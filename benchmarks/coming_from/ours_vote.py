"""Ask five judges about each of 40 reviews and take what most say: llm-composition-patterns."""

import asyncio
from enum import StrEnum

from llm_composition_patterns import ask, connect, parallelize, vote

REVIEWS = [f"Review {n}: the zipper tore on the second day" for n in range(40)]


class Ruling(StrEnum):
    PUBLISH = "publish"
    HOLD_BACK = "hold back"


async def main(base_url: str | None = None) -> list[Ruling]:
    async with connect("groq:openai/gpt-oss-20b", base_url=base_url) as model:

        async def judge(review: str) -> Ruling:
            return await ask(model, f"Publish this review or hold it back?\n\n{review}", output=Ruling)

        async def rule(review: str) -> Ruling:
            return (await vote(judge, review, n=5)).winner

        return await parallelize(rule, REVIEWS, max_concurrency=4)


if __name__ == "__main__":
    print(asyncio.run(main()))
