"""The model that plays a script."""

import pytest
from pydantic import BaseModel

from llm_composition_patterns import ChatModel, ModelUnavailable, ask, track
from llm_composition_patterns.testing import ScriptedModel


class Product(BaseModel):
    """What is asked for."""

    name: str


async def test_lines_are_played_in_order():
    """Each call gets the next line, and what it was asked is kept."""
    model = ScriptedModel("one", lambda messages: messages[-1]["content"].upper())
    assert await ask(model, "first", system="be brief", temperature=0.5) == "one"
    assert await ask(model, "second") == "SECOND"
    messages, settings = model.calls[0]
    assert [message["content"] for message in messages] == ["be brief", "first"]
    assert settings == {"temperature": 0.5}


async def test_an_error_is_raised_as_a_model_would():
    """An error in the script is what the caller gets."""
    with pytest.raises(ModelUnavailable, match="away"):
        await ask(ScriptedModel(ModelUnavailable("away")), "hello")


async def test_an_invalid_answer_is_repaired_by_the_next_line():
    """`ask` sends the bad answer back, and the script answers again."""
    model = ScriptedModel("not json", '{"name": "Talus Short"}')
    assert await ask(model, "Which one?", output=Product) == Product(name="Talus Short")
    assert "not json" in [message["content"] for message in model.calls[1][0]]


async def test_a_call_too_many_is_told():
    """The code under test asks more often than the test expects."""
    with pytest.raises(AssertionError, match="call 1 of a script with 0 lines: hello"):
        await ask(ScriptedModel(), "hello")


async def test_its_calls_are_accounted():
    """A tracked run counts them, for nothing."""
    model = ScriptedModel("one")
    assert isinstance(model, ChatModel)
    async with track("run") as tracked:
        await ask(model, "hello")
    assert tracked.usage.calls == 1
    assert tracked.usage.cost == 0
