"""What became of a branch: a `Success` with its value, or a `Failure` with its error.

Match them:

```python
match outcome:
    case Success(value=translation):
        ...
    case Failure(kind="rate_limit"):
        ...
    case Failure(error=error):
        ...
```

Neither class is frozen, because a frozen dataclass costs more to build than the whole rest of a branch; treat them
as values all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from .errors import FailureKind
from .usage import NO_USAGE, Usage

B = TypeVar("B")


@dataclass(slots=True)
class Success(Generic[B]):
    """A branch that returned.

    Attributes:
        value: What it returned.
        index: The place of its input among the inputs, from 0.
        key: Its key where the inputs were a Mapping, else its index.
        name: Its name.
        input: Its input.
        attempts: Attempts made at providers inside it.
        started: When it started, in seconds after the fan-out's start.
        elapsed: How long it ran, in seconds, without `queued`.
        queued: How long it waited for permits, in seconds: while a call inside it waited for one and none held one.
        usage: What the calls inside it used.
    """

    value: B
    index: int = 0
    key: Any = 0
    name: str = ""
    input: Any = None
    attempts: int = 0
    started: float = 0.0
    elapsed: float = 0.0
    queued: float = 0.0
    usage: Usage = NO_USAGE


@dataclass(slots=True)
class Failure:
    """A branch that did not return.

    Attributes:
        error: The exception that ended it.
        kind: Why, as one word: `timeout` (its own), `deadline` (the fan-out's), `rate_limit`, `invalid_output`,
            `provider`, `budget`, `cancelled`, or `error` for everything else.
        index: The place of its input among the inputs, from 0.
        key: Its key where the inputs were a Mapping, else its index.
        name: Its name.
        input: Its input.
        attempts: Attempts made at providers inside it.
        started: When it started, in seconds after the fan-out's start.
        elapsed: How long it ran, in seconds, without `queued`; 0 if it never started.
        queued: How long it waited for permits, in seconds: while a call inside it waited for one and none held one.
        usage: What the calls inside it used.
    """

    error: BaseException
    kind: FailureKind = "error"
    index: int = 0
    key: Any = 0
    name: str = ""
    input: Any = None
    attempts: int = 0
    started: float = 0.0
    elapsed: float = 0.0
    queued: float = 0.0
    usage: Usage = NO_USAGE


Outcome: TypeAlias = Success[B] | Failure
"""What became of one branch."""
