"""Ask five judges about each of 40 reviews and take what most say: pydantic-ai."""

import asyncio
from collections import Counter
from enum import StrEnum

from pydantic_ai import Agent
from pydantic_ai.models.groq import GroqModel
from pydantic_ai.providers.groq import GroqProvider

REVIEWS = [f"Review {n}: the zipper tore on the second day" for n in range(40)]


class Ruling(StrEnum):
    PUBLISH = "publish"
    HOLD_BACK = "hold back"


async def main(base_url: str | None = None) -> list[str]:
    model = GroqModel("openai/gpt-oss-20b", provider=GroqProvider(base_url=base_url))
    judge = Agent(model, output_type=Ruling, instructions="Publish this review or hold it back?", max_concurrency=20)

    async def rule(review: str) -> str:
        ballots = await asyncio.gather(*(judge.run(review) for _ in range(5)), return_exceptions=True)
        rulings = Counter(ballot.output for ballot in ballots if not isinstance(ballot, BaseException))
        return rulings.most_common(1)[0][0]

    return await asyncio.gather(*map(rule, REVIEWS))


if __name__ == "__main__":
    print(asyncio.run(main()))
