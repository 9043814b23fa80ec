"""`micro_batched`: concurrent calls, collected into batches.

A batch is collected until it is full or its time is up, and then runs in a task of its own while the next one is
collected. Every call waits for a future of its own. A caller that gives up leaves its batch: before the batch runs
nobody notices; afterwards the batch runs on for the others, and is cancelled when nobody is left.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

from ._checks import check_count, check_seconds
from ._ending import ended
from ._made import Made, say_of
from ._own_errors import own_error
from ._step import refuse_what_cannot_be_called, run_step, step_name

A = TypeVar("A")
B = TypeVar("B")


def micro_batched(
    batch_step: Callable[[Sequence[A]], Awaitable[Sequence[B | BaseException]]], *, max_size: int, max_wait: float
) -> Callable[[A], Coroutine[Any, Any, B]]:
    """Make a step of one input out of a step that takes many at once.

    ```python
    embed = micro_batched(embed_texts, max_size=64, max_wait=0.02)
    vectors = await parallelize(embed, texts)
    ```

    Concurrent calls are collected; a batch goes as soon as it is full, or `max_wait` after its first call. Several
    batches may run at once. There must be enough concurrent calls to fill one: mind `max_concurrency` of a fan-out.

    The result of a batch has one entry for each input, in their order. An entry that is an exception is raised to its
    own caller only: so a batch step lets one bad input fail alone (annotate it `list[B | BaseException]`). An exception
    that the batch step raises is raised to every caller of that batch: to each a copy with the original as its cause.

    A caller that is cancelled leaves its batch, which goes on for the others; when none is left it is cancelled. A
    batch runs in the context of its first caller: spans, usage and waiting for permits inside it count there.

    Args:
        batch_step: An async function of a list of inputs.
        max_size: How many inputs a batch has at most.
        max_wait: How long the first call of a batch waits for others, in seconds. 0: until the event loop's next turn.

    Raises:
        BaseException: From each call, what the batch step raised, or gave for this input.
        TypeError: `batch_step` cannot be called, or a setting is of the wrong type; from each call of a batch, the
            batch step is not async or gave no sequence.
        ValueError: A setting is out of its range; from each call of a batch, there are more or fewer results than
            inputs.
    """
    refuse_what_cannot_be_called("batch_step", batch_step, "an async function of a list of inputs")
    check_count("max_size", max_size, least=1)
    check_seconds("max_wait", max_wait, or_zero=True)
    collector = _Collector(batch_step, max_size, max_wait)

    async def run(input: A) -> B:
        return await collector.call(input)

    run.__name__ = run.__qualname__ = step_name(batch_step)
    say_of(run, Made(by="micro_batched", helpers=(batch_step,), same_arguments=False))
    return run


class _Call(Generic[A, B]):
    def __init__(self, input: A) -> None:
        self.input = input
        self.future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self.context = contextvars.copy_context()


class _Batch(Generic[A, B]):
    """Some calls on their way together.

    Attributes:
        calls: Those who wait for it.
        task: What runs it, once it runs.
    """

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.calls: list[_Call[A, B]] = []
        self.timer = timer
        self.task: asyncio.Task[None] | None = None


class _Collector(Generic[A, B]):
    """Collects calls, for each event loop apart."""

    def __init__(
        self,
        batch_step: Callable[[Sequence[A]], Awaitable[Sequence[B | BaseException]]],
        max_size: int,
        max_wait: float,
    ) -> None:
        self._step = batch_step
        self._max_size = max_size
        self._max_wait = max_wait
        self._collecting: dict[asyncio.AbstractEventLoop, _Batch[A, B]] = {}

    async def call(self, input: A) -> B:
        """Give an input to the batch that is being collected, and wait for its result."""
        call: _Call[A, B] = _Call(input)
        batch = self._joined(call)
        try:
            return await call.future
        finally:
            batch.calls.remove(call)
            if call.future.done() and not call.future.cancelled():
                call.future.exception()  # looked at, also where the caller was cancelled in the meantime
            if not batch.calls:
                await self._abandon(batch)

    def _joined(self, call: _Call[A, B]) -> _Batch[A, B]:
        loop = asyncio.get_running_loop()
        batch = self._collecting.get(loop)
        if batch is None:
            self._collecting[loop] = batch = _Batch(loop.call_later(self._max_wait, self._dispatch, loop))
        batch.calls.append(call)
        if len(batch.calls) == self._max_size:
            self._dispatch(loop)
        return batch

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._collecting.pop(loop)
        batch.timer.cancel()
        context = batch.calls[0].context
        batch.task = loop.create_task(self._run(batch), name=f"batch of {step_name(self._step)}", context=context)

    async def _abandon(self, batch: _Batch[A, B]) -> None:
        """Let a batch go for which nobody waits any more."""
        if batch.task is None:
            batch.timer.cancel()
            self._collecting.pop(asyncio.get_running_loop(), None)
        elif not batch.task.done():
            batch.task.cancel()
            await ended(batch.task)

    async def _run(self, batch: _Batch[A, B]) -> None:
        calls = list(batch.calls)
        try:
            results = await run_step(self._step, [call.input for call in calls])
            self._check(results, len(calls))
        except BaseException as error:
            for call in calls:
                _fail(call, own_error(error) if len(calls) > 1 else error)
            if isinstance(error, Exception):
                return
            raise
        raised = Counter(id(result) for result in results if isinstance(result, BaseException))
        for call, result in zip(calls, results, strict=True):
            if isinstance(result, BaseException):
                _fail(call, own_error(result) if raised[id(result)] > 1 else result)
            elif not call.future.done():
                call.future.set_result(result)

    def _check(self, results: Any, wanted: int) -> None:
        name = step_name(self._step)
        if isinstance(results, str | bytes | Mapping | AbstractSet) or not hasattr(results, "__len__"):
            raise TypeError(
                f"{name} must give a list with a result for each input, in their order; not {type(results).__name__}"
            )
        if len(results) != wanted:
            raise ValueError(
                f"{name} gave {len(results)} results for {wanted} inputs; it must give one for each, in their order, "
                "and an exception in the place of one that failed"
            )


def _fail(call: _Call[Any, Any], error: BaseException) -> None:
    if call.future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        call.future.cancel()
        return
    if isinstance(error, StopIteration):
        stopped, error = error, RuntimeError("a batch step gave StopIteration for this input; give something else")
        error.__cause__ = stopped
    call.future.set_exception(error)
