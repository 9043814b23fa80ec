"""How an execution ended, as the batch sees it."""

import asyncio

import pytest

from llm_composition_patterns import errors
from llm_composition_patterns.batch._endings import ends_the_run, is_deferred, is_fatal, kind_of, told

FATAL = ["AuthenticationFailed", "InsufficientCredit", "UnknownModel", "ConfigurationError", "BatchError"]
DEFERRED = ["RateLimited", "ModelTimeout", "ModelUnavailable", "DeadlineExceeded", "BranchTimeout", "WorkerLost"]
OWN = ["InvalidOutput", "Refused", "NoQuorum", "NoRoute", "GateRefused", "StepTimeout"]


def made(name):
    kind = getattr(errors, name)
    return kind.__new__(kind)


@pytest.mark.parametrize("name", FATAL)
def test_what_every_item_would_fail_with_ends_the_run_and_is_no_fault_of_the_item(name):
    """So that it is left for another run."""
    error = made(name)
    assert (is_fatal(error), ends_the_run(error), is_deferred(error)) == (True, True, True)


@pytest.mark.parametrize("name", DEFERRED)
def test_trouble_of_a_provider_is_no_fault_of_the_item(name):
    """It waits for another run, and the others go on."""
    error = made(name)
    assert (is_fatal(error), ends_the_run(error), is_deferred(error)) == (False, False, True)


@pytest.mark.parametrize("name", OWN)
def test_what_says_something_of_the_item_is_its_own_fault(name):
    """It is failed, until it is asked for again."""
    assert not is_deferred(made(name))


@pytest.mark.parametrize("error", [ValueError("bug"), KeyError("a"), TimeoutError()])
def test_a_bug_is_the_items_own_fault(error):
    """Errors that are not of this package say nothing of a provider."""
    assert (kind_of(error), is_deferred(error), ends_the_run(error)) == ("error", False, False)


def test_a_spent_budget_ends_the_run_but_nothing_that_runs():
    """It is not fatal: what has reserved its share goes on."""
    error = errors.BudgetExceeded("spent")
    assert (is_fatal(error), ends_the_run(error), is_deferred(error)) == (False, True, True)


def test_an_error_is_told_by_its_name_and_its_text():
    """Or by its name alone."""
    assert told(ValueError("no price")) == "ValueError: no price"
    assert told(asyncio.CancelledError()) == "CancelledError"


def test_a_key_in_the_text_of_an_error_is_not_kept():
    """A store is copied and shown around."""
    assert told(ValueError("refused: sk-abcdefghijklmnopqrstuvwxyz")) == "ValueError: refused: __REDACTED__"


def test_an_error_that_cannot_be_told_is_kept_all_the_same():
    """A bug in its text is no reason to lose what became of the item."""

    class Unsayable(Exception):
        def __str__(self):
            raise RuntimeError("no")

    assert told(Unsayable()) == "Unsayable: (no message)"


def test_an_error_with_half_a_character_can_be_kept():
    """As in the name of a file of another encoding: a store could not write it."""
    assert told(FileNotFoundError("caf\udce9.txt")) == "FileNotFoundError: caf\\udce9.txt"


@pytest.mark.parametrize(
    ("names", "kind", "deferred", "ends"),
    [
        (["RateLimited", "ModelUnavailable"], "rate_limit", True, False),
        (["RateLimited", "InvalidOutput"], "invalid_output", False, False),
        (["RateLimited", "AuthenticationFailed"], "rate_limit", True, True),
        (["BudgetExceeded"], "budget", True, True),
    ],
)
def test_a_group_of_errors_is_as_bad_as_the_worst_of_them(names, kind, deferred, ends):
    """As a TaskGroup raises it, in another group perhaps."""
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [made(name) for name in names])])
    assert (kind_of(group), is_deferred(group), ends_the_run(group)) == (kind, deferred, ends)
