"""The canonical form of values."""

import copy
import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, RootModel

from llm_composition_patterns.steps._canonical import digest


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Product:
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass
class Company:
    name: str
    tags: list[str] = field(default_factory=list)


class Details(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Names(RootModel[list[str]]):
    pass


class Text(str):
    __slots__ = ()


DIFFERENT: list[Any] = [
    None, True, False, 0, 1, 1.0, 0.0, -0.0, math.inf, math.nan, "", "1", "null", "a", b"", b"a", [], (), {}, set(),
    frozenset(), [1], (1,), {1}, frozenset({1}), [[1]], [1, 2], [2, 1], {1: 2}, {"1": 2}, {1: "2"}, {(1, 2): 3},
    ["list", []], ["list"], Decimal(1), Decimal("1.5"), Color.RED, Color.BLUE, Size.RED, Point(1, 2), (1, 2),
    Product("a"), Company("a"), Product("b"), Product("a", ["b"]), Details(name="a"), Details(name="b"),
    Details(name="a", more=1), Names(["a"]), Path("a"), PureWindowsPath("a\\b"), date(2025, 1, 1), datetime(2025, 1, 1),  # noqa: DTZ001
    datetime(2025, 1, 1, tzinfo=UTC), time(1), timedelta(1), timedelta(2), "2025-01-01",
    UUID(int=1), UUID(int=2), "\ud800", "é", "e\u0301", 10**30,
    Product, Company, Details, Color, Point, int, "builtins.int",
]  # fmt: skip


def test_different_values_have_different_digests():
    """No two of them are taken for the same."""
    assert len({digest(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_equal_values_have_equal_digests():
    """Copies, and collections that were built in another order."""
    for value in DIFFERENT:
        assert digest(copy.deepcopy(value)) == digest(value)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"b", "a", "c"}) == digest({"c", "b", "a"})
    assert digest(Details(name="a", x=1, y=2)) == digest(Details(name="a", y=2, x=1))


def test_a_digest_is_the_same_in_every_process():
    """It does not depend on hashes that change from run to run."""
    text = b'[["set",["a","b"]],["dict",[["tuple",["c",["tuple",[1,2.5]]]]]]]'
    assert digest({"a", "b"}, {"c": (1, 2.5)}) == hashlib.sha256(text).hexdigest()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_digests_are_equal_where_values_are(one, other):
    """The same type and content, all the way down: then, and only then."""
    assert (digest(one) == digest(other)) == (repr_of(one) == repr_of(other))


def repr_of(value):
    """A repr in which dicts are in order."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{key!r}: {repr_of(inner)}" for key, inner in value.items())) + "}"
    if isinstance(value, list | tuple):
        return type(value).__name__ + repr([repr_of(inner) for inner in value])
    return repr(value)


@pytest.mark.parametrize("value", [object(), lambda: 0, Text("a"), iter([]), {"a": [object()]}, Product(object()), 1j])
def test_what_has_no_canonical_form_is_refused(value):
    """Nothing is left out of a key in silence."""
    with pytest.raises(TypeError, match="has no canonical form"):
        digest(value)


def test_a_value_that_contains_itself_is_refused():
    """It has no end."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TypeError, match="contains itself"):
        digest(endless)
