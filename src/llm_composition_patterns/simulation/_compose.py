"""What the simulated model answers: a pure function of the request, the seed and the protected words.

A request for a translation gets pseudo-localised text; a request for JSON gets a value that fits its schema, made of
the JSON document in the request where the two have names in common; anything else gets a sentence that says what it
is. A translation uses the words of a glossary: a JSON object under `glossary` that names the word for each term.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ._documents import split_documents
from ._languages import target_language
from ._pseudo import protected_words, pseudo_translate
from ._request import BadRequest, Request
from ._schema_fill import Filler
from ._schema_fits import JSON_TYPES, Schema

_TRANSLATE = re.compile(r"(?<!not )(?<!n't )(?<!never )\b(?:translat|locali[sz])\w*", re.IGNORECASE)
_FENCED = re.compile(r"```\w*\n(.*?)```|\"\"\"(.*?)\"\"\"|<(?:text|source|content|input)>(.*?)</", re.DOTALL)
_SPOKEN = re.compile(r"[\"“'\u2018](.+?)[\"”'\u2019](?!\w)", re.DOTALL)
_TOPIC_LENGTH = 60
_UNTOUCHED = re.compile(r"(?:^|_)(?:id|ids|url|urls|uri|sku|slug|email|price|currency|date|timestamp)$", re.IGNORECASE)
_PLACE = re.compile("⟦\0(\\d+)⟧")
_LANGUAGE_KEY = re.compile(r"lang|locale", re.IGNORECASE)
_SCHEMA_SIGNS = frozenset({"properties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "enum", "items"})
_SCHEMA_WORDS = _SCHEMA_SIGNS | {
    "type", "title", "description", "required", "additionalProperties", "definitions", "default", "const", "$schema",
    "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern", "format", "examples", "$id",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Composed:
    """An answer, and the schema it was made for, if any."""

    text: str
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A request taken apart: what is prose, what is data, what is a schema."""

    instructions: Sequence[str]
    said: Sequence[str]
    documents: list[Any]
    schema: Schema | None
    wants_json: bool

    @property
    def translates(self) -> bool:
        return any(_TRANSLATE.search(text) for text in (*self.instructions, *self.said))

    @property
    def language(self) -> str | None:
        return target_language([*self.instructions, *reversed(self.said), *_languages_in(self.documents)])

    @property
    def question(self) -> str:
        """The user's words that count: the first where JSON is repaired in turns, else the last."""
        spoken = [text for text in self.said if text.strip()]
        return spoken[0 if self.wants_json else -1] if spoken else ""


def compose(request: Request, *, seed: int = 0, protected: Sequence[str] = ()) -> Composed:
    """The answer to a request.

    Raises:
        BadRequest: Its schema is none, or asks for too much.
    """
    reading = _read(request)
    translates = reading.translates
    write = _writer(reading, protected) if translates else _as_it_is
    if reading.schema is not None:
        return Composed(_filled(reading, request, write, seed, translates=translates), reading.schema)
    if translates and reading.documents:
        return Composed(_dumped(_translated(reading.documents[-1], write)))
    prose = write("", text_to_translate(reading.question)) if translates else _plain(reading)
    if request.format != "json_object":
        return Composed(prose)
    return Composed(_dumped({"translation" if translates else "answer": prose}))


def _read(request: Request) -> _Reading:
    instructions: list[str] = []
    said: list[str] = []
    given: list[Any] = []
    told: list[Any] = []
    for turn in request.turns:
        if turn.instructs or turn.role == "user":
            prose, documents = split_documents(turn.text)
            (instructions if turn.instructs else said).append(prose)
            (told if turn.instructs else given).extend(documents)
    schema = request.schema
    if schema is None:
        schema = next((document for document in (*told, *given) if _is_schema(document)), None)
    sources = [document for document in (given or told) if not _is_schema(document)]
    return _Reading(instructions, said, sources, schema, request.format != "text" or schema is not None)


def _is_schema(document: Any) -> bool:
    if not isinstance(document, Mapping) or not document.keys() <= _SCHEMA_WORDS:
        return False
    kind = document.get("type")
    return kind in JSON_TYPES if isinstance(kind, str) else bool(document.keys() & _SCHEMA_SIGNS)


