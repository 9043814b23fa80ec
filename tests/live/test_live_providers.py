"""Real providers, for whoever has a key: `pytest -m live`. Costs a fraction of a cent."""

import os

import pytest
from pydantic import BaseModel

from llm_composition_patterns import ask, connect
from llm_composition_patterns.llm import PROVIDERS

# Taken before the fixtures hide the settings of this machine from every other test.
KEYS = {row.name: os.environ.get(row.key_variable, "") for row in PROVIDERS.values() if row.key_variable}

pytestmark = pytest.mark.live


class Answer(BaseModel):
    """What is asked for."""

    capital: str
    country: str


@pytest.mark.enable_socket
@pytest.mark.parametrize("provider", KEYS)
async def test_a_provider_gives_typed_answers(provider: str):
    """The default model of each provider with a key answers as a pydantic model, and says what it used."""
    if not KEYS[provider]:
        pytest.skip(f"{PROVIDERS[provider].key_variable} is not set")
    async with connect(f"{provider}:", api_key=KEYS[provider]) as model:
        answer = await ask(model, "What is the capital of France?", output=Answer)
        completion = await model.complete("Say yes.", max_tokens=500)
    assert answer.capital == "Paris"
    assert completion.usage.input_tokens > 0
