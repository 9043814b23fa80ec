"""Entities that a passage names, apart from those that a model made up."""

import json

import pytest

from examples.document_pipeline._entities import Entity, find_entities, grounded
from examples.document_pipeline._rehearsal import answer, rehearsed
from llm_composition_patterns import InvalidOutput, Scenario, connect

TEXT = "Ms Zoë Brontë sells\nParcel AK-12 to Larkfield Trust for €1,200.50 on 2 May 1999."


def entity(text, kind="PERSON", **given):
    return Entity(text=text, type=kind, role="seller", confidence=0.9, **given)


def test_an_entity_that_is_not_in_the_text_is_left_out():
    """Across line ends and in other capitals it is found, as a part of a word it is not."""
    found = grounded([entity("sells parcel ak-12", "PARCEL"), entity("Mr Nobody"), entity("Trus", "ORG")], TEXT)
    assert [one.text for one in found.entities] == ["sells parcel ak-12"]
    assert found.invented == ("Mr Nobody", "Trus")


def test_an_entity_counts_once():
    """The first time that it is named; as something else it is another one."""
    found = grounded([entity("Zoë Brontë"), entity("zoë  brontë"), entity("Zoë Brontë", "ORG")], TEXT)
    assert [(one.text, one.type.value) for one in found.entities] == [("Zoë Brontë", "PERSON"), ("Zoë Brontë", "ORG")]


async def test_the_simulated_model_finds_what_its_rules_find():
    """One of each type, and it says that it is simulated."""
    async with connect("simulated:x", scenario=rehearsed(None)) as model:
        found = await find_entities(model, TEXT, {})
    assert {one.type.value: one.text for one in found.entities} == {
        "PERSON": "Ms Zoë Brontë",
        "PARCEL": "Parcel AK-12",
        "ORG": "Larkfield Trust",
        "AMOUNT": "€1,200.50",
        "DATE": "2 May 1999",
    }
    assert {one.role for one in found.entities} == {"simulated"}
    assert answer({"messages": [{"role": "user", "content": "no document"}]}) is None


async def test_an_unknown_type_is_no_entity():
    """It is an invalid answer, and not data."""
    wrong = {"entities": [{"text": "Zoë", "type": "DOG", "role": "", "confidence": 1}]}
    async with connect("simulated:x", scenario=Scenario(answer=lambda _: json.dumps(wrong))) as model:
        with pytest.raises(InvalidOutput):
            await find_entities(model, TEXT, {})
