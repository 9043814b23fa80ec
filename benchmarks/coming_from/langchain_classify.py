"""Sort 200 tickets, 20 at a time, and keep what failed: LangChain."""

import asyncio
from typing import Literal

from langchain_core.prompts import ChatPromptTemplate
from langchain_groq import ChatGroq
from pydantic import BaseModel

TICKETS = [f"Ticket {n}: the zipper of order {1000 + n} is broken" for n in range(200)]


class Triage(BaseModel):
    topic: Literal["repair", "delivery", "refund"]
    urgent: bool


async def main(base_url: str | None = None) -> tuple[dict[str, Triage], dict[str, BaseException]]:
    model = ChatGroq(model="openai/gpt-oss-20b", base_url=base_url)
    prompt = ChatPromptTemplate.from_template("Sort this ticket.\n\n{ticket}")
    classify = prompt | model.with_structured_output(Triage, method="json_schema")
    results = await classify.abatch(
        [{"ticket": ticket} for ticket in TICKETS], config={"max_concurrency": 20}, return_exceptions=True
    )
    pairs = list(zip(TICKETS, results, strict=True))
    answers = {ticket: result for ticket, result in pairs if not isinstance(result, BaseException)}
    failures = {ticket: result for ticket, result in pairs if isinstance(result, BaseException)}
    return answers, failures


if __name__ == "__main__":
    print(asyncio.run(main()))
