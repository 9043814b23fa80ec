"""Errors that were raised in another process."""

import json
from decimal import Decimal

import pytest

from llm_composition_patterns import BudgetExceeded, ModelUnavailable, RateLimited, Usage
from llm_composition_patterns.batch.remote._errors import read_error, write_error


class Frozen(Exception):
    __slots__ = ()

    def __init__(self, one, other):
        super().__init__(f"{one}, {other}")


class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def through(error):
    try:
        raise error
    except type(error) as raised:
        shown = write_error(raised)
    return read_error(json.loads(json.dumps(shown)), "worker 1")


@pytest.mark.parametrize("error", [KeyError("a", 1), ValueError(""), OSError(2, "gone"), Frozen(1, 2), TimeoutError()])
def test_an_error_comes_back_as_what_it_was(error):
    """Its class and its text are the same."""
    back = through(error)
    assert (type(back), str(back)) == (type(error), str(error))


def test_what_an_error_carries_comes_along():
    """Plain attributes, tuples, decimals and usages are kept; what is none of them is left out."""
    error = ModelUnavailable("away", model="groq:x", status=503, retry_after=2.5, attempts=3, usage=Usage(calls=1))
    error.client = object()
    back = through(error)
    assert (back.model, back.status, back.retry_after, back.attempts) == ("groq:x", 503, 2.5, 3)
    assert back.usage == Usage(calls=1)
    assert not hasattr(back, "client")
    spent = through(BudgetExceeded("b", scope="s", limit=Decimal("1.50"), spent=Decimal("0.1"), needed=Decimal(1)))
    assert (spent.scope, spent.limit, spent.spent) == ("s", Decimal("1.50"), Decimal("0.1"))


def test_a_class_that_is_not_known_here_is_told_by_its_name():
    """The nearest class that is known stands for it, so that its kind is the same."""

    class HouseLimit(RateLimited):
        pass

    back = through(HouseLimit("too many"))
    assert type(back) is RateLimited
    assert str(back) == "HouseLimit: too many"


def test_where_it_was_raised_is_a_note():
    """Notes are kept, and the traceback of the other side is one more; keys are not in it."""
    error = ValueError("the key sk-abcdefghijklmnopqrstuvwxyz")
    error.add_note("of paper 7")
    first, second = through(error).__notes__
    assert first == "of paper 7"
    assert second.startswith("raised in worker 1:\nTraceback")
    assert "abcdefghijklmnop" not in second


def test_an_error_that_cannot_be_told_is_one_all_the_same():
    """It is one of its class, and its traceback is left out or replaced."""
    assert type(through(Unsayable())) is Unsayable
