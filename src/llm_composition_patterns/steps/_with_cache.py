"""`with_cache`: equal calls share one, and with a store the results are kept.

A flight is one run of the step for one key. Whoever asks for the same key while it is under way waits for it too.
Nobody owns it: a caller that is cancelled leaves, and the last one to leave ends it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, cast

from ..tracing import add_event, names
from ._cache_key import CallKey
from ._cache_store import CacheStore
from ._checks import is_plain_function
from ._ending import ended
from ._kept_values import KeptValues
from ._made import Made
from ._own_errors import own_error
from ._step import refuse_what_is_no_step, run_step, step_name, wrapping

P = ParamSpec("P")
T = TypeVar("T")


def with_cache(
    step: Callable[P, Awaitable[T]],
    *,
    key: Callable[P, object] | None = None,
    store: CacheStore | None = None,
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make a step whose equal concurrent calls share one, and whose results are kept if there is a store.

    ```python
    translate = with_cache(translate_text, store=SqliteCache("translations.sqlite"))
    texts = await parallelize(translate, sentences)  # each different sentence is paid for once, ever
    ```

    Calls are equal if their arguments are: those of plain types, collections, dates, enums, paths, dataclasses and
    pydantic models are compared by their content. With `key`, what that gives decides in place of the arguments. A step
    is told from others by where it is written, and by the steps and settings that the wrappers of this package made it
    of: retries and timeouts change no answer, fallbacks do. Nobody sees whether the step itself has changed: name the
    version of a prompt, or the model, in the key, or begin a new store.

    Without a store nothing is kept: a call after the others have ended runs the step again. Callers that shared a
    call are given the same object. What is kept is JSON: the step's annotated return type says how a value is
    written and read; without one, only plain JSON types are kept. What is read no more as that type is asked for again.
    A result that the store fails to keep is given to its callers all the same: the log says so once for each step, and
    an event `cache failed` on the current span each time.

    A caller that is cancelled leaves the others alone; when the last one is, the call is cancelled. An exception goes
    to all who wait for that call, to each a copy with the original as its cause, and is not kept. A shared call runs in
    the context of its first caller: spans, usage and waiting for permits inside it count there. An event `cache
    answered` on the current span says that the step was not run for a call.

    Args:
        step: An async function of any arguments.
        key: A plain function of the same arguments that gives whatever decides the result.
        store: Where results are kept: `MemoryCache()`, `SqliteCache(path)`, or anything with their two methods.

    Raises:
        BaseException: From each call, what the step or the `key` raised, or the store when it was asked for a result.
        TypeError: Something cannot be called or is no store; or there is a store and no `key`, and the step holds on to
            something that its name does not tell (what it or a decorator of it closes over, its object), or is a
            lambda. From a call: an argument that needs a `key`, or a result that does not come back from JSON as it
            was.
    """
    refuse_what_is_no_step(step)
    if key is not None and not is_plain_function(key):
        raise TypeError(f"key must be a plain function of the step's arguments, not {key!r}")
    if store is not None and not (hasattr(store, "get") and hasattr(store, "put")):
        raise TypeError(f"store must have the methods get and put, such as MemoryCache(), not {store!r}")
    key_of = CallKey(step, key, kept=store is not None)
    values = KeptValues(step, store) if store is not None else None
    flights: dict[tuple[asyncio.AbstractEventLoop, str], _Flight[T]] = {}

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        digest = key_of(args, kwargs)
        place = asyncio.get_running_loop(), digest
        flight = flights.get(place)
        if flight is None:
            flight = flights[place] = _Flight(lambda: flights.pop(place, None))
            flight.start(functools.partial(_answer, step, values, digest, args, kwargs))
        else:
            _show(step, "shared")
        return await flight.landed()

    made = None if key is None else Made(by="with_cache", steps=(step,), helpers=(key,))
    return wrapping(step, run, made)


async def _answer(
    step: Callable[..., Awaitable[T]],
    values: KeptValues | None,
    key: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> T:
    if values is not None:
        found, kept = await values.get(key)
        if found:
            _show(step, "kept")
            return cast(T, kept)
    value = await run_step(step, *args, **kwargs)
    if values is not None:
        refused = await values.put(key, value)
        if refused is not None:
            add_event(names.CACHE_FAILED, {names.STEP: step_name(step), names.ERROR: type(refused).__name__})
    return value


class _Flight(Generic[T]):
    """One run of the step, for all who wait for it."""

    def __init__(self, forget: Callable[[], object]) -> None:
        self._forget = forget
        self._forgotten = False
        self._waiting = 0
        self._shared = False
        self._task: asyncio.Task[T]

    def start(self, answer: Callable[[], Awaitable[T]]) -> None:
        """Take off; `answer` is called in the flight's own task, which may be cancelled before it begins."""
        self._task = asyncio.create_task(self._fly(answer))

    async def landed(self) -> T:
        """Wait for the result."""
        self._waiting += 1
        self._shared = self._shared or self._waiting > 1
        try:
            await asyncio.wait([self._task])
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._end()
                if not self._task.done():
                    self._task.cancel()
                await ended(self._task)  # looked at, also where it failed as its last caller was cancelled
        if self._shared and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise own_error(error)
        return self._task.result()

    async def _fly(self, answer: Callable[[], Awaitable[T]]) -> T:
        try:
            return await answer()
        finally:
            self._end()

    def _end(self) -> None:
        """Let nobody join any more."""
        if not self._forgotten:
            self._forgotten = True
            self._forget()


def _show(step: Callable[..., Any], how: str) -> None:
    add_event(names.CACHE_ANSWERED, {names.STEP: step_name(step), names.CACHED: how})
