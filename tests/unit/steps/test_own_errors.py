"""Copies of an exception that is raised to several callers."""

from dataclasses import dataclass

import pytest

from llm_composition_patterns import RateLimited
from llm_composition_patterns.steps._own_errors import own_error


class Coded(Exception):
    def __init__(self, code):
        super().__init__(f"code {code}")


class Needy(Exception):
    def __init__(self, *, code):
        super().__init__(code)


class Slotted(Exception):
    __slots__ = ("code",)


class OwnCopy(Exception):
    def __copy__(self):
        return ValueError("another")


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


def test_an_own_error_is_like_the_original():
    """Its class, arguments, attributes and notes; the original is its cause."""
    error = RateLimited("slow down", status=429, retry_after=2.0)
    error.add_note("one")
    own = own_error(error)
    own.add_note("two")
    assert (type(own), own.args, own.retry_after, own.__cause__) == (RateLimited, ("slow down",), 2.0, error)
    assert (error.__notes__, own.__notes__) == (["one"], ["one", "two"])


def test_an_own_error_of_a_group_has_its_exceptions():
    """The very same ones."""
    inner = ValueError("inner")
    own = own_error(ExceptionGroup("group", [inner]))
    assert own.exceptions == (inner,)


@pytest.mark.parametrize(
    "error", [Coded(5), Needy(code=5), Slotted(), OwnCopy(), Frozen(5), KeyboardInterrupt()], ids=repr
)
def test_what_cannot_be_copied_faithfully_is_raised_as_it_is(error):
    """Better one object for all than a wrong one for each."""
    assert own_error(error) is error
