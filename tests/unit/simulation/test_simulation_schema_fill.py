"""Values for JSON schemas, judged by the jsonschema package."""

import json

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import BaseModel, Field

from llm_composition_patterns.simulation._request import BadRequest
from llm_composition_patterns.simulation._schema_fill import Filler
from llm_composition_patterns.simulation._schema_fits import fits


def fill(schema, *documents, said="", prose="", write=lambda _name, text: f"<{text}>", reason=0):
    return Filler(schema, list(documents), prose=prose, said=said, write=write, reason=reason).filled()


def check(schema, *documents, **options):
    value = fill(schema, *documents, **options)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)
    json.dumps(value, allow_nan=False)
    return value


NAMES = st.sampled_from(["a", "b", "name", "product_id", "text", "κ", "x-y", ""])
WORDS = st.sampled_from(["red", "green", "blue", "", "Light Blue"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
FORMATS = ["date-time", "date", "time", "email", "ipv4", "ipv6", "uuid", "regex", "hostname", "duration", "uri"]
PATTERNS = [
    r"^[A-Z]{2}-\d{4}$",
    r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
    r"^\S+@\S+\.com$",
    r"^(red|green|blue)$",
    r"^[^abc]{3,5}$",
    r"^#(?:[0-9a-fA-F]{3}){1,2}$",
    r"^(\w)\1$",
    r"\bword\b",
    r"^.+?\s\W\D\d$",
    r"^[^\w\s]$",
    r"^[^\d][^\W][^\S]$",
    r"^[\w.-]+$",
]


@st.composite
def sizes(draw, low, high, most=6):
    """None, one or both of two bounds that leave room."""
    least = draw(st.integers(0, most))
    bounds = {low: least, high: draw(st.integers(least, most + 4))}
    return {key: bounds[key] for key in draw(st.sets(st.sampled_from([low, high])))}


@st.composite
def number_schemas(draw):
    kind = draw(st.sampled_from(["integer", "number"]))
    low = draw(st.integers(-10_000, 10_000) if kind == "integer" else st.floats(-1e6, 1e6, allow_subnormal=False))
    high = low + draw(st.integers(3, 1000))
    bounds = {
        draw(st.sampled_from(["minimum", "exclusiveMinimum"])): low,
        draw(st.sampled_from(["maximum", "exclusiveMaximum"])): high,
    }
    schema = {"type": kind} | {key: bounds[key] for key in draw(st.sets(st.sampled_from(sorted(bounds))))}
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 0.5] if kind == "number" else [1]))
    return schema


LEAVES = (
    st.sampled_from([{}, True, {"type": "boolean"}, {"type": "null"}])
    | sizes("minLength", "maxLength", 40).map(lambda bounds: {"type": "string", **bounds})
    | st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name})
    | st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern})
    | number_schemas()
    | st.lists(JSON, min_size=1, max_size=4).map(lambda labels: {"enum": labels})
    | JSON.map(lambda value: {"const": value})
    | st.just({"type": ["string", "integer", "null"]})
    | st.just({"$ref": "#/$defs/Node"})
)


@st.composite
def object_schemas(draw, inner):
    properties = draw(st.dictionaries(NAMES, inner, max_size=4))
    required = draw(st.sets(st.sampled_from(sorted(properties)))) if properties else ()
    schema = {"type": "object", "properties": properties, "required": sorted(required)}
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.just(False) | inner)
    return schema


@st.composite
def map_schemas(draw, inner):
    schema = {"type": "object", "additionalProperties": draw(inner), **draw(sizes("minProperties", "maxProperties", 3))}
    if draw(st.booleans()):
        schema["propertyNames"] = {"pattern": "^[a-z0-9_]+$"}
    return schema


@st.composite
def array_schemas(draw, inner):
    return {"type": "array", "items": draw(inner), **draw(sizes("minItems", "maxItems", 4))}


def branches(inner):
    return (
        object_schemas(inner)
        | map_schemas(inner)
        | array_schemas(inner)
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: {"type": "array", "prefixItems": parts, "minItems": len(parts), "items": False}
        )
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
        | inner.map(lambda part: {"anyOf": [part, {"type": "null"}]})
        | inner.map(lambda part: {"allOf": [part, {"description": "the same again"}]})
        | inner.map(lambda part: {"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "value": part},
                                             "required": ["kind", "value"]},
                                            {"type": "object", "properties": {"kind": {"const": "b"}},
                                             "required": ["kind"]}]})
    )  # fmt: skip


NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
    },
    "required": ["value", "children", "next"],
    "additionalProperties": False,
}
SCHEMAS = st.recursive(LEAVES, branches, max_leaves=8).map(
    lambda schema: {"$defs": {"Node": NODE}, **schema} if isinstance(schema, dict) else {"$defs": {"Node": NODE}}
)


@given(SCHEMAS, st.lists(JSON, max_size=2), st.integers())
def test_any_schema_gets_a_value_that_fits(schema, documents, seed):
    """Whatever the schema, the documents and the seed, jsonschema accepts the value."""
    check(schema, *documents, said="red words", prose="prose", reason=seed)


@given(SCHEMAS, JSON)
def test_what_fits_is_what_jsonschema_accepts(schema, value):
    """The small validator judges as the real one does, formats aside."""
    assume('"format"' not in json.dumps(schema))
    assert fits(value, schema, schema) == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3},
        {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "uniqueItems": True, "minItems": 5},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 9},
        {"type": "array", "items": {"type": ["string", "integer"]}, "contains": {"type": "integer"}, "minContains": 2},
        {"type": "string", "not": {"const": "Simulated"}, "enum": ["Simulated", "other"]},
        {"type": "integer", "not": {"minimum": 0}},
        {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False}
        | {"minProperties": 2},
        {"type": "object", "properties": {"a": {"type": "string"}}, "dependentRequired": {"a": ["b", "c"]}},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "maxProperties": 1},
        {"type": "object", "properties": {"a": False, "b": {"type": "string"}}},
        {"type": "object", "properties": {"x-a": {"minimum": 3}}, "patternProperties": {"^x-": {"type": "integer"}}}
        | {"required": ["x-a"]},
        {"type": "object", "required": ["loose"]},
        {"if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}, "then": {"required": ["more"]}}
        | {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"]},
        {"allOf": [{"$ref": "#/$defs/A"}, {"required": ["b"], "properties": {"b": {"type": "integer"}}}]}
        | {"$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}},
        {"allOf": [{"type": ["integer", "string"]}, {"type": "number"}, {"minimum": 3}, {"maximum": 3}]},
        {"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 4]}]},
        {"$ref": "#/$defs/a~1b/anyOf/0", "$defs": {"a/b": {"anyOf": [{"type": "integer"}]}}, "minimum": 7},
        {"type": "integer", "exclusiveMinimum": 6, "exclusiveMaximum": 8},
        {"type": "integer", "multipleOf": 7, "minimum": 15},
        {"type": "integer", "multipleOf": 1000},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e-9},
        {"type": "number", "maximum": -5},
        {"type": "number", "minimum": -1e308, "maximum": 1e308},
        {"type": "string", "pattern": "^[a-z]{3,}$", "minLength": 40},
        {"type": "string", "pattern": "(", "minLength": 1},
        {"minItems": 2},
        {"minLength": 30},
        {"minimum": 30},
        {"default": 3, "enum": []},
        {"type": "array", "minItems": 1, "items": {"$ref": "#"}, "maxItems": 0} | {"minItems": 0},
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "minItems": 1}, {"type": "integer"}]},
        {"type": ["array", "null"], "items": {"$ref": "#"}, "minItems": 1},
    ],
)  # fmt: skip
def test_less_common_keywords(schema):
    """Keywords that few schemas use are obeyed as well."""
    if "enum" in schema and not schema["enum"]:
        assert fill(schema) == 3
    elif schema.get("pattern") == "(":
        assert fill(schema) == "Simulated"
    else:
        check(schema)


def test_the_older_way_to_write_tuples():
    """`items` as a list is read as `prefixItems`."""
    schema = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "minItems": 3}
    schema["additionalItems"] = {"type": "boolean"}
    assert list(Draft7Validator(schema).iter_errors(fill(schema))) == []


class Leaf(BaseModel):
    """A part with bounds."""

    kind: str = Field(pattern="^leaf$")
    price: float = Field(gt=0, le=10)


class Tree(BaseModel):
    """A part of parts."""

    leaf: Leaf
    point: tuple[int, str]
    branches: list["Tree"] = Field(max_length=3)
    names: dict[str, int]
    parent: "Tree | None" = None


