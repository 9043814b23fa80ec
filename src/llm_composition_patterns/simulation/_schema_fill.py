"""A value that fits a JSON schema, taken from a source document where the two have names in common.

For each part of the schema there are candidates, the most natural one first: a value of the source, the label that
the text names, a value drawn from the seed. The first one that fits (`_schema_fits`) is taken. Alternatives are tried
in the same way, so what the schema forbids in a roundabout way is found by trying. Recursion through references ends
as soon as the schema lets it, and all the work for one answer is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ._chance import draw
from ._patterns import matching
from ._request import BadRequest
from ._schema_fits import JSON_TYPES, Schema, fits, is_named, is_type, resolved, same, searches
from ._schema_merge import as_list, each_with_each, merged
from ._schema_source import MISSING, Source, value_of
from ._schema_values import by_preference, numbers, strings

Write = Callable[[str, str], str]
"""Writes a string of the source, known by its field's name, into the answer: translates it, if that is asked for."""

_MOST_PARTS = 20_000
_MOST_RECURSION = 2
_USUAL_ITEMS = 2
_PROSE = ("translat", "text", "content", "result", "output", "answer", "value", "message", "response")
_COMBINING = ("allOf", "anyOf", "oneOf", "if", "then", "else")
_INFERRED = (
    ("object", ("properties", "required", "additionalProperties", "patternProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "contains", "uniqueItems")),
    ("string", ("minLength", "maxLength", "pattern", "format")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


class _TooDeepError(Exception):
    """A recursive part has gone deep enough: something else must be chosen."""


class Filler:
    """Fills one schema.

    Args:
        root: The schema.
        documents: The JSON documents of the request.
        prose: The text for a field that is there for text as a whole.
        said: The text by which labels are chosen.
        write: Writes strings of the documents.
        reason: What is drawn for.
    """

    def __init__(
        self, root: Schema, documents: list[Any], *, prose: str, said: str, write: Write, reason: object
    ) -> None:
        self._root = root
        self._source = Source(documents)
        self._prose = prose
        self._said = said
        self._write = write
        self._reason = reason
        self._parts = 0
        self._open: dict[str, int] = {}
        self._kinds = {
            "string": self._string,
            "integer": self._number,
            "number": self._number,
            "boolean": self._boolean,
            "array": self._array,
            "object": self._object,
            "null": lambda *_: iter((None,)),
        }

    def filled(self) -> Any:
        """A value that fits the schema, or the nearest to it.

        Raises:
            BadRequest: The schema is none, or asks for too much.
        """
        try:
            return self._part(self._root, MISSING, "", 0)
        except _TooDeepError as error:
            raise BadRequest("the schema has no value that ends", parameter="response_format") from error

    def _part(self, schema: Schema, hint: Any, name: str, salt: int) -> Any:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise BadRequest("the schema asks for too much", parameter="response_format")
        nearest = MISSING
        for candidate in self._candidates(schema if isinstance(schema, Mapping) else {}, hint, name, salt):
            if fits(candidate, schema, self._root):
                return candidate
            nearest = candidate if nearest is MISSING else nearest
        return None if nearest is MISSING else nearest

    def _candidates(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[Any]:
        if "$ref" in schema:
            yield from self._referred(schema, hint, name, salt)
        elif "const" in schema:
            yield schema["const"]
        elif "enum" in schema:
            yield from self._labels(schema["enum"], hint, name, salt)
        elif any(keyword in schema for keyword in _COMBINING):
            yield from self._combined(schema, hint, name, salt)
        else:
            kinds = self._types(schema, hint)
            yield from _each(self._kinds[kind](schema, hint, name, salt) for kind in kinds if kind in self._kinds)
        yield from (schema[keyword] for keyword in ("default",) if keyword in schema)

    def _referred(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[Any]:
        reference = str(schema["$ref"])
        target = resolved(reference, self._root)
        beside = {keyword: argument for keyword, argument in schema.items() if keyword != "$ref"}
        with self._opened(reference, hint):
            candidate = self._part(merged(beside, target) if beside else target, hint, name, salt)
        yield candidate

    @contextmanager
    def _opened(self, reference: str, hint: Any) -> Iterator[None]:
        depth = self._open.get(reference, 0)
        if depth >= _MOST_RECURSION and not isinstance(hint, (Mapping, list)):
            raise _TooDeepError
        self._open[reference] = depth + 1
        try:
            yield
        finally:
            self._open[reference] = depth

    @property
    def _is_ending(self) -> bool:
        return any(depth > 1 for depth in self._open.values())

    def _labels(self, labels: Iterable[Any], hint: Any, name: str, salt: int) -> Iterator[Any]:
        known = list(labels)
        if hint is not MISSING:
            yield from (label for label in known if same(label, hint))
        ordered = by_preference(known, self._said, (self._reason, name))
        start = salt % len(ordered) if ordered else 0
        yield from (*ordered[start:], *ordered[:start])

    def _combined(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[Any]:
        ways = [self._joined(schema)]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                ways = each_with_each(ways, schema[keyword])
        if "if" in schema:
            met, unmet = merged(schema["if"], schema.get("then", {})), schema.get("else", {})
            ways = each_with_each(ways, (met, unmet))
        ways.sort(key=lambda way: self._distance(way, hint))
        yield from _each(self._candidates(way, hint, name, salt) for way in ways)

    def _joined(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with all of its `allOf`, without its alternatives."""
        joined: dict[str, Any] = {key: argument for key, argument in schema.items() if key not in _COMBINING}
        for branch in schema.get("allOf", ()):
            joined = merged(joined, self._flat(branch))
        return joined

    def _flat(self, schema: Schema) -> Schema:
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        beside = {keyword: argument for keyword, argument in schema.items() if keyword != "$ref"}
        return self._flat(merged(beside, resolved(schema["$ref"], self._root)))

    def _distance(self, way: Schema, hint: Any) -> tuple[bool, int]:
        """How far a hint is from an alternative; the alternatives are tried from near to far."""
        flat = self._flat(way)
        names = self._types(flat, hint)
        if hint is MISSING:
            return (("null" in names) is not self._is_ending, 0)
        parts = flat.get("properties", {})
        alike = sum(_agrees(value_of(hint, name), part) for name, part in parts.items()) if parts else 0
        return (not any(is_type(hint, name) for name in names), -alike)

    def _types(self, schema: Mapping[str, Any], hint: Any) -> list[Any]:
        """The JSON types to try, the likeliest first."""
        if "type" in schema:
            names = as_list(schema["type"])
        else:
            names = [kind for kind, keywords in _INFERRED if any(keyword in schema for keyword in keywords)]
            names += [kind for kind in JSON_TYPES if kind not in names] if hint is not MISSING else []
        last = "" if self._is_ending else "null"
        likeliest = sorted(names or ["string"], key=lambda kind: kind == last)
        if hint is MISSING:
            return sorted(likeliest, key=lambda kind: kind != "null") if self._is_ending else likeliest
        return sorted(likeliest, key=lambda kind: not is_type(hint, kind))

    def _string(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[str]:
        return strings(schema, self._wanted(hint, name, salt), salt=salt)

    def _wanted(self, hint: Any, name: str, salt: int) -> Iterator[str]:
        if isinstance(hint, (list, tuple)):
            hint = ", ".join([str(item) for item in hint])
        if hint is not MISSING and hint is not None:
            yield self._write(name, str(hint))
            yield str(hint)
        elif self._prose and not salt and (not name or any(word in name.lower() for word in _PROSE)):
            yield self._prose
        words = " ".join(["Simulated", *name.replace("_", " ").split(), *([str(salt)] if salt else [])])
        yield words

    def _number(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[float]:
        if is_type(hint, "number"):
            yield hint
        whole = "integer" in as_list(schema.get("type")) and "number" not in as_list(schema.get("type"))
        yield from numbers(schema, (self._reason, name, salt), whole=whole)

    def _boolean(self, _schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[bool]:
        first = hint if isinstance(hint, bool) else draw(self._reason, name, salt) < 0.5  # noqa: PLR2004 - even odds
        yield from (first, not first)

    def _array(self, schema: Mapping[str, Any], hint: Any, name: str, salt: int) -> Iterator[list[Any]]:
        if hint is MISSING and not self._is_ending:
            hint = self._source.list_for()
        items = schema.get("items", {})
        prefix = list(items if isinstance(items, (list, tuple)) else schema.get("prefixItems", ()))
        rest = schema.get("additionalItems", {}) if isinstance(items, (list, tuple)) else items
        least = min(max(schema.get("minItems", 0), _contained(schema)), _MOST_PARTS)
        most = min(schema.get("maxItems", _MOST_PARTS), len(prefix) if rest is False else _MOST_PARTS)
        for length in (self._length(hint, len(prefix), least, most), least):
            yield self._listed(schema, [*prefix, *[rest] * max(0, length - len(prefix))][:length], hint, name, salt)

    def _length(self, hint: Any, prefix: int, least: int, most: int) -> int:
        if isinstance(hint, (list, tuple)):
            wanted = len(hint)
        elif hint is None:
            wanted = 0
        elif hint is MISSING:
            wanted = prefix or (0 if self._is_ending else _USUAL_ITEMS)
        else:
            wanted = 1
        return max(least, min(wanted, most))

    def _listed(self, schema: Mapping[str, Any], parts: list[Schema], hint: Any, name: str, salt: int) -> list[Any]:
        hints = list(hint) if isinstance(hint, (list, tuple)) else [hint] if hint is not None else []
        value: list[Any] = []
        for index, part in enumerate(parts):
            wanted = merged(part, schema["contains"]) if index < _contained(schema) else part
            item_hint = hints[index] if index < len(hints) else MISSING
            try:
                self._append(value, schema, wanted, item_hint, name, salt * 31 + index)
            except _TooDeepError:
                if len(value) < schema.get("minItems", 0) or index < _contained(schema):
                    raise
                break
        return value

    def _append(
        self, value: list[Any], schema: Mapping[str, Any], part: Schema, hint: Any, name: str, salt: int
    ) -> None:
        item = self._part(part, hint, name, salt)
        if schema.get("uniqueItems"):
            for other in range(1, len(value) + 20):
                if not any(same(item, before) for before in value):
                    break
                item = self._part(part, MISSING, name, salt + other)
        value.append(item)

    def _object(self, schema: Mapping[str, Any], hint: Any, name: str, _salt: int) -> Iterator[dict[str, Any]]:
        source = hint
        if hint is MISSING and not self._is_ending:
            source = self._source.object_for(schema.get("properties", {}))
        for required_only in (False, True):
            value = self._filled_properties(schema, source, required_only=required_only)
            self._add_others(value, schema, source, name, required_only=required_only)
            yield value

    def _filled_properties(self, schema: Mapping[str, Any], source: Any, *, required_only: bool) -> dict[str, Any]:
        value: dict[str, Any] = {}
        required = _required(schema)
        room = schema.get("maxProperties", _MOST_PARTS) - len(required)
        for name in dict.fromkeys([*schema.get("properties", {}), *required]):
            hint = value_of(source, name)
            part = _part_of(schema, name)
            if name in required:
                value[name] = self._part(part, hint, name, 0)
            elif room > 0 and not required_only and hint is not None and (hint is not MISSING or not self._is_ending):
                room -= self._add_if_it_fits(value, name, part, hint)
        for name in list(value):
            for other in schema.get("dependentRequired", {}).get(name, ()):
                if other not in value:
                    value[other] = self._part(_part_of(schema, other), value_of(source, other), other, 0)
        return value

    def _add_if_it_fits(self, value: dict[str, Any], name: str, part: Schema, hint: Any) -> bool:
        try:
            item = self._part(part, hint, name, 0)
        except _TooDeepError:
            return False
        if not fits(item, part, self._root):
            return False
        value[name] = item
        return True

    def _add_others(
        self, value: dict[str, Any], schema: Mapping[str, Any], source: Any, name: str, *, required_only: bool
    ) -> None:
        """Properties that the schema leaves open: those of the source, and as many as it asks for."""
        additional = schema.get("additionalProperties", True)
        is_open = isinstance(additional, Mapping) or ("properties" not in schema and additional is not False)
        if is_open and isinstance(source, Mapping):
            for key, hint in source.items():
                if key not in value and not is_named(key, schema):
                    value[key] = self._part(additional, hint, key, 0)
        least = schema.get("minProperties", 0)
        if isinstance(additional, Mapping) and not (value or required_only or self._is_ending):
            least = max(least, 1)
        for salt in range(least * 4 if len(value) < least else 0):
            if len(value) >= least:
                break
            key = self._name(schema, name, salt)
            value.setdefault(key, self._part(_part_of(schema, key), MISSING, key, salt))

    def _name(self, schema: Mapping[str, Any], name: str, salt: int) -> str:
        """A name for a property that the schema leaves open."""
        if "propertyNames" in schema:
            return str(self._part(merged({"type": "string"}, schema["propertyNames"]), MISSING, name, salt + 1))
        if schema.get("additionalProperties") is False and schema.get("patternProperties"):
            pattern = list(schema["patternProperties"])[salt % len(schema["patternProperties"])]
            texts = [made for text in matching(pattern, salt=salt) for made in (f"{text}{salt or ''}", text)]
            return next((text for text in texts if searches(pattern, text)), "")
        return f"key_{salt + 1}"


def _each(ways: Iterable[Iterator[Any]]) -> Iterator[Any]:
    """The candidates of every way that ends; if none does, that is the answer."""
    deepest = None
    for way in ways:
        try:
            yield from way
        except _TooDeepError as error:
            deepest = error
    if deepest is not None:
        raise deepest


def _agrees(hint: Any, part: Schema) -> int:
    """How much a value of the source speaks for the alternative that has `part` for it."""
    if hint is MISSING:
        return 0
    constants = [part["const"]] if isinstance(part, Mapping) and "const" in part else ()
    return 100 if any(same(hint, constant) for constant in constants) else 1


def _required(schema: Mapping[str, Any]) -> list[str]:
    return list(schema.get("required", ()))


def _contained(schema: Mapping[str, Any]) -> int:
    return int(schema.get("minContains", 1)) if "contains" in schema else 0


def _part_of(schema: Mapping[str, Any], name: str) -> Schema:
    """The schema of one property: by its name, by the patterns that it matches, else the one for all others."""
    parts = [schema["properties"][name]] if name in schema.get("properties", {}) else []
    parts += [part for pattern, part in schema.get("patternProperties", {}).items() if searches(pattern, name)]
    if not parts:
        return schema.get("additionalProperties", True)
    if len(parts) == 1:
        return parts[0]
    joined: Schema = {}
    for part in parts:
        joined = False if part is False or joined is False else merged(joined, part)
    return joined
