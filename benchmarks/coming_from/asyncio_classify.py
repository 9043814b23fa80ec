"""Sort 200 tickets, 20 at a time, and keep what failed: plain asyncio over the groq SDK."""

import asyncio
from typing import Literal

from groq import AsyncGroq
from pydantic import BaseModel

TICKETS = [f"Ticket {n}: the zipper of order {1000 + n} is broken" for n in range(200)]


class Triage(BaseModel):
    topic: Literal["repair", "delivery", "refund"]
    urgent: bool


async def main(base_url: str | None = None) -> tuple[dict[str, Triage], dict[str, BaseException]]:
    semaphore = asyncio.Semaphore(20)
    async with AsyncGroq(base_url=base_url) as client:

        async def classify(ticket: str) -> Triage:
            async with semaphore:
                completion = await client.chat.completions.create(
                    model="openai/gpt-oss-20b",
                    messages=[{"role": "user", "content": f"Sort this ticket.\n\n{ticket}"}],
                    response_format={
                        "type": "json_schema",
                        "json_schema": {"name": "triage", "schema": Triage.model_json_schema()},
                    },
                )
            return Triage.model_validate_json(completion.choices[0].message.content or "")

        results = await asyncio.gather(*map(classify, TICKETS), return_exceptions=True)
    pairs = list(zip(TICKETS, results, strict=True))
    answers = {ticket: result for ticket, result in pairs if not isinstance(result, BaseException)}
    failures = {ticket: result for ticket, result in pairs if isinstance(result, BaseException)}
    return answers, failures


if __name__ == "__main__":
    print(asyncio.run(main()))
