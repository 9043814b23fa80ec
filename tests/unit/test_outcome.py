"""Outcomes: a success or a failure, to be matched."""

import pickle
from decimal import Decimal

from llm_composition_patterns.errors import RateLimited
from llm_composition_patterns.outcome import Failure, Success
from llm_composition_patterns.usage import NO_USAGE, Usage


def told(outcome):
    match outcome:
        case Success(value=value, index=index):
            return f"{index}: {value}"
        case Failure(kind="rate_limit", error=error):
            return f"busy: {error}"
        case Failure(error=error):
            return f"failed: {error!r}"


def test_outcomes_are_matched():
    """By class, by kind, by any field."""
    assert told(Success(value="hola", index=3)) == "3: hola"
    assert told(Failure(error=RateLimited("later"), kind="rate_limit")) == "busy: later"
    assert told(Failure(error=KeyError("x"))) == "failed: KeyError('x')"


def test_both_have_the_same_fields_about_their_branch():
    """In the same order, so that one record serves both."""
    common = ("index", "key", "name", "input", "attempts", "started", "elapsed", "queued", "usage")
    assert Success.__slots__ == ("value", *common)
    assert Failure.__slots__ == ("error", "kind", *common)


def test_one_made_by_hand_needs_little():
    """A value or an error; the rest says that nothing is known."""
    assert Success(value=1).usage is NO_USAGE
    assert Failure(error=ValueError()).kind == "error"


def test_outcomes_can_be_pickled():
    """With what they carry."""
    usage = Usage(calls=2, known_cost=Decimal("0.1")).of_model("groq:x")
    success = Success(
        value=[1], index=2, key="k", name="n", input="i", attempts=2, started=1.5, elapsed=2.5, usage=usage
    )
    assert pickle.loads(pickle.dumps(success)) == success  # noqa: S301 - our own
    failure = pickle.loads(pickle.dumps(Failure(error=RateLimited("later", status=429), kind="rate_limit", index=7)))  # noqa: S301
    assert (failure.kind, failure.index, failure.error.status, str(failure.error)) == ("rate_limit", 7, 429, "later")


def test_outcomes_take_no_other_attributes():
    """A typo is not silently kept."""
    assert not hasattr(Success(value=1), "__dict__")
    assert not hasattr(Failure(error=ValueError()), "__dict__")
