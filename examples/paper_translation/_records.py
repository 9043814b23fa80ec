"""What an archive says of a paper, and what may be translated of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

MOST_CHARACTERS: Final = 400_000
"""Characters of the longest body that is translated: more is a book, or a mistake of whoever read the file."""

_NO_DERIVATIVES: Final = re.compile(
    r"\b(?:nc)?nd\b|no[\s-]?deriv|\u7981\u6b62\u6f14\u7ece|all rights reserved", re.IGNORECASE
)
_DERIVATIVES: Final = re.compile(
    r"\bcc[\s-]?0\b|\bcc[\s-]?by\b|creativecommons\.org/(?:licenses/by|publicdomain)|public domain", re.IGNORECASE
)


class License(BaseModel):
    """What the archive says of rights.

    Attributes:
        raw: Its own words.
        derivatives_allowed: Whether a translation of the whole may be made; None where the archive does not say.
    """

    model_config = ConfigDict(frozen=True)

    raw: str | None = None
    derivatives_allowed: bool | None = None

    @property
    def allows_body(self) -> bool:
        """Whether the body may be translated; what is not known to be allowed is not."""
        if self.derivatives_allowed is not None:
            return self.derivatives_allowed
        raw = self.raw or ""
        return bool(_DERIVATIVES.search(raw)) and not _NO_DERIVATIVES.search(raw)


class Paper(BaseModel):
    """A record of the archive, with the names that it has there."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str = Field(min_length=1, max_length=500)
    oai_identifier: str | None = None
    title: str
    creators: tuple[str, ...] = ()
    abstract: str = ""
    subjects: tuple[str, ...] = ()
    date: str | None = None
    pdf_url: str | None = None
    source_url: str | None = None
    license: License = License()
    set_spec: str | None = Field(default=None, alias="setSpec")
    files: tuple[Any, ...] = ()
    body: str | tuple[str, ...] | None = None

    @field_validator("title")
    @classmethod
    def _has_title(cls, title: str) -> str:
        if not title.strip():
            raise ValueError("it is empty")
        return title

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, record: object) -> object:
        """What is null in the archive is not there."""
        return (
            {name: value for name, value in record.items() if value is not None} if isinstance(record, dict) else record
        )

    @property
    def body_text(self) -> str:
        """The body as one text; empty where it has none, or none may be translated."""
        if self.body is None or not self.license.allows_body:
            return ""
        return self.body if isinstance(self.body, str) else "\n\n".join(self.body)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the archive: a paper, or why there is none.

    Attributes:
        key: What the batch knows it by: the paper's id, or its place.
        paper: The record.
        problem: Why it cannot be translated; empty where it can.
    """

    key: str
    paper: Paper | None
    problem: str = ""


def entry(record: object, place: str) -> Entry:
    """The entry of a decoded record that was found at a place."""
    try:
        paper = Paper.model_validate(record)
    except ValidationError as error:
        return Entry(_key(record, place), None, f"{place}: {_told(error)}")
    size = len(paper.body) if isinstance(paper.body, str) else sum(map(len, paper.body or ()))
    if size > MOST_CHARACTERS:
        problem = (
            f"{place}: the body has {size:,} characters, and {MOST_CHARACTERS:,} is the most: leave it out to have the "
            "title and the abstract translated, or split the paper"
        )
        return Entry(paper.id, None, problem)
    return Entry(paper.id, paper)


def _key(record: object, place: str) -> str:
    found = record.get("id") if isinstance(record, dict) else None
    return found if isinstance(found, str) and found else place


def _told(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'the record'}: {one['msg']}" for one in found]
    return "no paper: " + "; ".join(dict.fromkeys(told[:3]))
