"""Sort 200 tickets, 20 at a time, and keep what failed: llm-composition-patterns."""

import asyncio
from typing import Literal

from pydantic import BaseModel

from llm_composition_patterns import Failure, Success, ask, connect, parallelize

TICKETS = [f"Ticket {n}: the zipper of order {1000 + n} is broken" for n in range(200)]


class Triage(BaseModel):
    topic: Literal["repair", "delivery", "refund"]
    urgent: bool


async def main(base_url: str | None = None) -> tuple[dict[str, Triage], dict[str, BaseException]]:
    async with connect("groq:openai/gpt-oss-20b", base_url=base_url) as model:

        async def classify(ticket: str) -> Triage:
            return await ask(model, f"Sort this ticket.\n\n{ticket}", output=Triage)

        outcomes = await parallelize(classify, TICKETS, max_concurrency=20, on_error="collect")
    answers = {one.input: one.value for one in outcomes if isinstance(one, Success)}
    failures = {one.input: one.error for one in outcomes if isinstance(one, Failure)}
    return answers, failures


if __name__ == "__main__":
    print(asyncio.run(main()))
