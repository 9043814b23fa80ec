"""Ask five judges about each of 40 reviews and take what most say: DSPy."""

import asyncio
from typing import Literal

import dspy

REVIEWS = [f"Review {n}: the zipper tore on the second day" for n in range(40)]


class Ballot(dspy.Signature):
    """Publish this review or hold it back?"""

    review: str = dspy.InputField()
    ruling: Literal["publish", "hold back"] = dspy.OutputField()


class Rule(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.judge = dspy.Predict(Ballot)

    def forward(self, review: str) -> dspy.Prediction:
        five = [dspy.Example(review=review).with_inputs("review")] * 5
        ballots, _, _ = self.judge.batch(
            five, num_threads=5, max_errors=5, return_failed_examples=True, disable_progress_bar=True
        )
        return dspy.majority([ballot for ballot in ballots if ballot is not None], field="ruling")


async def main(base_url: str | None = None) -> list[str]:
    lm = dspy.LM("groq/openai/gpt-oss-20b", api_base=base_url and f"{base_url}/openai/v1", cache=False)
    examples = [dspy.Example(review=review).with_inputs("review") for review in REVIEWS]
    with dspy.context(lm=lm):
        results = Rule().batch(examples, num_threads=4, disable_progress_bar=True)
    return [result.ruling for result in results]


if __name__ == "__main__":
    print(asyncio.run(main()))
