"""The errors of this package, as one tree.

```
LLMCompositionError              everything below
├── ConfigurationError           a setting, key, file or name that cannot work; mend it and start again
├── ModelError                   a model gave no usable answer
│   ├── RateLimited              refused by the provider's rate limit, retries included
│   ├── ModelTimeout             no answer in time                         (also TimeoutError)
│   ├── ModelUnavailable         the provider failed or could not be reached
│   ├── InvalidOutput            an answer that is not what was asked for, repairs included
│   ├── Refused                  the model declined to answer
│   ├── UnknownModel             no such model, or a retired one
│   ├── AuthenticationFailed     the key is missing or was refused
│   └── InsufficientCredit       the account cannot pay
├── BranchTimeout                a branch ran longer than its timeout      (also TimeoutError)
├── DeadlineExceeded             a fan-out did not end before its deadline (also TimeoutError)
├── StepTimeout                  a step ran longer than `with_timeout`     (also TimeoutError)
├── TooManyFailures              more branches failed than `max_failures`
├── TooManySubtasks              a plan with more subtasks than `max_subtasks`
├── NoQuorum                     a vote that no group of ballots won
├── NoRoute                      a label that no route handles
├── GateRefused                  a gate did not let its input pass
├── BudgetExceeded               a call that the budget cannot pay for
├── WorkerLost                   the process that ran a call died
└── BatchError                   a batch that cannot start or go on
```

Wrong use of the API is a `TypeError` or a `ValueError`, outside this tree. Each class knows the `kind` that a
`Failure` made of it has. The errors that your own steps may want to raise need only a message:
`ModelUnavailable("the house model is being moved")`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from .outcome import Failure

FailureKind = Literal["timeout", "deadline", "rate_limit", "invalid_output", "provider", "budget", "cancelled", "error"]
"""Why a branch failed, as one word to count and to match by."""


class LLMCompositionError(Exception):
    """Base of every error that this package raises for a caller to handle."""

    kind: ClassVar[FailureKind] = "error"


class ConfigurationError(LLMCompositionError):
    """A setting, key, file or name that cannot work."""


class ModelError(LLMCompositionError):
    """A model gave no usable answer.

    Attributes:
        model: As `provider:model`, or None where the error was made by hand.
        status: The HTTP status, or None where there was none.
        retry_after: Seconds after which the provider asked to be called again, or None.
        attempts: Attempts that were made.
        usage: What the failed attempts used.
    """

    kind: ClassVar[FailureKind] = "provider"

    def __init__(
        self,
        message: str = "",
        *,
        model: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        attempts: int = 0,
        usage: Usage = NO_USAGE,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status = status
        self.retry_after = retry_after
        self.attempts = attempts
        self.usage = usage


class RateLimited(ModelError):
    """Refused by the provider's rate limit, retries included."""

    kind: ClassVar[FailureKind] = "rate_limit"


class ModelTimeout(ModelError, TimeoutError):
    """No answer in time, retries included."""


class ModelUnavailable(ModelError):
    """The provider failed or could not be reached, retries included."""


