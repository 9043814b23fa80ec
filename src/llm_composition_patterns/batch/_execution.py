"""One execution of one item, as the steps inside it see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Protocol, TypeVar

from ..runs import Account
from ..steps import JsonForm, Step, run_step
from ..usage import Usage
from ._usage_since import usage_since

A = TypeVar("A")
B = TypeVar("B")


class Records(Protocol):
    """Where the results of the steps inside items are recorded; a store, or what stands for one."""

    def recall(self, item: str, key: str, /) -> Awaitable[str | None]:
        """The result of a step inside an item, as JSON; None where there is none."""
        ...

    def keep(self, item: str, key: str, value: str, /, *, usage: Usage) -> asyncio.Future[None]:
        """Write the result of a step inside an item, and what is to be added to what was spent."""
        ...


class Execution:
    """What an item's steps are recorded by, and what they used.

    Args:
        key: The item's.
        records: Where the results of its steps are recorded.
        account: What the calls inside it use.
    """

    def __init__(self, key: str, records: Records, account: Account) -> None:
        self.key = key
        self._records = records
        self._account = account
        self._recorded = self._told = account.usage
        self._turns: dict[str, asyncio.Lock] = {}

    def unrecorded(self) -> Usage:
        """What was used since this was asked last, for what all runs spent: steps inside are recorded one by one."""
        before, self._recorded = self._recorded, self._account.usage
        return usage_since(before, self._recorded)

    def used(self) -> Usage:
        """What was used since this was asked last, for the item, steps inside it included."""
        before, self._told = self._told, self._account.usage
        return usage_since(before, self._told)

    async def once(self, step: Step[A, B], input: A, key: str, form: JsonForm) -> B:
        """The recorded result of a step, or its result, recorded.

        Raises:
            ValueError: The caller is inside the step of this key, and would wait for itself.
        """
        within = _within.get()
        if (self, key) in within:
            raise ValueError(f"once(..., key={key!r}) inside the step of the same key: give it another")
        async with self._turns.setdefault(key, asyncio.Lock()):
            text = await self.recall(key)
            if text is not None:
                recalled: B = form.read(text)
                return recalled
            around = _within.set(within | {(self, key)})
            try:
                value = await run_step(step, input)
            finally:
                _within.reset(around)
            await self.keep(key, form.written(value))
            return value

    async def recall(self, key: str) -> str | None:
        """The recorded result of a step, as JSON; None where there is none."""
        return await self._records.recall(self.key, key)

    async def keep(self, key: str, value: str) -> None:
        """Record the result of a step; done when it is committed."""
        await self._records.keep(self.key, key, value, usage=self.unrecorded())


_within: ContextVar[frozenset[tuple[Execution, str]]] = ContextVar("llm_composition_within", default=frozenset())
"""The steps that the caller is inside of."""

current_execution: ContextVar[Execution | None] = ContextVar("llm_composition_execution", default=None)
"""The execution that the caller is inside of."""
