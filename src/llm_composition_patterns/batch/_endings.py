"""How an execution ended, as the batch sees it: by the item's own fault, by nobody's, or by what ends all. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from ..errors import (
    AuthenticationFailed,
    BatchError,
    BudgetExceeded,
    ConfigurationError,
    FailureKind,
    InsufficientCredit,
    LLMCompositionError,
    UnknownModel,
)
from ..tracing import without_keys


class NotAStep(TypeError):
    """What was given for a step is no async function, for whatever item."""


_FATAL: Final = (NotAStep, AuthenticationFailed, InsufficientCredit, UnknownModel, ConfigurationError, BatchError)
_DEFERRED: Final[frozenset[FailureKind]] = frozenset({"timeout", "deadline", "rate_limit", "provider", "budget"})


def is_fatal(error: BaseException) -> bool:
    """Whether every other item would fail with it, too."""
    return any(isinstance(part, _FATAL) for part in _parts(error))


def ends_the_run(error: BaseException) -> bool:
    """Whether no other item is to be started after it."""
    return is_fatal(error) or any(isinstance(part, BudgetExceeded) for part in _parts(error))


def is_deferred(error: BaseException) -> bool:
    """Whether it says nothing of the item, which is left for another run."""
    return ends_the_run(error) or kind_of(error) in _DEFERRED


def kind_of(error: BaseException) -> FailureKind:
    """Why an execution failed, as one word; of several errors the one counts that is no trouble of a provider."""
    kinds = [_kind_of_one(part) for part in _parts(error)]
    return next((kind for kind in kinds if kind not in _DEFERRED), kinds[0])


def _kind_of_one(error: BaseException) -> FailureKind:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return error.kind if isinstance(error, LLMCompositionError) else "error"


def _parts(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, as a `TaskGroup` raises it; else the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for part in error.exceptions:
        yield from _parts(part)


def told(error: BaseException) -> str:
    """An error as the store keeps it: without keys."""
    name, text = type(error).__name__, text_of(error)
    whole = without_keys(f"{name}: {text}" if text else name)
    return whole.encode("utf-8", "backslashreplace").decode()  # file names of other encodings are half characters


def text_of(error: BaseException) -> str:
    """What an error says, also where it cannot even be told."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever the class of somebody else's error does
        return "(no message)"
