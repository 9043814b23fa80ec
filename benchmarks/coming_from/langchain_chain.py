"""Summarize 100 letters, check, and reply: LangChain."""

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch
from langchain_groq import ChatGroq

LETTERS = [f"Letter {n}: the zipper of order {1000 + n} is broken" for n in range(100)]
ASK_BACK = "Which order is it?"


def names_order(summary: str) -> bool:
    return "order" in summary.lower()


async def main(base_url: str | None = None) -> list[str]:
    model = ChatGroq(model="openai/gpt-oss-20b", base_url=base_url)
    summarize = ChatPromptTemplate.from_template("Summarize it, with the order number.\n\n{letter}")
    reply = ChatPromptTemplate.from_template("Write a reply to the customer.\n\n{summary}")
    answer = (
        summarize
        | model
        | StrOutputParser()
        | RunnableBranch((names_order, reply | model | StrOutputParser()), lambda _: ASK_BACK)
    )
    return await answer.abatch(LETTERS, config={"max_concurrency": 20})


if __name__ == "__main__":
    print(asyncio.run(main()))