def test_pydantic_models_validate_what_is_filled():
    """The schema that pydantic writes is filled with what pydantic reads."""
    schema = Tree.model_json_schema()
    assert Tree.model_validate(check(schema)).leaf.kind == "leaf"


def test_expressions_end():
    """A recursion that only an alternative ends is ended by it."""
    schema = {
        "$defs": {
            "Sum": {
                "type": "object",
                "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
                "required": ["left", "right"],
            }
        },
        "anyOf": [{"$ref": "#/$defs/Sum"}, {"type": "number"}],
    }
    assert check(schema).keys() == {"left", "right"}


def test_a_source_of_the_same_names_fills_the_fields():
    """Strings, lists and nulls of the document come back in the same shape, written."""
    schema = {
        "type": "object",
        "properties": {
            "features": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
            "details": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "other": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
            "weight": {"type": "integer"},
        },
        "required": ["features", "details", "other", "weight"],
        "additionalProperties": False,
    }
    document = {"features": ["a", "b", "c"], "details": "d", "other": None, "weight": 121, "secret": 1}
    expected = {"features": ["<a>", "<b>", "<c>"], "details": "<d>", "other": None, "weight": 121}
    assert check(schema, document) == expected
    assert check(schema, {"product": document}) == expected
    wrapped = {"type": "object", "properties": {"product": schema}, "required": ["product"]}
    assert check(wrapped, document) == {"product": expected}


def test_null_where_the_schema_has_none():
    """A null of the document that the schema forbids becomes the emptiest value."""
    schema = {"type": "object", "properties": {"a": {"type": "array"}, "b": {"type": "string"}}, "required": ["a", "b"]}
    assert check(schema, {"a": None, "b": None}) == {"a": [], "b": "Simulated b"}


@pytest.mark.parametrize(
    ("part", "source", "expected"),
    [
        ({"type": "string"}, ["a", "b"], "<a, b>"),
        ({"type": "string"}, 7, "<7>"),
        ({"type": "array", "items": {"type": "string"}}, "a", ["<a>"]),
        ({"type": "string", "maxLength": 2}, "abc", "<a"),
        ({"type": "string", "pattern": "^abc$"}, "abc", "abc"),
        ({"type": "string", "format": "uuid"}, "abc", "00000000-0000-4000-8000-000000000001"),
        ({"type": "boolean"}, True, True),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"], ["<a>"]),
        ({"type": "object"}, {"x": "y"}, {"x": "<y>"}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"x": "y"}, {"x": "<y>"}),
        ({"enum": ["a", "b"]}, "b", "b"),
        ({}, {"x": [1, None]}, {"x": [1, None]}),
    ],
)
def test_a_source_of_another_shape_is_fitted(part, source, expected):
    """A value of the document is cut, joined or wrapped where the schema wants another shape."""
    assert check({"type": "object", "properties": {"f": part}, "required": ["f"]}, {"f": source}) == {"f": expected}


def test_the_alternative_that_the_source_is_like():
    """Of several objects the one with the source's constants, or most of its names, is chosen."""
    cat = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]}
    dog = {"properties": {"kind": {"const": "dog"}, "name": {"type": "string"}}, "required": ["kind", "name"]}
    schema = {"type": "object", "properties": {"pet": {"oneOf": [cat, dog]}}, "required": ["pet"]}
    assert check(schema, {"pet": {"kind": "dog", "name": "Rex"}}) == {"pet": {"kind": "dog", "name": "<Rex>"}}
    assert check(schema, {"pet": {"kind": "cat", "lives": 9}}) == {"pet": {"kind": "cat", "lives": 9}}


def test_other_writings_of_a_name_count():
    """`translatedName` is filled from `name`."""
    schema = {"type": "object", "properties": {"translatedName": {"type": "string"}}, "required": ["translatedName"]}
    assert check(schema, {"name": "a"}) == {"translatedName": "<a>"}


def test_a_list_as_the_document():
    """A document that is a list fills the schema's list."""
    schema = {"type": "object", "properties": {"texts": {"type": "array", "items": {"type": "string"}}}}
    assert check(schema, ["a", "b", "c"]) == {"texts": ["<a>", "<b>", "<c>"]}


