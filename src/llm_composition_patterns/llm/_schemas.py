"""From a type to the JSON schema that is sent and the check that its answer must pass. Built once per type.

Providers enforce only schemas in which every property is required and no other is allowed; `strict` makes one of them
of what pydantic builds, and says whether it could. What is no object by itself travels as the `value` of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError

from ._types import ResponseSchema

T = TypeVar("T")

_MOST_OBJECTS: Final = 64
_MOST_ERRORS: Final = 20
_LEFT_OUT: Final = frozenset({"title", "default", "discriminator", "examples"})
_BY_NAME: Final = frozenset({"properties", "$defs"})
_IN_ORDER: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """What an answer must be.

    Attributes:
        schema: As it is sent.
        adapter: Checks and builds the value.
        wrapper: Checks the object in which the value travels; None where the value is an object itself.
    """

    schema: ResponseSchema
    adapter: TypeAdapter[T]
    wrapper: TypeAdapter[Any] | None

    def read(self, text: str) -> T:
        """The value in an answer: all of it is JSON, or the JSON objects in it are tried in their order.

        Raises:
            ValidationError: No part of the answer is what is wanted.
        """
        try:
            return self._value(text)
        except ValidationError as error:
            wrong = error
        for found in _objects(text):
            try:
                return self._value(found)
            except ValidationError as error:
                wrong = error
        return self._bare(text, wrong)

    def _value(self, text: str) -> T:
        if self.wrapper is None:
            return self.adapter.validate_json(text)
        value: T = self.wrapper.validate_json(text).value
        return value

    def _bare(self, text: str, wrong: ValidationError) -> T:
        """A value that came without its object, a label as plain text among them."""
        if self.wrapper is not None:
            for check, found in ((self.adapter.validate_json, text), (self.adapter.validate_python, text.strip())):
                try:
                    return check(found)
                except ValidationError:
                    continue
        raise wrong


def wanted(output: type[T]) -> Wanted[T]:
    """What an answer of the type `output` must be.

    Raises:
        TypeError: There is no JSON schema for the type.
    """
    if not isinstance(output, Hashable) or output is BaseModel:
        raise TypeError(
            f"output={output!r} is no type: give a pydantic model of your own, a plain type such as list[str], "
            'or for a choice of label an Enum or Literal["a", "b"]'
        )
    found: Wanted[T] = _built(cast("Any", output))
    return found


def _why(error: PydanticUserError) -> str:
    """What pydantic advises, where it knows more than that there is no schema."""
    if isinstance(error, PydanticSchemaGenerationError):
        return ""
    return f" ({str(error).splitlines()[0].rstrip('.')})"


@lru_cache(maxsize=512)
def _built(output: Any) -> Wanted[Any]:
    try:
        adapter = TypeAdapter(output)
        schema = adapter.json_schema()
    except PydanticUserError as error:
        raise TypeError(
            f"output={output!r} has no JSON schema{_why(error)}: give a pydantic model, an Enum, a Literal, or a plain "
            "type such as list[str]"
        ) from error
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", getattr(output, "__name__", "answer"))[:64] or "answer"
    if isinstance(output, type) and issubclass(output, BaseModel) and schema.get("type") == "object":
        return Wanted(_sent(name, schema), adapter, None)
    wrapper = create_model("Answer", value=(output, ...))
    return Wanted(_sent(name, wrapper.model_json_schema()), adapter, TypeAdapter(wrapper))


def _sent(name: str, schema: dict[str, Any]) -> ResponseSchema:
    changed = strict(schema)
    return {"name": name, "schema": changed, "strict": is_enforceable(changed)}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as providers enforce it: every property required, no other allowed, nothing beside a reference."""
    changed = {key: _strict_part(key, value) for key, value in schema.items() if key not in _LEFT_OUT}
    if "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
    if "$ref" in changed and len(changed) > 1:
        changed["anyOf"] = [{"$ref": changed.pop("$ref")}]
    if "properties" in changed:
        changed["required"] = list(changed["properties"])
        changed.setdefault("additionalProperties", False)
    return changed


def _strict_part(key: str, value: Any) -> Any:
    if key in _BY_NAME:
        return {name: strict(part) for name, part in value.items()}
    if key in _IN_ORDER:
        return [strict(part) for part in value]
    if key in ("items", "additionalProperties") and isinstance(value, dict):
        return strict(value)
    return value


def is_enforceable(schema: Any) -> bool:
    """Whether providers can enforce a schema: no open objects, no tuples, no place for just anything."""
    if not isinstance(schema, dict):
        return True
    if not schema or "prefixItems" in schema:
        return False
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    parts = [part for key in _BY_NAME for part in schema.get(key, {}).values()]
    parts += [part for key in _IN_ORDER for part in schema.get(key, ())]
    return all(is_enforceable(part) for part in [*parts, schema.get("items")])


def problems(error: ValidationError) -> list[str]:
    """What is wrong with an answer, a line each, without the answer's own words."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [_line(one["loc"], one["msg"]) for one in found[:_MOST_ERRORS]]


def _line(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {message}" if where else message


def _objects(text: str) -> Iterator[str]:
    """The JSON objects in a text, in their order, none inside another."""
    decoder, at = json.JSONDecoder(), text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            return
        try:
            _, end = decoder.raw_decode(text, at)
            yield text[at:end]
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
