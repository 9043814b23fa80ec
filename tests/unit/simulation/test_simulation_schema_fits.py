"""The judge of values, compared with jsonschema keyword by keyword."""

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from llm_composition_patterns.simulation._request import BadRequest
from llm_composition_patterns.simulation._schema_fits import fits, same

VALUES = [
    None, True, False, 0, 1, 1.0, 1.5, 7, 10**400, -3, "", "a", "abc", "x-y", [], [1], [1, 1.0], [True, 1],
    ["a", 2, None],    [[1], [1]],
    [{"a": 1}, {"a": 1.0}], {}, {"a": 1}, {"a": 1, "b": 2}, {"x-a": "b"}, {"a": {"a": {}}}, {"kind": "a"},
]  # fmt: skip
SCHEMAS = [
    {"type": "integer"}, {"type": "number"}, {"type": ["string", "null"]}, {"const": 1}, {"const": {"a": 1}},
    {"enum": [1, "a", [1], None]}, {"minimum": 1, "maximum": 7}, {"exclusiveMinimum": 1, "exclusiveMaximum": 7},
    {"multipleOf": 7}, {"multipleOf": 0.5}, {"minLength": 1, "maxLength": 2}, {"pattern": "^a"},
    {"items": {"type": "integer"}}, {"prefixItems": [{"const": 1}], "items": False}, {"prefixItems": [{"const": "a"}]},
    {"minItems": 1, "maxItems": 1}, {"uniqueItems": True}, {"uniqueItems": False}, {"contains": {"const": 1}},
    {"contains": {"const": 1}, "minContains": 0, "maxContains": 1}, {"required": ["a"]},
    {"properties": {"a": {"const": 1}}}, {"properties": {"a": {}}, "additionalProperties": False},
    {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"const": 1}},
    {"propertyNames": {"maxLength": 1}}, {"minProperties": 1, "maxProperties": 1}, {"dependentRequired": {"a": ["b"]}},
    {"anyOf": [{"type": "string"}, {"minimum": 2}]}, {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
    {"allOf": [{"minimum": 1}, {"maximum": 1}]}, {"not": {"type": "object"}},
    {"if": {"required": ["kind"]}, "then": {"maxProperties": 0}, "else": {"type": ["object", "integer"]}},
    {"$defs": {"N": {"properties": {"a": {"$ref": "#/$defs/N"}}, "type": "object"}}, "$ref": "#/$defs/N"},
    {}, True, False,
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_every_keyword_judges_as_jsonschema_does(schema):
    """Each value is accepted exactly where jsonschema accepts it."""
    validator = Draft202012Validator(schema)
    huge = 10**400
    judged = [value for value in VALUES if not (value == huge and "multipleOf" in str(schema))]
    assert [fits(value, schema, schema) for value in judged] == [validator.is_valid(value) for value in judged]


@pytest.mark.parametrize("value", [[], ["a"], ["a", 1], ["a", 1, True], ["a", 1, 2], "x"])
def test_tuples_of_older_schemas(value):
    """`items` as a list, with `additionalItems`, is judged as draft 7 does."""
    schema = {"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": {"type": "boolean"}}
    assert fits(value, schema, schema) == Draft7Validator(schema).is_valid(value)


def test_what_cannot_be_read_judges_nothing():
    """Patterns of another language, unknown keywords and formats, and a step of 0 refuse nothing."""
    assert fits("a", {"pattern": r"\p{L}", "format": "x", "unknown": 5, "multipleOf": 0}, {})
    assert fits(5, {"multipleOf": 0}, {})


def test_formats_are_judged():
    """A known format is told from its look."""
    assert fits("2024-01-01", {"format": "date"}, {})
    assert not fits("soon", {"format": "date"}, {})
    assert fits(5, {"format": "date"}, {})


def test_booleans_are_no_numbers():
    """True is not 1, at any depth."""
    assert same({"a": [1]}, {"a": [1.0]})
    assert not same({"a": [1]}, {"a": [True]})


@pytest.mark.parametrize("reference", ["#/$defs/B", "#/list/7", "#/list/x", "other.json"])
def test_a_reference_to_nothing_is_a_bad_request(reference):
    """A reference that cannot be followed is the schema's fault."""
    root = {"$defs": {"A": {}}, "list": [{}]}
    assert fits(1, {"$ref": "#/list/0"}, root)
    with pytest.raises(BadRequest, match="refers to"):
        fits(1, {"$ref": reference}, root)
