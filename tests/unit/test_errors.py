"""The tree of errors."""

import copy
import inspect
import pickle
import re
import typing

import pytest

from llm_composition_patterns import errors
from llm_composition_patterns.errors import (
    BranchTimeout,
    DeadlineExceeded,
    FailureKind,
    GateRefused,
    InvalidOutput,
    LLMCompositionError,
    ModelError,
    ModelTimeout,
    NoQuorum,
    NoRoute,
    RateLimited,
    StepTimeout,
    TooManyFailures,
    UnknownModel,
    WorkerLost,
)
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.usage import NO_USAGE, Usage

TREE = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, BaseException)]

FULL = [
    ModelError("m", model="groq:x", status=500, retry_after=1.5, attempts=3, usage=Usage(calls=1, retries=2)),
    RateLimited("m", model="groq:x", status=429),
    ModelTimeout("m", model="groq:x", attempts=2),
    InvalidOutput("m", text="{", errors=["no", "yes"], model="groq:x", attempts=1),
    UnknownModel("m", successor="groq:y", model="groq:x", status=404),
    BranchTimeout("m", branch="b", index=3, timeout=1.5),
    DeadlineExceeded("m", fan_out="f", deadline=2.5),
    StepTimeout("m", step="s", timeout=3.5),
    TooManyFailures("m", max_failures=1, succeeded=2, failed=3, failures=[], outcomes=[Success(value=1)]),
    NoQuorum("m", ballots=[Success(value=1)], quorum=2),
    NoRoute("m", label="x", known=["y"]),
    GateRefused("m", gate="g", input=5),
    WorkerLost("m", step="s", exit_code=-9),
]


def data_of(error):
    return {name: value for name, value in vars(error).items() if name != "__notes__"}


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
def test_every_error_can_be_built_by_hand(cls):
    """With a message, or with nothing."""
    assert str(cls("what happened")) == "what happened"
    assert str(cls()) == ""


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
def test_every_error_is_in_the_tree_and_knows_its_kind(cls):
    """One of the kinds."""
    assert issubclass(cls, LLMCompositionError)
    assert cls.kind in typing.get_args(FailureKind)


def test_the_tree_is_drawn_as_it_is():
    """The docstring of the module shows every class under its base."""
    drawn = {}
    path = {-1: "Exception"}
    for line in errors.__doc__.partition("```\n")[2].partition("```")[0].splitlines():
        prefix, name = re.match(r"([│├└─ ]*)(\w+)", line).groups()
        path[len(prefix)] = name
        drawn[name] = path[max(depth for depth in path if depth < len(prefix))]
        if "also TimeoutError" in line:
            assert issubclass(getattr(errors, name), TimeoutError)
    assert drawn == {cls.__name__: cls.__bases__[0].__name__ for cls in TREE}


@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy], ids=["pickle", "copy"])  # noqa: S301
@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_errors_travel_with_their_data(error, copied):
    """Between processes, message, attributes and notes included."""
    error.__notes__ = ["in branch 1"]
    again = copied(error)
    assert type(again) is type(error)
    assert str(again) == "m"
    assert data_of(again) == data_of(error)
    assert again.__notes__ == ["in branch 1"]


def test_too_many_failures_travel_with_their_failures():
    """Outcomes are values."""
    error = TooManyFailures("m", failures=[Failure(error=ValueError("x"), index=4)], failed=1)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert [(failure.index, repr(failure.error)) for failure in again.failures] == [(4, "ValueError('x')")]


@pytest.mark.parametrize("cls", [ModelTimeout, BranchTimeout, DeadlineExceeded, StepTimeout])
def test_errors_of_time_are_timeouts(cls):
    """`except TimeoutError` catches them, as with asyncio's own."""
    assert issubclass(cls, TimeoutError)


def test_a_model_error_by_hand_knows_nothing():
    """And says so."""
    error = ModelError("the house model is being moved")
    assert (error.model, error.status, error.retry_after, error.attempts) == (None, None, None, 0)
    assert error.usage is NO_USAGE
