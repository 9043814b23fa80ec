"""Sort 200 tickets, 20 at a time, and keep what failed: pydantic-ai."""

import asyncio
from typing import Literal

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.groq import GroqModel
from pydantic_ai.providers.groq import GroqProvider

TICKETS = [f"Ticket {n}: the zipper of order {1000 + n} is broken" for n in range(200)]


class Triage(BaseModel):
    topic: Literal["repair", "delivery", "refund"]
    urgent: bool


async def main(base_url: str | None = None) -> tuple[dict[str, Triage], dict[str, BaseException]]:
    model = GroqModel("openai/gpt-oss-20b", provider=GroqProvider(base_url=base_url))
    agent = Agent(model, output_type=Triage, instructions="Sort this ticket.", max_concurrency=20)
    results = await asyncio.gather(*(agent.run(ticket) for ticket in TICKETS), return_exceptions=True)
    pairs = list(zip(TICKETS, results, strict=True))
    answers = {ticket: result.output for ticket, result in pairs if not isinstance(result, BaseException)}
    failures = {ticket: result for ticket, result in pairs if isinstance(result, BaseException)}
    return answers, failures


if __name__ == "__main__":
    print(asyncio.run(main()))
