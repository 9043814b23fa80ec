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
        return "timeout", _caused(branch_timeout(branch, settings, _notes(error)), error)
    if cut == "deadline":
        return cut, _caused(cut_off(branch.index, branch.name, settings, cut, _notes(error)), error)
    if isinstance(error, asyncio.CancelledError):
        return "cancelled", error
    if isinstance(error, LLMCompositionError) and not isinstance(error, BranchTimeout | DeadlineExceeded):
        return error.kind, error
    return "error", error


def branch_timeout(branch: Branch, settings: Settings, notes: str = "") -> BranchTimeout:
    """The error of a branch that ran too long; `notes` say what it was busy with."""
    seconds = settings.timeout or 0.0
    return BranchTimeout(
        f"branch {branch.index} ({branch.name!r}) of {settings.name!r} ran longer than its timeout of {seconds:g} s, "
        f"waiting for permits not counted{notes}",
        branch=branch.name,
        index=branch.index,
        timeout=seconds,
    )


def cut_off(index: int, name: str, settings: Settings, kind: FailureKind, notes: str = "") -> BaseException:
    """The error of a branch that the end of its fan-out cut off, or kept from starting."""
    branch = f"branch {index} ({name!r}) of {settings.name!r}"
    if kind == "deadline":
        return deadline_exceeded(settings, branch, notes)
    return asyncio.CancelledError(f"{branch} was not needed any more")


def deadline_exceeded(settings: Settings, what: str | None = None, notes: str = "") -> DeadlineExceeded:
    """The error of what was not finished in time: a branch, or the fan-out itself."""
    seconds = settings.deadline or 0.0
    return DeadlineExceeded(
        f"{what or repr(settings.name)} was not finished by the deadline, {seconds:g} s after the fan-out's start"
        + notes,
        fan_out=settings.name,
        deadline=seconds,
    )


def too_many_failures(
    settings: Settings, succeeded: int, failed: int, failures: Iterable[Failure], *, outcomes_kept: bool
) -> TooManyFailures:
    """The error of a collecting fan-out that failed too often."""
    allowed = settings.max_failures or 0
    where = "`failures` of this error has the last ones" + (
        ", `outcomes` every outcome so far" if outcomes_kept else ""
    )
    return TooManyFailures(
        f"{failed} branches of {settings.name!r} failed where max_failures tolerates {allowed}; {succeeded} had "
        f"succeeded. {where}",
        max_failures=allowed,
        succeeded=succeeded,
        failed=failed,
        failures=tuple(failures),
    )


def _notes(error: BaseException) -> str:
    """What a call said when it was cut off, to stand behind a message."""
    notes = "; ".join(" ".join(note.split()) for note in getattr(error, "__notes__", ()))
    return f"; {notes}" if notes else ""


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
