"""What the attempts of a model learn for each other, and what is remembered for the next run."""

import asyncio

import pytest
from scripted import ScriptedEndpoint, completion, model_over, refusal

from llm_composition_patterns.limits import Limiter, _memory, memory_key, recall
from llm_composition_patterns.llm import connect
from llm_composition_patterns.llm._connection import TokenEstimate
from llm_composition_patterns.llm._replies import Tokens


def test_before_the_first_answer_it_is_the_prompt_alone():
    """Four characters a token, as in English; but nothing where no rate is known that this could keep to."""
    assert TokenEstimate(guesses=True).of(400) == 100
    assert TokenEstimate().of(400) is None


async def test_the_first_calls_keep_to_the_users_tokens_too():
    """3,000 a minute, 1,000 a call: one, and the next each 20 s, though nobody was answered yet."""
    endpoint = ScriptedEndpoint((30, completion(tokens=(1000, 0))))
    async with model_over(endpoint, concurrency=Limiter(tokens_per_minute=3000)) as model:
        await asyncio.gather(*(model.complete("word" * 1000) for _ in range(4)))
    assert endpoint.times == pytest.approx([0, 20, 40, 60])


def test_the_estimate_follows_prompts_and_answers():
    """So many tokens for a character of the prompt, and the usual answer."""
    estimate = TokenEstimate()
    estimate.learn(400, Tokens(input=100, output=50))
    assert estimate.of(800) == 250
    estimate.learn(400, Tokens(input=100, output=150))
    assert estimate.of(400) == 200


def test_an_empty_prompt_is_no_division_by_zero():
    """Some providers count a few tokens for it."""
    estimate = TokenEstimate()
    estimate.learn(0, Tokens(input=3, output=1))
    assert estimate.of(0) == 1


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Where limits are remembered in this test."""
    path = tmp_path / "limits.json"
    monkeypatch.setattr(_memory, "default_path", lambda: path)
    return path


async def opened_and_called(address):
    endpoint = ScriptedEndpoint((1, completion()))
    model = model_over(endpoint, remember=True, known_as=address)
    async with model:
        await model.complete("hello")
        return model.statistics()


async def test_what_was_learnt_is_there_in_the_next_run(memory):
    """Kept when the model is closed, under a hash."""
    endpoint = ScriptedEndpoint((1, completion()), (0, refusal(429, "Too many concurrent requests")), (1, completion()))
    async with model_over(endpoint, remember=True, known_as="https://api.example/v1") as model:
        await asyncio.gather(*(model.complete("hello") for _ in range(9)))
        limit = model.statistics().limit
    address = {"endpoint": "https://api.example/v1", "model": "openai/gpt-oss-20b", "credential": "gsk-planted-secret"}
    learned = await asyncio.to_thread(recall, memory_key(**address), path=memory)
    assert learned["law"]["limit"] == limit < 16
    assert "gsk-planted-secret" not in memory.read_text()


async def test_the_next_run_begins_where_the_last_one_ended(memory, monkeypatch):
    """With the limit that was found."""
    monkeypatch.setattr("llm_composition_patterns.llm._model.recall", lambda _: {"law": {"limit": 77.0}})
    assert (await opened_and_called("https://known.example/v1")).limit == 77


async def test_a_guess_is_not_remembered(memory):
    """A call or two tell nothing of how many may be in flight: the next run finds out as this one did."""
    await opened_and_called("https://unknown.example/v1")
    assert not memory.exists()


async def test_a_model_that_was_never_answered_leaves_no_memory(memory):
    """There is nothing to remember."""
    async with model_over(ScriptedEndpoint(), remember=True):
        pass
    assert not memory.exists()


@pytest.mark.parametrize("remember", [True, False])
async def test_simulated_models_are_never_remembered(memory, remember):
    """Each rehearsal begins anew."""
    async with connect("simulated:", remember=remember) as model:
        await model.complete("hello")
    assert not memory.exists()
