"""Why a branch failed: from the exception that ended it to a kind and an error that says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ...errors import BranchTimeout, DeadlineExceeded, FailureKind, LLMCompositionError, TooManyFailures
from ...outcome import Failure
from ._branch import Branch
from ._settings import Settings


def judge(
    error: BaseException, branch: Branch, settings: Settings, cut: FailureKind | None
) -> tuple[FailureKind, BaseException]:
    """The kind and the error of a branch that `error` ended.

    `cut` is the kind that running branches end with if the fan-out is being stopped, else None. A branch that ran out
    of time did so whatever it raises on its way out. The classes of the error tree know their kind; a `BranchTimeout`
    or `DeadlineExceeded` that is not this fan-out's own came from inside, and is an error like any other.
    """
    if branch.expired:
        return "timeout", _caused(branch_timeout(branch, settings), error)
    if cut == "deadline":
        return cut, _caused(cut_off(f"branch {branch.index} ({branch.name!r})", settings, cut), error)
    if isinstance(error, asyncio.CancelledError):
        return "cancelled", error
    if isinstance(error, LLMCompositionError) and not isinstance(error, BranchTimeout | DeadlineExceeded):
        return error.kind, error
    return "error", error


def branch_timeout(branch: Branch, settings: Settings) -> BranchTimeout:
    """The error of a branch that ran too long."""
    seconds = settings.timeout or 0.0
    return BranchTimeout(
        f"branch {branch.index} ({branch.name!r}) of {settings.name!r} ran longer than its timeout of {seconds:g} s "
        "(waiting for permits not counted); give it more with timeout=..., or bound what it waits for",
        branch=branch.name,
        index=branch.index,
        timeout=seconds,
    )


def cut_off(who: str, settings: Settings, kind: FailureKind) -> BaseException:
    """The error of a branch that the end of its fan-out cut off, or kept from starting."""
    if kind == "deadline":
        return deadline_exceeded(settings, who)
    return asyncio.CancelledError(f"{who} of {settings.name!r} was not needed any more")


def deadline_exceeded(settings: Settings, who: str) -> DeadlineExceeded:
    """The error of what was not finished in time."""
    seconds = settings.deadline or 0.0
    return DeadlineExceeded(
        f"{who} of {settings.name!r} was not finished by the deadline, {seconds:g} s after the fan-out's start; give "
        'it more with deadline=..., or keep what is finished with on_error="collect"',
        fan_out=settings.name,
        deadline=seconds,
    )


def too_many_failures(settings: Settings, succeeded: int, failed: int, failures: Iterable[Failure]) -> TooManyFailures:
    """The error of a collecting fan-out that failed too often."""
    allowed = settings.max_failures or 0
    return TooManyFailures(
        f"{failed} branches of {settings.name!r} failed where max_failures tolerates {allowed}; {succeeded} had "
        "succeeded. `failures` and `outcomes` of this error have them",
        max_failures=allowed,
        succeeded=succeeded,
        failed=failed,
        failures=tuple(failures),
    )


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
