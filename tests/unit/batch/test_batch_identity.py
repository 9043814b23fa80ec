"""What a batch is known by."""

import functools
import sys
from types import ModuleType, SimpleNamespace
from typing import Annotated, Literal

import pytest

from llm_composition_patterns import with_retry
from llm_composition_patterns.batch._identity import fingerprint, recorded_name


async def translate(text):
    return text


class Translator:
    async def translate(self, text):
        return text

    async def __call__(self, text):
        return text


def started_as(monkeypatch, **attributes):
    main = ModuleType("__main__")
    vars(main).update(attributes)
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(translate, "__module__", "__main__")


def test_a_step_is_recorded_by_its_module_and_name():
    """As it would be imported."""
    assert recorded_name(translate, None) == f"{__name__}:translate"


def test_a_name_that_is_given_is_the_one_that_counts():
    """Also for what has a name of its own."""
    assert recorded_name(translate, "papers") == recorded_name(lambda text: text, "papers") == "papers"


@pytest.mark.parametrize("name", ["", 1, b"papers"])
def test_a_name_is_a_text(name):
    """That is not empty."""
    with pytest.raises(TypeError, match="step_name must be a str that is not empty"):
        recorded_name(translate, name)


def test_a_leading_src_is_dropped(monkeypatch):
    """A checkout and an installed package record the same."""
    monkeypatch.setattr(translate, "__module__", "src.shop.papers")
    assert recorded_name(translate, None) == "shop.papers:translate"


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"__spec__": SimpleNamespace(name="src.shop.papers")}, "shop.papers"),
        ({"__spec__": SimpleNamespace(name="shop.__main__")}, "shop.__main__"),
        ({"__spec__": None, "__file__": "/somewhere/papers.py"}, "papers"),
        ({"__spec__": None}, "__main__"),
    ],
)
def test_a_program_has_its_own_name(attributes, name, monkeypatch):
    """That of `python -m`, else that of its file."""
    started_as(monkeypatch, **attributes)
    assert recorded_name(translate, None) == f"{name}:translate"


@pytest.mark.parametrize(
    "step",
    [
        lambda text: text,
        functools.partial(translate),
        with_retry(translate, on=ValueError),
        Translator().translate,
        Translator(),
        functools.wraps(translate)(lambda text: text),
    ],
    ids=["lambda", "partial", "wrapped", "method", "object", "decorated"],
)
def test_a_step_without_a_name_of_its_own_is_refused_with_the_repair(step):
    """Another one might be taken for it."""
    with pytest.raises(TypeError, match=r"Give run_batch\(\.\.\., step_name='translate'\)"):
        recorded_name(step, None)


def test_a_closure_is_refused():
    """Each call of the function around it makes another one."""

    async def inner(text):
        return text

    with pytest.raises(TypeError, match="has no name of its own"):
        recorded_name(inner, None)


@pytest.mark.parametrize(
    ("output", "name"),
    [
        (None, None),
        (str, "builtins:str"),
        (list[Translator], f"builtins:list[{__name__}:Translator]"),
        (dict[str, list[int]], "builtins:dict[builtins:str, builtins:list[builtins:int]]"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[int, translate], "builtins:int"),
    ],
)
def test_an_output_is_known_by_a_text_that_is_the_same_in_every_process(output, name):
    """No address in memory is in it."""
    assert fingerprint("translate", "2", output) == {"step": "translate", "version": "2", "output": name}


def test_an_output_of_the_program_is_known_by_the_programs_own_name(monkeypatch):
    """Inside a list, too."""
    started_as(monkeypatch, __spec__=SimpleNamespace(name="src.shop.papers"))
    monkeypatch.setattr(Translator, "__module__", "__main__")
    assert fingerprint("a", None, list[Translator])["output"] == "builtins:list[shop.papers:Translator]"
