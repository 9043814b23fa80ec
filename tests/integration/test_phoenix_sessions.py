"""Conversations in a real Phoenix."""

import asyncio

import pytest
from openinference.instrumentation import using_session

from llm_composition_patterns import connect, setup_tracing, track
from llm_composition_patterns.tracing import PhoenixServer

pytestmark = [pytest.mark.phoenix, pytest.mark.timeout(240)]

QUESTIONS = ("Do you repair a torn zipper?", "How long does that take?")
SESSIONS = """query ($name: String!) { getProjectByName(name: $name) { sessions(first: 9) { edges { node {
sessionId numTraces firstInput { value } lastOutput { value } } } } } }"""


async def converse() -> str:
    """Two turns of one conversation; the last answer."""
    async with connect("simulated:") as model:
        history = []
        with using_session("customer-4711"):
            for question in QUESTIONS:
                async with track("turn", input=question) as turn:
                    history.append({"role": "user", "content": question})
                    completion = await model.complete(history)
                    history.append({"role": "assistant", "content": completion.text})
                    turn.output(completion.text)
    return completion.text


def test_the_turns_of_a_conversation_are_one_session(phoenix):
    """With what was asked first and answered last."""
    with setup_tracing("phoenix", endpoint=phoenix.url, project="conversations") as made:
        answer = asyncio.run(converse())
        assert made.flush(20)
    phoenix.spans_of_project("conversations", at_least=4)
    found = PhoenixServer(url=phoenix.url).query(SESSIONS, name="conversations")["getProjectByName"]["sessions"]
    assert [edge["node"] for edge in found["edges"]] == [
        {
            "sessionId": "customer-4711",
            "numTraces": 2,
            "firstInput": {"value": QUESTIONS[0]},
            "lastOutput": {"value": answer},
        }
    ]
