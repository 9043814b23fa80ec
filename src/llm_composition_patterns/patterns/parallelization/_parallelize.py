"""`parallelize`: one step over many inputs, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack, cast, overload

from ...errors import add_note
from ...outcome import Failure, Outcome, Success
from ...runs import Progress
from ...steps import Step, step_name
from ._fan_out import FanOut
from ._settings import Settings, given_or, stops_on_failure
from ._source import Source

A = TypeVar("A")
B = TypeVar("B")
K = TypeVar("K")

OnError = Literal["raise", "collect"]
BranchName = str | Callable[[A], str] | None
ShowProgress = bool | Callable[[Progress], object]


class Common(TypedDict, Generic[A], total=False):
    """The settings of a fan-out that do not change the type of its result, for the overloads."""

    name: str | None
    branch_name: BranchName[A]
    max_concurrency: int
    timeout: float | None
    deadline: float | None
    progress: ShowProgress


class Collecting(Common[A], total=False):
    """Those of a collecting fan-out."""

    max_failures: int | None


# A Mapping is an iterable too, of its keys; the first overload that fits is the one that counts.
@overload
async def parallelize(  # type: ignore[overload-overlap]
    step: Step[A, B], inputs: Mapping[K, A], *, on_error: Literal["raise"] = "raise", **settings: Unpack[Common[A]]
) -> dict[K, B]: ...
@overload
async def parallelize(  # type: ignore[overload-overlap]
    step: Step[A, B], inputs: Mapping[K, A], *, on_error: Literal["collect"], **settings: Unpack[Collecting[A]]
) -> dict[K, Outcome[B]]: ...
@overload
async def parallelize(
    step: Step[A, B],
    inputs: Iterable[A] | AsyncIterable[A],
    *,
    on_error: Literal["raise"] = "raise",
    **settings: Unpack[Common[A]],
) -> list[B]: ...
@overload
async def parallelize(
    step: Step[A, B],
    inputs: Iterable[A] | AsyncIterable[A],
    *,
    on_error: Literal["collect"],
    **settings: Unpack[Collecting[A]],
) -> list[Outcome[B]]: ...


async def parallelize(
    step: Step[Any, Any],
    inputs: Iterable[Any] | AsyncIterable[Any] | Mapping[Any, Any],
    *,
    name: str | None = None,
    branch_name: BranchName[Any] = None,
    max_concurrency: int = 256,
    on_error: OnError = "raise",
    max_failures: int | None = None,
    timeout: float | None = None,
    deadline: float | None = None,
    progress: ShowProgress = False,
) -> Any:
    """Run a step over every input at once, and give back what it returned in the order of the inputs.

    Each input has a branch: a run of the step with a context (contextvars) and a span of its own. Inputs are pulled
    lazily, `max_concurrency` ahead of what has ended at most. When this returns or raises, no branch is running any
    more, whatever happened. Cancelling the caller cancels every branch.

    Args:
        step: An async function of one input.
        inputs: An iterable, an async iterable, or a Mapping: then a dict with the same keys comes back.
        name: What the fan-out is called in traces and messages; by default `parallelize` and the step's name.
        branch_name: What a branch is called, or a function of its input that says so; by default the step's name.
        max_concurrency: How many branches exist at once. It bounds memory; what bounds the load on a provider is the
            limiter of the model.
        on_error: `"raise"` cancels the other branches at the first failure, waits for them, and raises the original
            exception; its `outcomes` attribute has the outcomes so far. `"collect"` runs every branch and gives back
            outcomes, `Success` or `Failure`.
        max_failures: How many failures a collecting fan-out tolerates before it stops.
        timeout: Seconds that one branch may run; waiting for permits does not count. A branch waits while a call inside
            it waits for a permit and none inside it holds one; other work beside that call is seen only where
            `together` or another fan-out runs it.
        deadline: Seconds from the start that the whole may take. With `"collect"`, what is not finished by then is a
            `Failure` of kind `deadline`, inputs of a sized source that were never started included. How many a source
            without a length had left nobody knows: a warning in the log says that it was cut off, and no outcome does.
        progress: True for a progress bar in a notebook or if stderr is a terminal, or a function that is given a
            `Progress`.

    Returns:
        A list in the order of the inputs, or a dict with their keys: values with `"raise"`, outcomes with `"collect"`.

    Raises:
        BaseException: With `"raise"`, what the first failing branch raised; `BranchTimeout` or `DeadlineExceeded` if
            it ran out of time. Always, what the source of the inputs raised.
        TooManyFailures: More than `max_failures` branches failed.
        TypeError: The step is not async, the inputs cannot have been meant, or a setting is of the wrong type.
        ValueError: A setting is out of its range, or `max_failures` is given without `on_error="collect"`.
    """
    settings = Settings(
        name=given_or(name, f"parallelize {step_name(step)}"),
        branch_name=given_or(branch_name, step_name(step)),
        max_concurrency=max_concurrency,
        max_failures=max_failures,
        timeout=timeout,
        deadline=deadline,
        progress=progress,
        stop_on_failure=stops_on_failure(on_error),
    )
    source = Source(inputs)
    outcomes = await collected(step, source, settings)
    if on_error == "collect":
        return keyed(source, outcomes)
    return keyed(source, values_of(outcomes))


async def collected(step: Step[Any, Any], source: Source, settings: Settings) -> list[Outcome[Any]]:
    """Run a fan-out to its end; the outcomes in order, or the error that stopped it, which carries them."""
    collector = _Collector()
    fan_out = FanOut(step, source, settings, collector)
    fan_out.start()
    try:
        await fan_out.ended()
    except asyncio.CancelledError as cancelled:
        _attach(cancelled, keyed(source, collector.outcomes))
        raise
    if fan_out.error is not None:
        raise _told(fan_out, collector.outcomes)
    return collector.outcomes


def _told(fan_out: FanOut[Any, Any], outcomes: list[Outcome[Any]]) -> BaseException:
    """The error that stopped a fan-out, told where it came from, with the outcomes if this is the innermost one."""
    error = cast(BaseException, fan_out.error)
    for outcome in outcomes:
        if isinstance(outcome, Failure) and outcome.error is error:
            add_note(error, f"in branch {outcome.key!r} ({outcome.name!r}) of {fan_out.settings.name!r}")
            break  # branches that wait for one thing fail with one exception: the first of them says enough
    if not fan_out.error_from_inside:
        _attach(error, keyed(fan_out.source, outcomes))
    return error


def _attach(error: BaseException, outcomes: Any) -> None:
    try:
        error.outcomes = outcomes  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - somebody else's class, and what it raised must come through
        add_note(error, "the outcomes so far are not attached: this exception takes no attributes")


async def outcomes_of(step: Step[A, B], inputs: Iterable[A], *, on_error: OnError) -> list[Outcome[B]]:
    """What became of each branch, in the order of the inputs; with `"raise"` every one is a `Success`, or it raises."""
    settings = Settings(
        name=f"parallelize {step_name(step)}", branch_name=step_name(step), stop_on_failure=stops_on_failure(on_error)
    )
    return await collected(step, Source(inputs), settings)


def values_of(outcomes: list[Outcome[Any]]) -> list[Any]:
    """The values of outcomes that are all successes."""
    return [cast(Success[Any], outcome).value for outcome in outcomes]


def keyed(source: Source, results: list[Any]) -> Any:
    """Results as the caller gets them: a list, or a dict where the inputs were a Mapping."""
    return results if source.keys is None else dict(zip(source.keys, results, strict=False))


class _Collector:
    """Keeps outcomes in the order of their inputs."""

    full = False
    keeps = True

    def __init__(self) -> None:
        self.outcomes: list[Any] = []

    def add(self, outcome: Outcome[Any]) -> None:
        outcomes, index = self.outcomes, outcome.index
        if index == len(outcomes):
            outcomes.append(outcome)
            return
        while index >= len(outcomes):
            outcomes.append(None)
        outcomes[index] = outcome

    async def room(self) -> None:
        raise NotImplementedError