class InvalidOutput(ModelError):
    """An answer that is not what was asked for, repairs included.

    Attributes:
        text: The last answer, as it came.
        errors: What is wrong with it, a line each.
    """

    kind: ClassVar[FailureKind] = "invalid_output"

    def __init__(self, message: str = "", *, text: str = "", errors: Sequence[str] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.text = text
        self.errors: tuple[str, ...] = tuple(errors)


class Refused(ModelError):
    """The model declined to answer."""

    kind: ClassVar[FailureKind] = "invalid_output"


class UnknownModel(ModelError):
    """The provider has no such model, or has retired it.

    Attributes:
        successor: The model to use instead, where it is known.
    """

    def __init__(self, message: str = "", *, successor: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.successor = successor


class AuthenticationFailed(ModelError):
    """The key is missing or was refused."""


class InsufficientCredit(ModelError):
    """The account cannot pay for the call."""


class BranchTimeout(LLMCompositionError, TimeoutError):
    """A branch of a fan-out ran longer than its timeout; waiting for permits not counted.

    Attributes:
        branch: The branch's name.
        index: Its place in the inputs, from 0.
        timeout: The time it had, in seconds.
    """

    kind: ClassVar[FailureKind] = "timeout"

    def __init__(self, message: str = "", *, branch: str = "", index: int = 0, timeout: float = 0.0) -> None:
        super().__init__(message)
        self.branch = branch
        self.index = index
        self.timeout = timeout


class DeadlineExceeded(LLMCompositionError, TimeoutError):
    """A fan-out did not end before its deadline.

    Attributes:
        fan_out: The fan-out's name.
        deadline: The time it had, in seconds from its start.
    """

    kind: ClassVar[FailureKind] = "deadline"

    def __init__(self, message: str = "", *, fan_out: str = "", deadline: float = 0.0) -> None:
        super().__init__(message)
        self.fan_out = fan_out
        self.deadline = deadline


class StepTimeout(LLMCompositionError, TimeoutError):
    """A step ran longer than `with_timeout` allows.

    Attributes:
        step: The step's name.
        timeout: The time it had, in seconds.
    """

    def __init__(self, message: str = "", *, step: str = "", timeout: float = 0.0) -> None:
        super().__init__(message)
        self.step = step
        self.timeout = timeout


class TooManyFailures(LLMCompositionError):
    """More branches of a collecting fan-out failed than `max_failures` tolerates.

    Attributes:
        max_failures: The count that was tolerated.
        succeeded: Branches that had succeeded by then.
        failed: Branches that had failed by then, the cancelled ones not counted.
        failures: The last failures, 20 at most.
        outcomes: Every outcome so far, as `parallelize` would have returned them; None from `stream_outcomes`.
    """

    def __init__(
        self,
        message: str = "",
        *,
        max_failures: int = 0,
        succeeded: int = 0,
        failed: int = 0,
        failures: Sequence[Failure] = (),
        outcomes: Any = None,
    ) -> None:
        super().__init__(message)
        self.max_failures = max_failures
        self.succeeded = succeeded
        self.failed = failed
        self.failures: tuple[Failure, ...] = tuple(failures)
        self.outcomes = outcomes


class TooManySubtasks(LLMCompositionError):
    """A plan has more subtasks than `max_subtasks` allows.

    Attributes:
        subtasks: The plan, as the planner made it.
        max_subtasks: The count that was allowed.
    """

    def __init__(self, message: str = "", *, subtasks: Sequence[Any] = (), max_subtasks: int = 0) -> None:
        super().__init__(message)
        self.subtasks = subtasks
        self.max_subtasks = max_subtasks


class NoQuorum(LLMCompositionError):
    """A vote that no group of ballots won.

    Attributes:
        ballots: The outcomes of the ballots, in order of their index.
        quorum: The count that was needed, or None where there was none.
    """

    def __init__(self, message: str = "", *, ballots: Sequence[Any] = (), quorum: int | None = None) -> None:
        super().__init__(message)
        self.ballots: tuple[Any, ...] = tuple(ballots)
        self.quorum = quorum


class NoRoute(LLMCompositionError):
    """A label that no route handles.

    Attributes:
        label: What the classifier gave.
        known: The labels that have a route.
    """

    def __init__(self, message: str = "", *, label: Any = None, known: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.label = label
        self.known: tuple[Any, ...] = tuple(known)


class GateRefused(LLMCompositionError):
    """A gate did not let its input pass.

    Attributes:
        gate: The gate's name.
        input: What it refused.
    """

    def __init__(self, message: str = "", *, gate: str = "", input: Any = None) -> None:
        super().__init__(message)
        self.gate = gate
        self.input = input


class BudgetExceeded(LLMCompositionError):
    """A call that what is left of the budget cannot pay for.

    Attributes:
        scope: The name of the run whose budget it is.
        unit: What there is too little of: `usd`, the attributes are `Decimal`s then, or `tokens`.
        limit: The budget.
        spent: What was spent of it.
        needed: The most that the call may use.
    """

    kind: ClassVar[FailureKind] = "budget"

    def __init__(
        self,
        message: str = "",
        *,
        scope: str = "",
        unit: Literal["usd", "tokens"] = "usd",
        limit: Decimal | int = 0,
        spent: Decimal | int = 0,
        needed: Decimal | int = 0,
    ) -> None:
        super().__init__(message)
        self.scope = scope
        self.unit: Literal["usd", "tokens"] = unit
        self.limit = limit
        self.spent = spent
        self.needed = needed


class WorkerLost(LLMCompositionError):
    """The process that ran a call died before it answered.

    Attributes:
        step: The step's name.
        exit_code: That of the process, negative for the number of the signal that killed it; None if there was none.
    """

    kind: ClassVar[FailureKind] = "provider"

    def __init__(self, message: str = "", *, step: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.step = step
        self.exit_code = exit_code


class BatchError(LLMCompositionError):
    """A batch that cannot start or go on; what it recorded is kept."""


def add_note(error: BaseException, note: str) -> None:
    """Add a note, where the exception takes any."""
    with suppress(Exception):  # a frozen exception does not even take notes
        error.add_note(note)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that is close to it, if any is."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
