"""Functions and types by their names, for other processes."""

import functools
import sys
import types

import pytest
from pydantic import BaseModel

from llm_composition_patterns import with_retry
from llm_composition_patterns.batch.remote._places import (
    function_at,
    input_type,
    place_of,
    read_type,
    write_type,
)


class Paper(BaseModel):
    id: str


async def step(paper: Paper) -> str:
    return paper.id


async def with_model(model, paper: Paper) -> str:
    return paper.id


wrapped = with_retry(step, on=ValueError)


class Steps:
    @staticmethod
    async def inner(paper: Paper) -> str:
        return paper.id


@pytest.mark.parametrize("function", [step, wrapped, Steps.inner], ids=["plain", "wrapped", "in a class"])
def test_a_function_is_found_again(function):
    """What a module calls it, also where it is a wrapped step, leads back to it."""
    assert function_at(place_of("the step", function)) is function


@pytest.mark.parametrize("function", [lambda _: None, functools.partial(step), Steps().__init__, print.__call__])
def test_what_has_no_name_in_a_module_is_refused(function):
    """The message says what to do."""
    with pytest.raises(TypeError, match=r"the step .* cannot be imported .* top level of a module"):
        place_of("the step", function)


def test_a_script_is_known_by_its_file(monkeypatch):
    """What is defined in `__main__` is imported by the name of the file, which lies on the path."""
    main = types.ModuleType("__main__")
    main.__file__, main.__spec__ = __file__, None
    main.mine = step
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(step, "__module__", "__main__")
    assert place_of("the step", step) == "test_remote_places:mine"


def test_a_notebook_is_refused(monkeypatch):
    """What is defined in a cell is in no file."""
    main = types.ModuleType("__main__")
    main.mine = step
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(step, "__module__", "__main__")
    with pytest.raises(TypeError, match="notebook cell"):
        place_of("the step", step)


def test_a_function_that_is_missing_there_is_told():
    """As where nodes have different code."""
    with pytest.raises(ImportError, match="do all nodes have the same code"):
        function_at("json:no_such_step")


def test_the_input_of_a_step_is_what_it_is_annotated_with():
    """Behind the resource where there is one, and through wrappers; None where nothing is said."""
    assert input_type(step, after_resource=False) is Paper
    assert input_type(with_model, after_resource=True) is Paper
    assert input_type(wrapped, after_resource=False) is Paper
    assert input_type(lambda it: it, after_resource=False) is None
    assert input_type(lambda: None, after_resource=False) is None


def test_types_are_found_again():
    """Also those that are made of others."""
    assert read_type(write_type(list[Paper])) == list[Paper]
    assert read_type(write_type(None)) is None


def test_types_that_others_cannot_import_are_refused(monkeypatch):
    """A local class, and one of a script."""

    class Local(BaseModel):
        pass

    with pytest.raises(TypeError, match="define it in a module"):
        write_type(Local)
    main = types.ModuleType("__main__")
    main.Mine = type("Mine", (), {"__module__": "__main__"})
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(TypeError, match="move it to a module"):
        write_type(main.Mine)
