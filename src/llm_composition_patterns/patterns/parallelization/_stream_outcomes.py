"""`stream_outcomes`: outcomes as branches end, in flat memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ...outcome import Outcome
from ...steps import Step, step_name
from ._buffer import AsTheyEnd, Buffer, InOrder
from ._fan_out import FanOut
from ._parallelize import BranchName, ShowProgress
from ._settings import Settings, given_or
from ._source import Source

A = TypeVar("A")
B = TypeVar("B")


def stream_outcomes(
    step: Step[A, B],
    inputs: Iterable[A] | AsyncIterable[A] | Mapping[Any, A],
    *,
    ordered: bool = False,
    name: str | None = None,
    branch_name: BranchName[A] = None,
    max_concurrency: int = 256,
    max_failures: int | None = None,
    timeout: float | None = None,
    deadline: float | None = None,
    progress: ShowProgress = False,
) -> OutcomeStream[B]:
    """Run a step over every input at once, and take the outcomes one by one.

    ```python
    async with stream_outcomes(translate, pages) as outcomes:
        async for outcome in outcomes:
            ...
    ```

    A million inputs run in flat memory: at most twice `max_concurrency` inputs are pulled and not yet consumed, four
    times where `ordered`. Leaving the block early cancels what runs and waits for it.

    Args:
        step: An async function of one input.
        inputs: An iterable, an async iterable, or a Mapping, whose keys are then the outcomes' keys.
        ordered: Give outcomes in the order of the inputs instead of the order in which branches end.
        name: What the fan-out is called; by default `parallelize` and the step's name.
        branch_name: What a branch is called, or a function of its input that says so; by default the step's name.
        max_concurrency: How many branches exist at once.
        max_failures: How many failures are tolerated before the fan-out stops.
        timeout: Seconds that one branch may run; waiting for permits does not count. A branch waits while a call inside
            it waits for a permit and none inside it holds one; other work beside that call is seen only where
            `together` or another fan-out runs it.
        deadline: Seconds from the start that the whole may take; what is not finished then is a `Failure`, inputs of a
            sized source that were never started included. How many a source without a length had left nobody knows: a
            warning in the log says that it was cut off, and no outcome does.
        progress: True for a progress bar in a notebook or if stderr is a terminal, or a function that is given a
            `Progress`.

    Raises:
        BaseException: From the iteration, after the outcomes that there are: what the source of the inputs raised.
            From leaving the block: what the source raised while it was closed.
        TooManyFailures: From the iteration, after the outcomes that there are: the counts and the last 20 failures.
        TypeError: At once: a setting is of the wrong type. On entering: the step cannot be called, or the inputs cannot
            have been meant. From the iteration: the step is not async.
        ValueError: At once: a setting is out of its range.
        RuntimeError: These outcomes were entered twice, iterated outside their block, or by two tasks at a time.
    """
    settings = Settings(
        name=given_or(name, f"parallelize {step_name(step)}"),
        branch_name=given_or(branch_name, step_name(step)),
        max_concurrency=max_concurrency,
        max_failures=max_failures,
        timeout=timeout,
        deadline=deadline,
        progress=progress,
    )
    return OutcomeStream(step, inputs, settings, ordered=ordered)


class OutcomeStream(Generic[B]):
    """The outcomes of a running fan-out: an async context manager that gives itself, to be iterated once."""

    def __init__(self, step: Step[Any, B], inputs: Any, settings: Settings, *, ordered: bool) -> None:
        self._step = step
        self._inputs = inputs
        self._settings = settings
        self._buffer: Buffer = InOrder() if ordered else AsTheyEnd()
        self._room = settings.max_concurrency * (4 if ordered else 2)
        self._running: FanOut[Any, B] | None = None
        self._left = False

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise RuntimeError("these outcomes were entered already; call stream_outcomes again for another run")
        self._running = FanOut(self._step, Source(self._inputs), self._settings, self._buffer)
        self._buffer.open(self._running, self._room)
        self._running.start(on_end=self._buffer.wake_consumer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        fan_out = self._fan_out
        self._left = True
        fan_out.stop()
        self._buffer.wake_consumer()
        known = fan_out.error
        await fan_out.ended(error)
        if error is None and fan_out.error is not None and fan_out.error is not known:
            raise fan_out.error  # the source's, while it was closed: the iteration could not give it

    def stop(self) -> None:
        """Start no more branches and cancel those that run; the iteration still gives their outcomes.

        Raises:
            RuntimeError: The block was not entered yet.
        """
        self._fan_out.stop()

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the fan-out's span; kept only where somebody listens.

        Raises:
            RuntimeError: The block was not entered yet.
        """
        self._fan_out.set_attributes(attributes)

    @property
    def trace_id(self) -> str | None:
        """The trace that the fan-out's span is in, 32 hexadecimal digits; None when nobody listens.

        Raises:
            RuntimeError: The block was not entered yet.
        """
        return self._fan_out.trace_id

    def rest(self) -> Iterator[Outcome[B]]:
        """The outcomes that nobody had consumed when the block was left, cancelled branches included."""
        while self._running is not None and self._running.over() and (outcome := self._buffer.any()) is not None:
            yield outcome

    def __aiter__(self) -> Self:
        if self._left:
            raise RuntimeError("the block was left; iterate inside it, or take what is left from rest()")
        return self

    async def __anext__(self) -> Outcome[B]:
        fan_out, buffer = self._fan_out, self._buffer
        while not self._left:
            if buffer.ready():
                return buffer.take()
            if fan_out.over():
                return await self._last(fan_out)
            await buffer.filled()
        raise StopAsyncIteration

    async def _last(self, fan_out: FanOut[Any, B]) -> Outcome[B]:
        """What comes when every branch has ended: inputs that never started, then the error, then the end."""
        if (failure := await fan_out.unstarted.next()) is not None:
            return failure
        if fan_out.error is not None:
            raise fan_out.error
        raise StopAsyncIteration

    @property
    def _fan_out(self) -> FanOut[Any, B]:
        if self._running is None:
            raise RuntimeError("enter it first: async with stream_outcomes(...) as outcomes: ...")
        return self._running
