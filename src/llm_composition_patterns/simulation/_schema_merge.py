"""Two JSON schemas as one that asks for both, as far as one can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from typing import Any

from ._schema_fits import Schema, same

_MOST_ALTERNATIVES = 100


def merged(left: Schema, right: Schema) -> dict[str, Any]:
    """A schema whose values mostly fit both; where they cannot, `right` wins."""
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        return dict(right if isinstance(right, Mapping) else left if isinstance(left, Mapping) else {})
    both = dict(left)
    for keyword, argument in right.items():
        join = _JOINS.get(keyword, _second)
        both[keyword] = join(both[keyword], argument) if keyword in both else argument
    return both


def each_with_each(left: Iterable[Schema], right: Sequence[Schema]) -> list[dict[str, Any]]:
    """Every pair of alternatives as one, as far as there is room for them."""
    return [merged(*pair) for pair in islice(product(left, right), _MOST_ALTERNATIVES)]


def _second(_left: Any, right: Any) -> Any:
    return right


def _union(left: Any, right: Any) -> list[Any]:
    return [*left, *(item for item in right if item not in left)]


def _types(left: Any, right: Any) -> list[Any]:
    wanted = as_list(right)
    common = [name for name in as_list(left) if name in wanted]
    if "integer" in (*as_list(left), *wanted) and "integer" not in common:
        common += ["integer"] if "number" in (*as_list(left), *wanted) else []
    return common or wanted


def as_list(names: Any) -> list[Any]:
    """One name as a list of it."""
    return list(names) if isinstance(names, (list, tuple)) else [names]


def _enums(left: Any, right: Any) -> list[Any]:
    return [label for label in left if any(same(label, other) for other in right)] or list(right)


def _objects(left: Any, right: Any) -> dict[str, Any]:
    return {**left, **{name: merged(left[name], part) if name in left else part for name, part in right.items()}}


_JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "required": _union,
    "type": _types,
    "enum": _enums,
    "properties": _objects,
    "patternProperties": _objects,
    "items": merged,
    "contains": merged,
    "additionalProperties": lambda left, right: False if False in (left, right) else merged(left, right),
    "anyOf": each_with_each,
    "oneOf": each_with_each,
    "allOf": lambda left, right: [*left, *right],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
