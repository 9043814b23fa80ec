"""How values look on a span."""

import dataclasses
import io
import json
from collections import deque
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict

from llm_composition_patterns.tracing._shown import as_json


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    value: Any = None


@dataclasses.dataclass(slots=True)
class Data:
    value: Any


class Pair(NamedTuple):
    first: Any
    second: Any


def nested(iterator):
    """An iterator in every kind of thing that JSON looks into."""
    yield iterator
    yield [1, iterator]
    yield (1, iterator)
    yield {iterator}
    yield frozenset({iterator})
    yield deque([iterator])
    yield Pair(1, iterator)
    yield {"value": iterator}
    yield {"value": {"deeper": [iterator]}}
    yield {iterator: 1}
    yield Model(value=iterator)
    yield Model(other=[iterator])
    yield [Model(value=Model(value=iterator))]
    yield Data(iterator)
    yield Data([Data(iterator)])


@pytest.mark.parametrize("place", range(15))
@pytest.mark.parametrize("made", [iter, lambda of: (one for one in of), zip])
def test_an_iterator_is_not_used_up_by_being_shown(made, place):
    """Wherever it lies; it is shown as its repr."""
    iterator, same = made([1, 2]), made([1, 2])
    shown = as_json(list(nested(iterator))[place])
    assert json.dumps(repr(iterator))[1:-1] in shown
    assert list(iterator) == list(same)


def test_a_file_is_not_read_by_being_shown():
    """It is an iterator of its lines."""
    file = io.StringIO("a\nb\n")
    assert "StringIO" in as_json({"file": file})
    assert file.read() == "a\nb\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, (2, None)]}, '{"a":[1,[2,null]]}'),
        (Model(value={"b": 1.5}, other="x"), '{"value":{"b":1.5},"other":"x"}'),
        (Data([True]), '{"value":[true]}'),
        ([], "[]"),
        ({}, "{}"),
        (range(2), '"range(0, 2)"'),
        (Model, repr(Model).join('""')),
    ],
)
def test_what_json_has_a_form_for_has_it(value, shown):
    """The rest is shown as its repr."""
    assert as_json(value) == shown


def test_what_holds_an_iterator_keeps_its_other_parts():
    """Only the iterator is replaced."""
    iterator = iter([1])
    shown = json.loads(as_json(Model(value=[1, {"a": iterator}], other="x")))
    assert shown == {"value": [1, {"a": repr(iterator)}], "other": "x"}


def test_a_circle_is_shown_as_far_as_it_makes_sense():
    """JSON has no form for it."""
    circle: list[Any] = [1]
    circle += [circle, circle]
    assert "..." in as_json(circle)


def test_a_class_that_raises_when_looked_at_is_named():
    """It is somebody else's, and must not fail for being traced."""

    class Unshowable(dict):
        def values(self):
            raise KeyError

        def __repr__(self):
            raise KeyError

    assert json.loads(as_json(Unshowable(a=1))) == "<Unshowable that cannot be shown>"
