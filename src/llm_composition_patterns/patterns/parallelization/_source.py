"""Sources: where a fan-out pulls its inputs from, one at a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sized
from typing import Any, Final

END: Final = object()
"""Pulled when there is nothing left."""


class Source:
    """Inputs, pulled one at a time by whoever is free.

    Attributes:
        total: How many there are, or None while that is unknown.
        keys: Their keys where they were a Mapping, else None.
        iterator: The shared iterator, or None where pulling has to wait.
        shown: The inputs as a span may show them, or None where they are not at hand.
        ended: Whether a runner has come to their end.
    """

    def __init__(self, inputs: Iterable[Any] | AsyncIterable[Any] | Mapping[Any, Any]) -> None:
        refuse_what_is_no_source(inputs)
        self.total = _length(inputs)
        self.ended = False
        self.keys: list[Any] | None = None
        self.iterator: Iterator[Any] | None = None
        self.shown: object = None if self.total is None else inputs
        if isinstance(inputs, Mapping):
            self.keys = list(inputs)
            self.iterator = iter([inputs[key] for key in self.keys])
        elif isinstance(inputs, Iterable):
            self.iterator = iter(inputs)
        else:
            self._waiting: AsyncIterator[Any] = aiter(inputs)
            # An async iterator may not be asked twice at a time, and need not bear being asked after its end.
            self._turn = asyncio.Lock()
            self._exhausted = False

    async def pull(self) -> Any:
        """Wait for the next input of an async source, or `END`."""
        async with self._turn:
            input = END if self._exhausted else await anext(self._waiting, END)
            self._exhausted = input is END
            return input

    def next(self) -> Any:
        """The next input of a source that need not be waited for, or `END`."""
        return END if self.iterator is None else next(self.iterator, END)

    def close(self) -> None:
        """Let a plain generator that was not read to its end clean up."""
        if inspect.isgenerator(self.iterator):
            self.iterator.close()

    async def aclose(self) -> None:
        """Let a generator that was not read to its end clean up."""
        self.close()
        if self.iterator is None and inspect.isasyncgen(self._waiting):
            await self._waiting.aclose()


def _length(inputs: object) -> int | None:
    try:
        return len(inputs) if isinstance(inputs, Sized) else None
    except TypeError:
        return None  # a progress bar around a generator has a length only in name


def refuse_what_is_no_source(inputs: object) -> None:
    """Raise TypeError, with the repair, for what can be iterated but was surely not meant, and what cannot be."""
    if isinstance(inputs, str | bytes):
        raise TypeError(f"inputs is one {type(inputs).__name__}, not several inputs; write [{inputs[:20]!r}, ...]")
    if inspect.iscoroutine(inputs):
        inputs.close()
        raise TypeError("inputs is a coroutine; await it first, or run several coroutines with together(a(), b())")
    if not isinstance(inputs, Iterable | AsyncIterable):
        raise TypeError(f"inputs must be an iterable or an async iterable, not {type(inputs).__name__}")
