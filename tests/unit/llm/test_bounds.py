"""The most that an attempt can use, before it is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_composition_patterns.llm._bounds import MOST_TOKENS, bounded, prompt_bound, rooms, template_bound, with_room
from llm_composition_patterns.simulation import SimulatedProvider

texts = st.lists(st.text(min_size=1), min_size=1, max_size=4)


def body_of(contents, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in contents], **more}


@given(texts)
def test_no_text_has_more_tokens_than_bytes(contents):
    """However it is written."""
    least = sum(len(text.encode(errors="replace")) for text in contents)
    assert prompt_bound(body_of(contents), simulated=False) == least


def test_a_schema_is_a_part_of_the_prompt():
    """Wherever the provider puts it."""
    plain = prompt_bound(body_of(["hi"]), simulated=False)
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    assert prompt_bound(body_of(["hi"], response_format=wanted), simulated=False) - plain >= len(str(wanted))


async def test_the_simulated_provider_is_known_exactly():
    """It says how it counts."""
    body = body_of(["one", "two and three", "vier fünf"])
    reply = await SimulatedProvider().respond(body)
    assert prompt_bound(body, simulated=True) == reply.body["usage"]["prompt_tokens"]


def test_a_template_is_counted_on_top():
    """For each message, and once for all; never more than the shortest prompt that was ever counted."""
    assert [template_bound(messages, 0) for messages in (1, 2, 3)] == [136, 144, 152]
    assert [template_bound(1, shortest) for shortest in (1000, 72, 1)] == [136, 72, 1]
    assert template_bound(3, 72) == 72 + 16


def test_parts_count_as_they_are_written():
    """A content that is no text is as long as its JSON."""
    parts = [{"type": "text", "text": "x" * 1000}]
    assert prompt_bound(body_of([parts]), simulated=False) >= 1000


def test_a_call_without_a_bound_gets_one():
    """One that has one keeps it."""
    assert bounded({"temperature": 0})["max_tokens"] == MOST_TOKENS
    assert bounded({"max_tokens": None})["max_tokens"] == MOST_TOKENS
    assert bounded({"max_tokens": 7}) == {"max_tokens": 7}


@pytest.mark.parametrize("most", [0, -1, 1.5, "9", True])
def test_a_bound_is_a_count(most):
    """-1, which some servers take for no bound, is none."""
    with pytest.raises(ValueError, match=r"^max_tokens=.* is no bound for a budget: give a whole number above 0"):
        bounded({"max_tokens": most})


def test_a_call_with_a_bound_has_no_other():
    """Its caller's word holds."""
    assert rooms(500, 10, fixed=True) == (500,)


@pytest.mark.parametrize(("longest", "least"), [(10, 40), (100_000, 4096)])
def test_a_call_without_a_bound_may_have_less_room(longest, least):
    """Four times the longest answer so far; never more than the most."""
    assert rooms(4096, longest, fixed=False) == (4096, least)


def test_before_the_first_answer_the_room_is_halved():
    """There is nothing to go by yet."""
    assert rooms(4096, 0, fixed=False) == (4096, 2048, 1024, 512, 256)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_room_is_sent(name):
    """Under the name that the provider wants."""
    assert with_room({"model": "m", name: 4096}, 40) == {"model": "m", name: 40}