def _languages_in(documents: Sequence[Any]) -> list[str]:
    """What documents say of languages themselves: `{"target_language": "French"}`."""
    pairs = [pair for document in documents if isinstance(document, Mapping) for pair in document.items()]
    return [f"language: {value}" for key, value in pairs if _LANGUAGE_KEY.search(key) and isinstance(value, str)]


def _writer(reading: _Reading, protected: Sequence[str]) -> Callable[[str, str], str]:
    words = (*protected, *protected_words([*reading.instructions, *reading.said]))
    glossary = _glossary_in(reading.documents)
    return partial(_write_translated, language=reading.language, protected=words, glossary=glossary)


def _glossary_in(documents: Sequence[Any]) -> list[tuple[str, str]]:
    """The terms that documents give words for, the longest first."""
    given = [document.get("glossary") for document in documents if isinstance(document, Mapping)]
    pairs = [pair for one in given if isinstance(one, Mapping) for pair in one.items()]
    return sorted(((term, word) for term, word in pairs if term and isinstance(word, str)), key=lambda p: -len(p[0]))


def _write_translated(
    name: str, text: str, *, language: str | None, protected: Sequence[str], glossary: Sequence[tuple[str, str]]
) -> str:
    if _UNTOUCHED.search(name) or (name and _LANGUAGE_KEY.search(name)):
        return text
    words = [word for _, word in glossary]
    if words:
        terms = re.compile("|".join(f"({re.escape(term)})" for term, _ in glossary))
        text = terms.sub(lambda found: f"⟦\0{found.lastindex}⟧", text)  # which is kept as it is
    text = pseudo_translate(text, language, protected=protected)
    return _PLACE.sub(lambda found: words[int(found[1]) - 1], text) if words else text


def _as_it_is(_name: str, text: str) -> str:
    return text


def _filled(
    reading: _Reading, request: Request, write: Callable[[str, str], str], seed: int, *, translates: bool
) -> str:
    said = "\n".join([turn.text for turn in request.turns if turn.role == "user"])
    prose = write("", _source_text(reading)) if translates else _plain(reading)
    filler = Filler(
        reading.schema, reading.documents, prose=prose, said=said, write=write, reason=f"{seed}\x1f{request.text}"
    )
    try:
        return _dumped(filler.filled())
    except BadRequest:
        raise
    except (TypeError, AttributeError, ValueError, LookupError, ArithmeticError) as error:
        # The keywords of a schema can be of any type; whatever is wrong with them shows where they are used.
        message = f"the JSON schema is not valid: {type(error).__name__}: {error}"
        raise BadRequest(message, parameter="response_format") from error


def _source_text(reading: _Reading) -> str:
    texts = [text for document in reading.documents if isinstance(document, Mapping) for text in document.values()]
    alone = [text for text in texts if isinstance(text, str)]
    return alone[0] if len(alone) == 1 else text_to_translate(reading.question)


def _translated(value: Any, write: Callable[[str, str], str], name: str = "") -> Any:
    if isinstance(value, str):
        return write(name, value)
    if isinstance(value, list):
        return [_translated(item, write, name) for item in value]
    if isinstance(value, Mapping):
        return {key: _translated(item, write, key) for key, item in value.items()}
    return value


def text_to_translate(message: str) -> str:
    """The part of a message that it asks to translate; the whole message where it says nothing else."""
    fenced = _FENCED.search(message)
    if fenced is not None:
        return next(text for text in fenced.groups() if text is not None).strip()
    asked = _TRANSLATE.search(message)
    if asked is None:
        return message
    line, _, below = message[asked.end() :].partition("\n")
    _, colon, rest = line.partition(":")
    if colon and (rest.strip() or below.strip()):
        return f"{rest}\n{below}".strip()
    others = [part for part in message.split("\n\n") if part.strip() and not _TRANSLATE.search(part)]
    if others:
        return "\n\n".join(others).strip()
    spoken = _SPOKEN.search(message)
    return spoken[1] if spoken is not None else message


def _plain(reading: _Reading) -> str:
    topic = " ".join(reading.question.split())
    short = topic if len(topic) <= _TOPIC_LENGTH else topic[:_TOPIC_LENGTH].rsplit(" ", 1)[0] + " ..."
    return f"This is a simulated answer; no model has read the question. It is about: {short or 'the data given'}"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
