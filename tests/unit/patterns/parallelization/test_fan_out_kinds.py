"""Why a branch failed, as one word: every row of the table of kinds."""

import asyncio

import pytest
from fan_out_steps import kinds, wait

from llm_composition_patterns import errors
from llm_composition_patterns.errors import (
    AuthenticationFailed,
    BatchError,
    BranchTimeout,
    BudgetExceeded,
    ConfigurationError,
    DeadlineExceeded,
    GateRefused,
    InsufficientCredit,
    InvalidOutput,
    LLMCompositionError,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    NoQuorum,
    NoRoute,
    RateLimited,
    Refused,
    StepTimeout,
    TooManyFailures,
    TooManySubtasks,
    UnknownModel,
    WorkerLost,
)
from llm_composition_patterns.patterns.parallelization import parallelize

KINDS = {
    RateLimited: "rate_limit",
    InvalidOutput: "invalid_output",
    Refused: "invalid_output",
    ModelError: "provider",
    ModelTimeout: "provider",
    ModelUnavailable: "provider",
    UnknownModel: "provider",
    AuthenticationFailed: "provider",
    InsufficientCredit: "provider",
    WorkerLost: "provider",
    BudgetExceeded: "budget",
    asyncio.CancelledError: "cancelled",
    StepTimeout: "error",
    BranchTimeout: "error",
    DeadlineExceeded: "error",
    TooManyFailures: "error",
    NoQuorum: "error",
    TooManySubtasks: "error",
    NoRoute: "error",
    GateRefused: "error",
    BatchError: "error",
    ConfigurationError: "error",
    LLMCompositionError: "error",
    TimeoutError: "error",
    ValueError: "error",
    ExceptionGroup: "error",
}


def made(error):
    return error("several", [ValueError()]) if error is ExceptionGroup else error("made by hand")


@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize(("error", "kind"), KINDS.items(), ids=lambda value: getattr(value, "__name__", value))
async def test_the_kind_of_what_a_step_raises(error, kind, suspends):
    """Raised by hand in a step, at once or later, each error has its kind and is kept as it is."""
    raised = made(error)

    async def fail(_):
        if suspends:
            await asyncio.sleep(1)
        raise raised

    (outcome,) = await parallelize(fail, [0], on_error="collect")
    assert outcome.kind == kind
    assert outcome.error is raised


def test_the_table_has_every_error_of_the_tree():
    """A new class needs a row."""
    tree = {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, LLMCompositionError)}
    assert tree <= KINDS.keys()


async def test_an_error_of_ones_own_may_say_its_kind():
    """A subclass in the tree inherits or sets `kind`."""

    class Busy(RateLimited):
        pass

    class OutOfMoney(LLMCompositionError):
        kind = "budget"

    async def fail(error):
        raise error

    outcomes = await parallelize(fail, [Busy("busy"), OutOfMoney("no")], on_error="collect")
    assert kinds(outcomes) == ["rate_limit", "budget"]


async def test_a_timeout_of_an_inner_fan_out_is_an_error_outside():
    """Only the branch's own timer makes it a timeout."""

    async def outer(_):
        return await parallelize(wait, [9], timeout=2)

    (outcome,) = await parallelize(outer, [0], timeout=5, on_error="collect")
    assert (outcome.kind, type(outcome.error)) == ("error", BranchTimeout)


async def test_a_deadline_of_an_inner_fan_out_is_an_error_outside():
    """Only the fan-out's own deadline makes it one."""

    async def outer(_):
        return await parallelize(wait, [9], deadline=2)

    (outcome,) = await parallelize(outer, [0], deadline=5, on_error="collect")
    assert (outcome.kind, type(outcome.error)) == ("error", DeadlineExceeded)


async def test_too_many_failures_of_an_inner_fan_out_keep_what_they_carry():
    """Outer fan-outs add a note and nothing else."""

    async def fail(number):
        raise ValueError(number)

    async def outer(_):
        return await parallelize(fail, [1, 2], on_error="collect", max_failures=1)

    with pytest.raises(TooManyFailures) as caught:
        await parallelize(outer, ["outer"])
    assert [failure.input for failure in caught.value.failures] == [1, 2]
    assert [outcome.input for outcome in caught.value.outcomes] == [1, 2]
