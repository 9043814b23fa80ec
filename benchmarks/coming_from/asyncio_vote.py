"""Ask five judges about each of 40 reviews and take what most say: plain asyncio over the groq SDK."""

import asyncio
from collections import Counter
from typing import Literal

from groq import AsyncGroq
from pydantic import BaseModel

REVIEWS = [f"Review {n}: the zipper tore on the second day" for n in range(40)]


class Ballot(BaseModel):
    ruling: Literal["publish", "hold back"]


async def main(base_url: str | None = None) -> list[str]:
    semaphore = asyncio.Semaphore(20)
    async with AsyncGroq(base_url=base_url) as client:

        async def judge(review: str) -> Ballot:
            async with semaphore:
                completion = await client.chat.completions.create(
                    model="openai/gpt-oss-20b",
                    messages=[{"role": "user", "content": f"Publish this review or hold it back?\n\n{review}"}],
                    response_format={
                        "type": "json_schema",
                        "json_schema": {"name": "ballot", "schema": Ballot.model_json_schema()},
                    },
                )
            return Ballot.model_validate_json(completion.choices[0].message.content or "")

        async def rule(review: str) -> str:
            ballots = await asyncio.gather(*(judge(review) for _ in range(5)), return_exceptions=True)
            rulings = Counter(ballot.ruling for ballot in ballots if isinstance(ballot, Ballot))
            return rulings.most_common(1)[0][0]

        return await asyncio.gather(*map(rule, REVIEWS))


if __name__ == "__main__":
    print(asyncio.run(main()))
