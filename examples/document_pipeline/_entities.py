"""One call: a chunk of a document in, the entities that it names out; those that it does not name are left out."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from llm_composition_patterns import ChatModel, ModelSettings, ask

PROMPT: Final = "1"
"""To be changed with the words below: what was found with others is not taken for the same then."""

SYSTEM: Final = """\
You read documents about land. You are given a JSON document with the `text` of a passage of one of them.
Answer with the entities that it names: persons, parcels of land, dates, amounts of money, organizations.
Copy `text` letter by letter from the passage. `role` says in a few words what the entity is there (seller, date of
signature, rent ...). `confidence` says from 0 to 1 how sure you are. Name each entity once, and no other one.\
"""


class Type(StrEnum):
    """What an entity is."""

    PERSON = "PERSON"
    PARCEL = "PARCEL"
    DATE = "DATE"
    AMOUNT = "AMOUNT"
    ORG = "ORG"


class Entity(BaseModel):
    """Something that a document names."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(min_length=1)
    type: Type
    role: str
    confidence: float = Field(ge=0, le=1)


class Answer(BaseModel):
    """What the model answers with."""

    entities: list[Entity]


class Found(BaseModel):
    """The entities of a chunk.

    Attributes:
        entities: Those whose words are in the chunk, each once.
        invented: The words of the others.
    """

    model_config = ConfigDict(frozen=True)

    entities: tuple[Entity, ...] = ()
    invented: tuple[str, ...] = ()


async def find_entities(model: ChatModel, text: str, settings: ModelSettings) -> Found:
    """Ask for the entities of a passage."""
    request = json.dumps({"text": text}, ensure_ascii=False)
    answer = await ask(model, request, system=SYSTEM, output=Answer, **settings)
    return grounded(answer.entities, text)


def grounded(entities: list[Entity], text: str) -> Found:
    """The entities apart: those whose words are in the text, and those that were made up."""
    passage = f" {_plain(text)} "
    kept: dict[tuple[Type, str], Entity] = {}
    invented = []
    for entity in entities:
        words = _plain(entity.text)
        if words and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", passage):
            kept.setdefault((entity.type, words), entity)
        else:
            invented.append(entity.text)
    return Found(entities=tuple(kept.values()), invented=tuple(invented))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
