"""Ask five judges about each of 40 reviews and take what most say: LangChain."""

import asyncio
from collections import Counter
from typing import Literal

from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_groq import ChatGroq
from pydantic import BaseModel

REVIEWS = [f"Review {n}: the zipper tore on the second day" for n in range(40)]


class Ballot(BaseModel):
    ruling: Literal["publish", "hold back"]


async def main(base_url: str | None = None) -> list[str]:
    model = ChatGroq(model="openai/gpt-oss-20b", base_url=base_url)
    prompt = ChatPromptTemplate.from_template("Publish this review or hold it back?\n\n{review}")
    judge = prompt | model.with_structured_output(Ballot, method="json_schema")

    async def rule(review: str) -> str:
        ballots = await judge.abatch([{"review": review}] * 5, return_exceptions=True)
        rulings = Counter(ballot.ruling for ballot in ballots if isinstance(ballot, Ballot))
        return rulings.most_common(1)[0][0]

    return await RunnableLambda(rule).abatch(REVIEWS, config={"max_concurrency": 4})


if __name__ == "__main__":
    print(asyncio.run(main()))
