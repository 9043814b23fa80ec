"""Summarize 100 letters, check, and reply: DSPy."""

import asyncio

import dspy

LETTERS = [f"Letter {n}: the zipper of order {1000 + n} is broken" for n in range(100)]
ASK_BACK = "Which order is it?"


def names_order(summary: str) -> bool:
    return "order" in summary.lower()


class Answer(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.summarize = dspy.Predict(dspy.Signature("letter -> summary", "Summarize it, with the order number."))
        self.reply = dspy.Predict(dspy.Signature("summary -> reply", "Write a reply to the customer."))

    def forward(self, letter: str) -> dspy.Prediction:
        summary = self.summarize(letter=letter).summary
        if not names_order(summary):
            return dspy.Prediction(reply=ASK_BACK)
        return self.reply(summary=summary)


async def main(base_url: str | None = None) -> list[str]:
    lm = dspy.LM("groq/openai/gpt-oss-20b", api_base=base_url and f"{base_url}/openai/v1", cache=False)
    examples = [dspy.Example(letter=letter).with_inputs("letter") for letter in LETTERS]
    with dspy.context(lm=lm):
        results = Answer().batch(examples, num_threads=20, disable_progress_bar=True)
    return [result.reply for result in results]


if __name__ == "__main__":
    print(asyncio.run(main()))
