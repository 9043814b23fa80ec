"""Types to schemas that providers enforce, and answers to values."""

import contextlib
import enum
import json
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PydanticUserError, ValidationError

from llm_composition_patterns.llm._schemas import is_enforceable, problems, strict, wanted


class Part(BaseModel):
    """A part of a whole."""

    name: str
    size: int = Field(3, description="in cm")


class Whole(BaseModel):
    """Something made of parts."""

    title: str
    first: Part = Field(description="the first part")
    parts: list[Part]
    kind: Literal["a", "b"]
    note: Optional[str] = None  # noqa: UP045 - pydantic's own spelling is under test


class Node(BaseModel):
    """A tree."""

    value: int
    children: list["Node"] = []


class Cat(BaseModel):
    """One pet."""

    kind: Literal["cat"]


class Dog(BaseModel):
    """Another pet."""

    kind: Literal["dog"]


class Home(BaseModel):
    """Where a pet lives."""

    pet: Cat | Dog = Field(discriminator="kind")


class Color(enum.Enum):
    """A label."""

    RED = "red"
    BLUE = "blue"


def objects(schema):
    """Every schema of an object inside."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    if isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.mark.parametrize("output", [Whole, Node, Home, Part, Color, list[str], int])
def test_every_property_is_required_and_no_other_allowed(output):
    """What providers demand of a schema that they enforce."""
    sent = wanted(output).schema
    assert sent["strict"] is True
    found = list(objects(sent["schema"]))
    assert found
    for one in found:
        assert one["required"] == list(one["properties"])
        assert one["additionalProperties"] is False


def test_nothing_stands_beside_a_reference():
    """A description moves around it; titles and defaults go."""
    schema = wanted(Whole).schema["schema"]
    assert schema["properties"]["first"] == {"anyOf": [{"$ref": "#/$defs/Part"}], "description": "the first part"}
    assert schema["$defs"]["Part"]["properties"]["size"] == {"type": "integer", "description": "in cm"}
    assert "oneOf" not in json.dumps(wanted(Home).schema)


def test_a_property_may_be_called_like_a_keyword():
    """Names of properties are not keywords."""

    class Book(BaseModel):
        title: str
        default: int
        properties: dict[str, str]

    schema = wanted(Book).schema
    assert list(schema["schema"]["properties"]) == ["title", "default", "properties"]
    assert schema["strict"] is False


@pytest.mark.parametrize("output", [dict[str, int], dict, tuple[int, str], list[Any], Any])
def test_what_cannot_be_enforced_is_sent_as_a_wish(output):
    """Open objects, tuples and anything at all."""
    assert wanted(output).schema["strict"] is False


def test_schemas_are_built_once():
    """Building one is slow."""
    assert wanted(Whole) is wanted(Whole)


@pytest.mark.parametrize("output", [object(), type("Odd", (), {})])
def test_what_has_no_schema_is_refused(output):
    """The message says what can be given."""
    with pytest.raises(TypeError, match="has no JSON schema: give a pydantic model"):
        wanted(output)


def test_pydantic_advice_is_passed_on(monkeypatch):
    """Such as which TypedDict it can read."""

    def advise(_output):
        raise PydanticUserError("Please use the other one.\nMore.", code=None)

    monkeypatch.setattr("llm_composition_patterns.llm._schemas.TypeAdapter", advise)

    with pytest.raises(TypeError, match=r"has no JSON schema \(Please use the other one\): give"):
        wanted(type("Advised", (), {}))


def test_the_base_of_all_models_is_no_answer():
    """It has no fields to fill in."""
    with pytest.raises(TypeError, match="give a pydantic model of your own"):
        wanted(BaseModel)


PART = Part(name="x", size=2)
TEXT = PART.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  {TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"Here you are: {TEXT}. Anything else?",
        f'I think {{maybe}} of {{"name": 5}} but the answer is {TEXT}',
        f"{{{{{{{TEXT}",
    ],
)
def test_an_object_is_found_wherever_it_is(text):
    """By a real parser, and the first that fits."""
    assert wanted(Part).read(text) == PART


@pytest.mark.parametrize(
    ("output", "text", "value"),
    [
        (Color, '{"value": "red"}', Color.RED),
        (Color, "blue", Color.BLUE),
        (Color, '"blue"', Color.BLUE),
        (int, '{"value": 7}', 7),
        (int, 'The answer is {"value": 7}.', 7),
        (list[str], '["a"]', ["a"]),
        (dict[str, int], '{"value": {"a": 1}}', {"a": 1}),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Node, '{"value": {"value": 1, "children": [{"value": 2}]}}', Node(value=1, children=[Node(value=2)])),
    ],
)
def test_a_value_is_found_in_its_object_or_bare(output, text, value):
    """Labels and plain values travel in an object, and are understood without."""
    assert wanted(output).read(text) == value


@pytest.mark.parametrize(
    "text", ["", "no", "{", '{"name": 5}', "[]", '{"name": "x", "size"', "{" * 5000, '{"a":' * 5000]
)
def test_what_is_wrong_is_told_in_lines(text):
    """Each without the answer's own words, to be sent back."""
    with pytest.raises(ValidationError) as caught:
        wanted(Part).read(text)
    lines = problems(caught.value)
    assert lines
    assert all("\n" not in line for line in lines)


def test_the_place_of_an_error_is_named():
    """So that the model can mend it."""
    with pytest.raises(ValidationError) as caught:
        wanted(Whole).read('{"title": "t", "first": {"name": 1}, "parts": [], "kind": "c"}')
    assert problems(caught.value) == ["first.name: Input should be a valid string", "kind: Input should be 'a' or 'b'"]


@given(
    st.builds(
        Whole,
        title=st.text(),
        first=st.just(PART),
        parts=st.lists(st.builds(Part, name=st.text(), size=st.integers(-9, 9)), max_size=3),
        kind=st.just("a"),
    )
)
def test_every_value_comes_back(whole):
    """Written and read again, with prose around it."""
    assert wanted(Whole).read(whole.model_dump_json()) == whole
    assert wanted(Whole).read(f"So: {whole.model_dump_json()} (done)") == whole


@given(st.text())
def test_any_text_is_read_or_refused(text):
    """Nothing but a ValidationError comes of it."""
    with contextlib.suppress(ValidationError):
        assert isinstance(wanted(Part).read(text), Part)


def test_what_is_strict_stays_strict():
    """Changing a schema twice changes nothing more."""
    once = strict(Whole.model_json_schema())
    assert strict(once) == once
    assert is_enforceable(once)
