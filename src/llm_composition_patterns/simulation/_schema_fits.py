"""Whether a JSON value fits a JSON schema: one function for each keyword, a table of them, and references.

Written for the values that `_schema_fill` makes; unknown keywords judge nothing, and a format is stricter than
its definition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ._formats import is_of_format
from ._request import BadRequest

Schema = Any
"""A mapping, or true or false."""

JSON_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


def resolved(reference: Any, root: Schema) -> Schema:
    """The part of `root` that `reference` (`#/$defs/Product`) points to.

    Raises:
        BadRequest: It points to nothing.
    """
    target = root
    parts = str(reference).split("/")
    if parts[0] != "#":
        raise BadRequest(f"the schema refers to {reference!r}: only references inside the schema (#/...) work")
    for part in parts[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping) and key in target:
            target = target[key]
        elif isinstance(target, (list, tuple)) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
        else:
            raise BadRequest(f"the schema refers to {reference!r}, which it does not have")
    return target


def fits(value: Any, schema: Schema, root: Schema) -> bool:
    """Whether `value` fits `schema`, a part of `root`."""
    if not isinstance(schema, Mapping):
        return schema is not False
    for keyword in schema:
        check = _CHECKS.get(keyword)
        if check is not None and not check(value, schema[keyword], schema, root):
            return False
    return True


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


_NAMES: dict[type, frozenset[str]] = {
    str: frozenset({"string"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
    type(None): frozenset({"null"}),
}


def is_type(value: Any, name: Any) -> bool:
    """Whether `value` is of the JSON type `name`."""
    if isinstance(value, float) and value.is_integer():
        return name in _NAMES[int]
    return name in _NAMES.get(type(value), ())


def searches(pattern: Any, text: str) -> bool:
    """Whether `pattern` is found in `text`; one that cannot be read is found everywhere."""
    try:
        return re.search(pattern, text) is not None
    except (re.error, TypeError):
        return True


def _type(value: Any, names: Any, _schema: Schema, _root: Schema) -> bool:
    if isinstance(names, str):
        return is_type(value, names)
    return any(is_type(value, name) for name in names)


def _multiple_of(value: Any, step: Any, _schema: Schema, _root: Schema) -> bool:
    if not is_type(value, "number") or not step:
        return True
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    quotient = value / step
    return math.isfinite(quotient) and quotient == int(quotient)


def _items(value: Any, items: Any, schema: Schema, root: Schema) -> bool:
    if not isinstance(value, list):
        return True
    if isinstance(items, (list, tuple)):  # the older way to write prefixItems
        rest = schema.get("additionalItems", True)
        return _prefix_items(value, items, schema, root) and all(fits(item, rest, root) for item in value[len(items) :])
    return all(fits(item, items, root) for item in value[len(schema.get("prefixItems", ())) :])


def _prefix_items(value: Any, items: Any, _schema: Schema, root: Schema) -> bool:
    return not isinstance(value, list) or all(fits(item, part, root) for item, part in zip(value, items, strict=False))


def _unique(value: Any, wanted: Any, _schema: Schema, _root: Schema) -> bool:
    if not isinstance(value, list) or not wanted:
        return True
    return not any(same(item, other) for index, item in enumerate(value) for other in value[:index])


def _contains(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:
    if not isinstance(value, list):
        return True
    count = sum(fits(item, wanted, root) for item in value)
    return bool(schema.get("minContains", 1) <= count <= schema.get("maxContains", math.inf))


def _properties(value: Any, properties: Any, _schema: Schema, root: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(fits(value[name], part, root) for name, part in properties.items() if name in value)


def _pattern_properties(value: Any, patterns: Any, _schema: Schema, root: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    pairs = ((part, value[name]) for pattern, part in patterns.items() for name in value if searches(pattern, name))
    return all(fits(item, part, root) for part, item in pairs)


def _additional_properties(value: Any, wanted: Any, schema: Schema, root: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(fits(item, wanted, root) for name, item in value.items() if not is_named(name, schema))


def is_named(name: str, schema: Mapping[str, Any]) -> bool:
    """Whether an object's property `name` has a schema of its own."""
    return name in schema.get("properties", ()) or any(
        searches(pattern, name) for pattern in schema.get("patternProperties", ())
    )


def _dependent_required(value: Any, needs: Any, _schema: Schema, _root: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(other in value for name, others in needs.items() if name in value for other in others)


def _if(value: Any, condition: Any, schema: Schema, root: Schema) -> bool:
    return fits(value, schema.get("then" if fits(value, condition, root) else "else", True), root)


def _of(kind: str, check: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Schema, Schema], bool]:
    """A check that judges values of one JSON type only."""
    return lambda value, argument, _schema, _root: not is_type(value, kind) or bool(check(value, argument))


_CHECKS: dict[str, Callable[[Any, Any, Schema, Schema], bool]] = {
    "$ref": lambda value, reference, _schema, root: fits(value, resolved(reference, root), root),
    "type": _type,
    "enum": lambda value, labels, _schema, _root: any(same(value, label) for label in labels),
    "const": lambda value, constant, _schema, _root: same(value, constant),
    "allOf": lambda value, parts, _schema, root: all(fits(value, part, root) for part in parts),
    "anyOf": lambda value, parts, _schema, root: any(fits(value, part, root) for part in parts),
    "oneOf": lambda value, parts, _schema, root: sum(fits(value, part, root) for part in parts) == 1,
    "not": lambda value, part, _schema, root: not fits(value, part, root),
    "if": _if,
    "minLength": _of("string", lambda value, least: len(value) >= least),
    "maxLength": _of("string", lambda value, most: len(value) <= most),
    "pattern": _of("string", lambda value, pattern: searches(pattern, value)),
    "format": _of("string", is_of_format),
    "minimum": _of("number", lambda value, least: value >= least),
    "maximum": _of("number", lambda value, most: value <= most),
    "exclusiveMinimum": _of("number", lambda value, least: value > least),
    "exclusiveMaximum": _of("number", lambda value, most: value < most),
    "multipleOf": _multiple_of,
    "items": _items,
    "prefixItems": _prefix_items,
    "minItems": _of("array", lambda value, least: len(value) >= least),
    "maxItems": _of("array", lambda value, most: len(value) <= most),
    "uniqueItems": _unique,
    "contains": _contains,
    "required": _of("object", lambda value, names: all(name in value for name in names)),
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": lambda value, part, _schema, root: (
        not isinstance(value, dict) or all(fits(name, part, root) for name in value)
    ),
    "minProperties": _of("object", lambda value, least: len(value) >= least),
    "maxProperties": _of("object", lambda value, most: len(value) <= most),
    "dependentRequired": _dependent_required,
}