def test_prose_fills_the_field_made_for_text():
    """Without a document, the text as a whole goes where text is wanted."""
    schema = {"type": "object", "properties": {"translation": {"type": "string"}, "note": {"type": "string"}}}
    assert check(schema, prose="whole") == {"translation": "whole", "note": "Simulated note"}
    assert check({"type": "string"}, prose="whole") == "whole"


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("My invoice is wrong, and billing never answers", "billing"),
        ("Two TECHNICAL faults, one technical cause, a billing question", "technical"),
        ("Where can I get my lifetimeGuarantee claim? The guarantee", "lifetimeGuarantee"),
    ],
)
def test_labels_follow_the_text(said, label):
    """The label whose words occur most often is chosen."""
    assert fill({"enum": ["billing", "technical", "lifetimeGuarantee"]}, said=said) == label


def test_labels_without_a_sign_follow_the_seed():
    """Where the text names no label, text and seed choose one, always the same."""
    chosen = {fill({"enum": ["a1", "b2", "c3"]}, said=f"text {number}", reason=1) for number in range(30)}
    assert chosen == {"a1", "b2", "c3"}
    assert len({fill({"enum": ["a1", "b2", "c3"]}, said="text", reason=1) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/Missing"}, "which it does not have"),
        ({"$ref": "https://example.com/schema"}, "only references inside"),
        ({"type": "array", "minItems": 10**9}, "asks for too much"),
        ({"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]}, "no value that ends"),
        ({"type": "object", "minProperties": 10**9}, "asks for too much"),
    ],
)
def test_schemas_that_cannot_be_filled(schema, message):
    """A schema without an end, or with too much in it, is a bad request."""
    with pytest.raises(BadRequest, match=message):
        fill(schema)


def test_a_schema_without_a_value_gets_the_nearest():
    """Nothing fits a contradiction, and nothing hangs on it."""
    assert fill({"type": "integer", "minimum": 3, "maximum": 2}) in {2, 3, 4}
    assert fill(False) is not None
    with pytest.raises(jsonschema.ValidationError):
        check({"type": "string", "maxLength": 3, "minLength": 5})


def test_optional_recursion_is_left_out_in_the_end():
    """A chain that may end does, without an empty link."""
    schema = {
        "$defs": {"Link": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Link"}}}},
        "$ref": "#/$defs/Link",
    }
    assert check(schema) == {"next": {}}


def test_a_chain_of_the_source_is_followed_to_its_end():
    """Recursion goes as deep as the document does."""
    node = {"type": "object", "properties": {"text": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}}
    document = {"text": "a", "next": {"text": "b", "next": {"text": "c", "next": {"text": "d"}}}}
    value = check({"$defs": {"Node": node | {"required": ["text"]}}, "$ref": "#/$defs/Node"}, document)
    assert value["next"]["next"]["next"]["text"] == "<d>"


def test_a_list_that_cannot_be_short_takes_the_other_alternative():
    """A list that must hold what never ends is not taken."""
    schema = {
        "$defs": {
            "Many": {"type": "array", "items": {"$ref": "#/$defs/Either"}, "minItems": 2},
            "Either": {"anyOf": [{"$ref": "#/$defs/Many"}, {"type": "integer"}]},
        },
        "$ref": "#/$defs/Many",
    }
    assert [len(check(schema)), schema["$defs"]["Many"]["minItems"]] == [2, 2]


def test_an_optional_part_that_nothing_fits_is_left_out():
    """Contradictions in optional parts do no harm."""
    schema = {"type": "object", "properties": {"a": {"minimum": 3, "maximum": 2, "type": "integer"}, "b": {}}}
    assert check(schema).keys() == {"b"}


def test_allof_takes_the_narrower_of_everything():
    """Types, bounds and properties of all parts are met together."""
    parts = [
        True,
        {"type": ["object", "null"], "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"properties": {"a": {"minLength": 20}, "b": {"const": 1}}, "required": ["b"], "title": "One"},
        {"type": "object", "title": "Two", "minProperties": 2},
    ]
    assert check({"allOf": parts})["b"] == 1


def test_unique_items_of_one_kind_run_out():
    """Where no further item can differ, the nearest list is given."""
    assert len(fill({"type": "array", "items": {"type": "null"}, "uniqueItems": True, "minItems": 2})) == 2
