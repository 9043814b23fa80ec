"""Sort 200 tickets, 20 at a time, and keep what failed: DSPy."""

import asyncio
from typing import Literal

import dspy

TICKETS = [f"Ticket {n}: the zipper of order {1000 + n} is broken" for n in range(200)]


class Triage(dspy.Signature):
    """Sort this ticket."""

    ticket: str = dspy.InputField()
    topic: Literal["repair", "delivery", "refund"] = dspy.OutputField()
    urgent: bool = dspy.OutputField()


async def main(base_url: str | None = None) -> tuple[dict[str, dspy.Prediction], dict[str, BaseException]]:
    lm = dspy.LM("groq/openai/gpt-oss-20b", api_base=base_url and f"{base_url}/openai/v1", cache=False)
    examples = [dspy.Example(ticket=ticket).with_inputs("ticket") for ticket in TICKETS]
    with dspy.context(lm=lm):
        results, failed, errors = dspy.Predict(Triage).batch(
            examples, num_threads=20, max_errors=len(TICKETS), return_failed_examples=True, disable_progress_bar=True
        )
    answers = {ticket: result for ticket, result in zip(TICKETS, results, strict=True) if result is not None}
    failures = {example.ticket: error for example, error in zip(failed, errors, strict=True)}
    return answers, failures


if __name__ == "__main__":
    print(asyncio.run(main()))
